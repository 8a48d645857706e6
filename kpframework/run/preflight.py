"""What can be refused before anything runs though the spec alone does not tell.

Local folders are looked into: a model's ``config.json`` and its tokenizer's files. Nothing is
loaded, and a model that is still on the hub is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from kpframework.api.config import ComponentConfig, SectionId
from kpframework.api.context import Context
from kpframework.api.model_facts import Misfit
from kpframework.spec.checks import ARTIFACT_FILE, head_of
from kpframework.spec.fields import marked
from kpframework.spec.findings import Findings
from kpframework.spec.resolved import BoundComponent, BoundHost, ResolvedSpec
from kpframework.spec.tree import Loc

_CLASSIFIER = "ForSequenceClassification"
_WIDTHS = ("hidden_size", "n_embd", "dim", "d_model")


def preflight(resolved: ResolvedSpec) -> None:
    """Refuse what the models of a spec cannot serve.

    Raises:
        SpecError: with every problem at its place. KP317, a row reads a corpus, which takes a
            masked language model, and the backbone's tokenizer has no mask token; KP318, an option
            of a row or a host does not fit a model; KP319, a saved plugin is of another width;
            KP732, a checkpoint was saved with another head than a task takes.
    """
    _Preflight(resolved).run()


class _Preflight:
    def __init__(self, resolved: ResolvedSpec) -> None:
        self.resolved = resolved
        self.findings = Findings(resolved.root)

    @cached_property
    def backbone(self) -> Path | None:
        """The backbone's folder, or None if it is not on this machine."""
        folder: Path | None = self.resolved.backbone.create(Context()).at_hand()
        return folder

    def run(self) -> None:
        hosts = list(self.resolved.hosts.values())
        for i, host in enumerate(hosts):
            if host.adaptation is not None:
                self._fits(("hosts", i, "adaptation"), host.adaptation, [host])
            elif host.section.checkpoint is not None:
                self._head(("hosts", i, "checkpoint"), Path(host.section.checkpoint))
        for i, row in enumerate(self.resolved.injections.values()):
            if row.injector is not None and row.row is None:
                self._reads_corpus(("injections", i), row.injector)
                self._fits(("injections", i), row.injector, hosts)
            elif row.artifact is not None:
                for host in hosts:
                    self._width(("injections", i), row.artifact, host)
        self.findings.raise_any()

    def _reads_corpus(self, loc: Loc, injector: BoundComponent) -> None:
        for at in _corpora(injector):
            if (
                self.backbone is not None
                and not _has_mask(self.backbone)
                and injector.create(Context()).language_model
            ):
                message = "reading a corpus takes a masked language model, and the tokenizer in "
                message += f"{self.backbone} has no mask token"
                fix = "train this row on the task, or take a backbone that is a masked language "
                fix += "model"
                self.findings.add("KP317", (*loc, *at), message, fix)

    def _fits(self, loc: Loc, component: BoundComponent, hosts: Sequence[BoundHost]) -> None:
        if type(component.config).misfits is ComponentConfig.misfits:
            return
        found: dict[Misfit, list[str]] = {}
        for host in hosts:
            if model := self._model(host):
                for misfit in component.config.misfits(model):
                    found.setdefault(misfit, []).append(repr(host.section.id))
        for (option, message, fix), names in found.items():
            at = tuple(int(step) if step.isdigit() else step for step in option.split("."))
            whose = f"{message} (host {', '.join(names)})"
            self.findings.add("KP318", (*loc, *at), whose, fix)

    def _head(self, loc: Loc, checkpoint: Path) -> None:
        saved = _read(checkpoint / "config.json").get("architectures")
        if not isinstance(saved, list) or any(str(name).endswith(_CLASSIFIER) for name in saved):
            return
        # A decoder of any head serves a language-model task, whose head is tied to its words.
        for task in self.resolved.tasks.values():
            if head_of(task.task) == "sequence-classification":
                message = f"{checkpoint} was saved as {', '.join(map(str, saved))}, and task "
                message += f"{task.section.id!r} takes a sequence-classification head"
                fix = "give a checkpoint that was fine-tuned as a classifier, or an adaptation"
                self.findings.add("KP732", loc, message, fix)
                return

    def _width(self, loc: Loc, artifact: Path, host: BoundHost) -> None:
        stated = _read(artifact / ARTIFACT_FILE).get("host")
        own = stated if isinstance(stated, dict) else {}
        trained = own.get("width")
        model = self._model(host)
        width = next((model[name] for name in _WIDTHS if name in model), None)
        if isinstance(trained, int) and isinstance(width, int) and trained != width:
            message = f"{artifact} was trained for a host {trained} wide; host "
            message += f"{host.section.id!r} is {width} wide"
            fix = f"use the host family it was trained for: {own.get('model_type')}"
            self.findings.add("KP319", (*loc, "from"), message, fix)

    def _model(self, host: BoundHost) -> dict[str, Any]:
        checkpoint = host.section.checkpoint
        folder = self.backbone if checkpoint is None else Path(checkpoint)
        return {} if folder is None else _read(folder / "config.json")


def _corpora(injector: BoundComponent) -> Iterator[Loc]:
    for at, _, marker in marked(type(injector.config), injector.config):
        if isinstance(marker, SectionId) and marker.section == "corpora":
            yield at


def _has_mask(folder: Path) -> bool:
    """Return whether a tokenizer names a mask token, or does not say."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if _read(folder / name).get("mask_token"):
            return True
    added = _read(folder / "tokenizer.json").get("added_tokens")
    # A class of older models knows its mask token without naming it: then it is in the list.
    return added is None or any("mask" in str(token.get("content", "")).lower() for token in added)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
