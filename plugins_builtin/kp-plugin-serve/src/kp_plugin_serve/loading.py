"""From folders on the command line to knowledge plugins on one frozen host."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpframework import KnowledgePlugin, KpError, SavedHost, load_host

ARTIFACT_FILE = "kp_config.json"
RESULTS_FILE = "results.json"
HOST_FILE = "kp_host.json"


@dataclass
class Loaded:
    """A host with knowledge plugins attached, and what was left out."""

    host: SavedHost
    plugins: dict[str, KnowledgePlugin]
    """By the name they are served under."""
    examples: list[dict[str, Any]] = field(default_factory=list)
    """Test examples of the run, with the row and what knowledge did there."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Artifact:
    folder: Path
    config: dict[str, Any]

    @property
    def run(self) -> Path | None:
        """The run's folder it lies in, if it lies in one."""
        parent = self.folder.absolute().parent
        run = parent.parent
        return run if parent.name == "plugins" and (run / RESULTS_FILE).is_file() else None

    @property
    def host(self) -> tuple[str, str]:
        """Ids of the host and of the task it was trained for."""
        return self.config["host"].get("id", ""), self.config["host"].get("task", "")


def load(sources: Sequence[Path], model: Path | None = None, registry: Any = None) -> Loaded:
    """Load all knowledge plugins of some run or artifact folders onto one host.

    Args:
        sources: folders; a run's plugins come in the order of its table, controls last.
        model: the host's folder; without it the one that the first plugin's run keeps. Plugins
            that were trained for another host of the run are left out, with a note.
        registry: of installed components; the environment's own if None.

    Raises:
        KpError: KP860, a folder holds no knowledge plugin; KP861, no host was found; and whatever
            loading raises.
    """
    found = [artifact for source in sources for artifact in _artifacts(source)]
    found = list({own.folder.resolve(): own for own in found}.values())
    notes: list[str] = []
    if model is None:
        first = found[0]
        others = [own for own in found if own.host != first.host]
        notes = [
            f"{own.folder.name} is left out: it was trained for the host {own.host[0]!r} and the "
            f"task {own.host[1]!r}, not for {first.host[0]!r} and {first.host[1]!r}"
            for own in others
        ]
        found = [own for own in found if own.host == first.host]
        model = _kept_host(first)
    host = load_host(model, registry)
    if host.head == "causal-lm":
        host.tokenizer.padding_side = "left"  # what is continued ends where its row ends
    if host.task_problem:
        notes.append(f"the task's own form of input cannot be used here: {host.task_problem}")
    plugins: dict[str, KnowledgePlugin] = {}
    for own in found:
        name = _unique(own.folder.name, plugins)
        plugin = KnowledgePlugin.from_pretrained(own.folder, registry=registry)
        plugin.attach(host.model, host.tokenizer, name)
        plugins[name] = plugin
    return Loaded(host, plugins, _examples(found, list(plugins)), notes)


def _artifacts(source: Path) -> list[_Artifact]:
    folders = [source] if (source / ARTIFACT_FILE).is_file() else []
    if not folders and (source / "plugins").is_dir():
        folders = sorted(p.parent for p in (source / "plugins").glob(f"*/{ARTIFACT_FILE}"))
    if not folders:
        raise KpError(
            "KP860",
            f"{source} is neither a knowledge plugin nor a run that kept one",
            "give a folder such as runs/NAME, or runs/NAME/plugins/ROW",
        )
    artifacts = [_Artifact(folder, _read(folder / ARTIFACT_FILE)) for folder in folders]
    rows = _rows(source)

    def place(own: _Artifact) -> tuple[bool, int]:
        return own.config.get("control") is not None, rows.get(own.config.get("name"), len(rows))

    return sorted(artifacts, key=place)


def _rows(run: Path) -> dict[Any, int]:
    """Return the place of each row in the table of a run; nothing where that cannot be read."""
    try:
        rows = json.loads((run / RESULTS_FILE).read_text("utf-8"))["rows"]
        return {row["injection"]: at for at, row in reversed([*enumerate(rows)])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _read(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text("utf-8"))
        if not isinstance(config["host"], dict):
            raise TypeError("'host' is no table")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KpError("KP860", f"{path} is no knowledge plugin's configuration: {error}") from error
    return dict(config)


def _kept_host(artifact: _Artifact) -> Path:
    """Return the folder of the host that a plugin was trained on, in the run that kept both."""
    id_, task = artifact.host
    fix = "name its folder with --model"
    if artifact.run is None:
        raise KpError(
            "KP861", f"{artifact.folder} does not lie in a run's folder, which keeps the host", fix
        )
    hosts = artifact.run / "hosts"
    # Named by what tells a run's hosts apart: HOST, HOST--TASK, HOST--seedN, HOST--TASK--seedN.
    seed = f"seed{artifact.config.get('seed', 0)}"
    for parts in ([id_, task, seed], [id_, task], [id_, seed], [id_]):
        folder = hosts / "--".join(parts)
        if (folder / "config.json").is_file() or (folder / HOST_FILE).is_file():
            return folder
    raise KpError(
        "KP861",
        f"{artifact.run} keeps no host {id_!r}; one that is a checkpoint stays where it was",
        fix,
    )


def _unique(name: str, taken: dict[str, Any]) -> str:
    number, own = 2, name
    while own in taken or own == "__host__":
        own, number = f"{name}-{number}", number + 1
    return own


def _examples(found: Sequence[_Artifact], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the runs' reports show: texts that knowledge helped with, harmed or changed."""
    examples: list[dict[str, Any]] = []
    for artifact, name in zip(found, names, strict=True):
        if artifact.run is None:
            continue
        try:
            kept = json.loads((artifact.run / RESULTS_FILE).read_text("utf-8")).get("examples", ())
            row = str(artifact.config["name"])
            own = [
                e for e in kept if (e["injection"], e["host"], e["task"]) == (row, *artifact.host)
            ]
            examples += [{**e, "knowledge": name} for e in own]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return examples
