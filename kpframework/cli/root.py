"""The root command, its global options, and what becomes of errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module

import click

from kpframework import __version__
from kpframework.cli import output
from kpframework.errors import KpError

COMMANDS = {
    "run": ("kpframework.cli.run", "Run a spec, reusing the steps that are cached."),
    "plan": ("kpframework.cli.plan", "Show what a run would do; run nothing."),
    "validate": ("kpframework.cli.validate", "Check a spec, all problems at once."),
    "explain": ("kpframework.cli.explain", "Show what knowledge does to one text."),
    "report": ("kpframework.cli.report", "Show the results of a run again."),
    "compare": ("kpframework.cli.compare", "Join finished runs into one table."),
    "kb": ("kpframework.cli.kb", "Look into a knowledge base: counts, search, audit."),
    "link": ("kpframework.cli.link", "Link the texts of a corpus; score them against gold."),
    "lock": ("kpframework.cli.lock", "Write down what pins a run."),
    "schema": ("kpframework.cli.schema", "Print the JSON Schema of specs, plugins included."),
    "plugins": ("kpframework.cli.plugins", "List, check, enable and disable plugins."),
}
"""Name -> (module that defines ``command``, one line of help). ``--help`` imports none of them."""
ELSEWHERE = {"serve": "kp-plugin-serve"}
"""Commands that come in a distribution of their own, named where it is not installed."""

INTERRUPTED = 130


@dataclass
class GlobalOptions:
    """Options given before the command."""

    safe_mode: bool = False
    traceback: bool = False


class CommandTable(click.Group):
    """A group that imports a command's module when the command is used.

    Installed plugins add commands through the entry-point group ``kpframework.commands``.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table, those of plugins behind them."""
        return [*COMMANDS, *(name for name, _ in _of_plugins())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import and return a command; a usage error if there is none of that name.

        Raises:
            PluginError: it is a plugin's and cannot be used (KP203, KP204).
        """
        if cmd_name not in COMMANDS:
            return self._of_a_plugin(ctx, cmd_name)
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def _of_a_plugin(self, ctx: click.Context, name: str) -> click.Command:
        from kpframework.plugins.commands import find_command
        from kpframework.plugins.discovery import scan
        from kpframework.plugins.lookup import did_you_mean

        # The callback below, which forbids plugins in safe mode, is called after this.
        records = scan(safe_mode=bool(ctx.params.get("safe_mode")))
        found: click.Command | None = find_command(records, name, COMMANDS)
        if found is None and name in ELSEWHERE:
            ctx.fail(
                f"{name!r} comes in a package that is not installed here: "
                f"pip install {ELSEWHERE[name]}"
            )
        if found is None:
            ctx.fail(f"no command is named {name!r}.{did_you_mean(name, self.list_commands(ctx))}")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table into the help without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        if plugins := _of_plugins():
            with formatter.section("Commands of plugins"):
                formatter.write_dl(plugins)


def _of_plugins() -> list[tuple[str, str]]:
    """Return (name, one line) of the commands plugins offer; none where that cannot be told."""
    from kpframework.plugins.glimpse import command_summaries
    from kpframework.safe import safe_line

    with suppress(KpError):  # help is shown whatever is wrong with the settings
        return [(safe_line(n, 40), safe_line(s, 100)) for n, s in command_summaries(COMMANDS)]
    return []


@click.group(cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--safe-mode", is_flag=True, help="Use no plugin at all.")
@click.option("--traceback", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, safe_mode: bool, traceback: bool) -> None:
    """Plug a knowledge base into a frozen language model, declaratively.

    Exit codes: 0 ok, 1 the run failed, 2 usage or spec, 3 plugin, 4 lock mismatch, 130 interrupted.
    """
    options = ctx.ensure_object(GlobalOptions)
    options.safe_mode = safe_mode
    options.traceback = traceback
    if safe_mode:
        _forbid_plugins(ctx)


def _forbid_plugins(ctx: click.Context) -> None:
    """Allow no plugin until the command ends, in this process and in those it starts."""
    from kpframework.plugins.settings import ALLOW_VARIABLE

    before = os.environ.get(ALLOW_VARIABLE)
    os.environ[ALLOW_VARIABLE] = ""

    @ctx.call_on_close
    def restore() -> None:
        if before is None:
            os.environ.pop(ALLOW_VARIABLE, None)
        else:
            os.environ[ALLOW_VARIABLE] = before


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit code.

    Every error of a user's making ends as a message on stderr; a traceback is shown only with
    ``--traceback``.
    """
    output.prepare()
    options = GlobalOptions()
    try:
        result = cli.main(
            args=None if arguments is None else list(arguments),
            prog_name="kpframework",
            standalone_mode=False,
            obj=options,
        )
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except (KeyboardInterrupt, click.Abort):
        output.echo("interrupted", err=True)
        return INTERRUPTED
    except KpError as error:
        output.problems(error.problems)
        _trace(error, options)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        output.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        _usage(error)
        return error.exit_code
    except BrokenPipeError:
        # The reader has gone (`| head`): nothing more can be said to it, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        hint = "" if options.traceback else "; run with --traceback to see where"
        output.echo(f"internal error: {text}{hint}", err=True)
        _trace(error, options)
        return 1


def _trace(error: Exception, options: GlobalOptions) -> None:
    if options.traceback:
        import traceback

        output.echo("".join(traceback.format_exception(error)), err=True)


def _usage(error: click.ClickException) -> None:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        output.echo(error.ctx.get_usage(), err=True)
        output.echo(f"Try '{error.ctx.command_path} --help'.\n", err=True)
    output.echo(f"error: {error.format_message()}", err=True)
