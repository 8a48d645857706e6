"""The knowledge plugin as a small artifact: save, load, attach to any host it fits."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

from kpframework.api.config import ComponentRef
from kpframework.api.context import Context
from kpframework.api.injector import Injector
from kpframework.api.linker import Linker
from kpframework.api.text import Mention, Segment
from kpframework.errors import KpError
from kpframework.inject.alignment import Encoding, padded_origin
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.knowledge import Knowledge, plain
from kpframework.inject.plug import MODULE_FILE, load_state, plug
from kpframework.kb.store import KBStore, open_store
from kpframework.kb.table import EntityTable
from kpframework.spec.checks import ARTIFACT_FILE
from kpframework.spec.resolve import bind_ref

FORMAT = 1
LINKED_FROM = 64 * 2**20
"""Bytes from which a file is linked out of the cache instead of copied."""
CARD_FILE = "README.md"
HOST = "__host__"
"""The name that stands for the bare host where a plugin is chosen for each row."""
_PARTS = ("name", "injector", "linker", "entities", "host")

_attachments: WeakKeyDictionary[torch.nn.Module, Attachment] = WeakKeyDictionary()


class KnowledgePlugin:
    """A trained knowledge plugin.

    The smallest use, on a plain transformers model::

        plugin = KnowledgePlugin.from_pretrained("runs/quickstart/plugins/map-task")
        plugin.attach(model, tokenizer)
        logits = model(**plugin.encode(["The patient has arachnodactyly."])).logits
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        injector: Injector,
        linker: Linker,
        kb: KBStore,
        table: EntityTable | None,
        state: Mapping[str, torch.Tensor],
    ) -> None:
        self.config = dict(config)
        self.injector = injector
        self.linker = linker
        self.kb = kb
        self.table = table
        self.state = dict(state)
        self.name = str(config["name"])
        self._host: torch.nn.Module | None = None
        self._tokenizer: Any = None

    # Loading and saving

    @classmethod
    def from_pretrained(
        cls, path_or_repo: str | Path, revision: str | None = None, registry: Any = None
    ) -> KnowledgePlugin:
        """Load an artifact from a folder, or from a repository of the hub.

        Raises:
            KpError: KP770, it is no knowledge plugin, or damaged; KP717; the plugins it names are
                missing (KP2xx); a file differs from its recorded hash (KP4xx).
        """
        folder = Path(path_or_repo)
        if not folder.is_dir():
            folder = _download(str(path_or_repo), revision)
        config = _read_config(folder)
        if registry is None:
            from kpframework.plugins import load

            registry = load()
        context = Context()
        injector = _create("injector", config, registry, context)
        linker = _create("linker", config, registry, context)
        kb, table = open_store(folder / "kb"), None
        if config["entities"] is not None:
            table = EntityTable.open(folder / "entities", verify=True)
            if table.sha256 != config["entities"]["sha256"]:
                raise KpError(
                    "KP771",
                    f"{folder / 'entities'} does not hold the vectors this plugin was trained with",
                    "take the folder as it was saved, entities included",
                )
        linker.prepare(kb)
        if injector.needs_kb:
            injector.prepare(kb)
        return cls(config, injector, linker, kb, table, load_state(folder))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the artifact; it does not depend on the place it was loaded from."""
        parts = {"kb": self.kb.folder}
        if self.table is not None:
            parts["entities"] = self.table.folder
        write_artifact(Path(folder), self.config, self.state, parts)

    # On a host

    def attach(self, model: torch.nn.Module, tokenizer: Any, name: str | None = None) -> Attachment:
        """Put the plugin on a host; nothing of the host is changed. Returns the host's attachment.

        Several plugins may sit on one host: give each a name and `encode` with ``knowledge=``.

        Raises:
            KpError: KP711, the name is taken; KP716, the plugin was trained for another width;
                KP775, this plugin is on a host already.
        """
        if self._host is not None:
            raise KpError(
                "KP775",
                f"{self.name!r} is attached to a {type(self._host).__name__} already",
                "detach it first, or load it once more for a second host",
            )
        attachment = _attachments.get(model)
        if attachment is None:
            attachment = _attachments[model] = Attachment(model)
        width, own = attachment.handle("").width, self.config["host"]["width"]
        if width != own:
            raise KpError(
                "KP716",
                f"{self.name!r} was trained for a host {own} wide; {type(model).__name__} is "
                f"{width} wide",
                "use the host family it was trained for: " + self.config["host"]["model_type"],
            )
        plug(attachment, name or self.name, self.injector, self.table, self.state)
        self.name, self._host, self._tokenizer = name or self.name, model, tokenizer
        return attachment

    def detach(self) -> None:
        """Take the plugin off its host, which answers as before, bit for bit."""
        if self._host is not None:
            attachment = _attachments[self._host]
            attachment.remove(self.name)
            if not attachment.members:
                del _attachments[self._host]  # it holds the host, which would never be freed
            self._host = None

    def link(self, texts: Sequence[str | Segment]) -> list[list[Mention]]:
        """Return the linked mentions of each text, those without a vector left out."""
        knowledge = Knowledge(self.injector, None, self.table)
        linked = self.linker.link([as_segment(text) for text in texts])
        return [knowledge.usable(mentions) for mentions in linked]

    def encode(
        self,
        texts: Sequence[str | Segment],
        mentions: Sequence[Sequence[Mention]] | None = None,
        max_length: int = 512,
    ) -> Encoding:
        """Return model inputs with this plugin's edits; mentions are linked unless given.

        A `Segment` in the place of a text brings a task's own mentions and edits, such as markers.
        The inputs know where the user's own tokens went, so that per-token metrics of a language
        model can be told: `kpframework.inject.alignment.Encoding.align`.
        """
        model, tokenizer = self._attached()
        linked = self.link(texts) if mentions is None else mentions
        rows = [(self, text, own) for text, own in zip(texts, linked, strict=True)]
        return encode_rows(model, tokenizer, rows, max_length)

    def explain(self, text: str) -> list[dict[str, Any]]:
        """Return for each linked mention its span, entity, name, and score."""
        found = self.link([text])[0]
        return [
            {
                "start": m.start,
                "end": m.end,
                "mention": text[m.start : m.end],
                "entity": m.entity,
                "name": self.kb.info(m.entity).name,
                "score": m.score,
            }
            for m in found
        ]

    def _attached(self) -> tuple[torch.nn.Module, Any]:
        if self._host is None:
            raise KpError("KP772", f"{self.name!r} is not attached", "call attach() first")
        return self._host, self._tokenizer


def as_segment(text: str | Segment) -> Segment:
    """Return a text as a segment without mentions and edits; a segment as it is."""
    return text if isinstance(text, Segment) else Segment(text)


def encode_mixed(
    texts: Sequence[str | Segment],
    knowledge: Sequence[KnowledgePlugin | str],
    max_length: int = 512,
) -> Encoding:
    """Return one batch in which each row has its own plugin, or ``"__host__"`` for none.

    Args:
        texts: one a row; a `Segment` brings a task's own mentions and edits.
        knowledge: one a row; all plugins are attached to one host.
        max_length: longest input.

    Raises:
        KpError: KP773, the plugins are not on one host, or a name is neither a plugin nor
            ``"__host__"``.
    """
    plugins = [own for own in knowledge if isinstance(own, KnowledgePlugin)]
    wrong = [own for own in knowledge if isinstance(own, str) and own != HOST]
    hosts = [plugin._attached() for plugin in plugins]
    if wrong or not hosts or any(model is not hosts[0][0] for model, _ in hosts):
        raise KpError(
            "KP773",
            f"unknown knowledge {wrong[0]!r}" if wrong else "the plugins are not on one host",
            f"give each row a plugin attached to the same model, or {HOST!r}",
        )
    rows = [
        (own, text, own.link([text])[0]) if isinstance(own, KnowledgePlugin) else (None, text, [])
        for own, text in zip(knowledge, texts, strict=True)
    ]
    return encode_rows(*hosts[0], rows, max_length)


def encode_rows(
    model: torch.nn.Module,
    tokenizer: Any,
    rows: Sequence[tuple[KnowledgePlugin | None, str | Segment, Sequence[Mention]]],
    max_length: int,
) -> Encoding:
    """Return the padded batch of (plugin, text, mentions) rows, on the model's device."""
    attachment = _attachments[model]
    encoder = InputEncoder(tokenizer, max_length)
    tables: dict[int, Any] = {}
    inputs: list[list[EditedSegment]] = []
    segments = [as_segment(text) for _, text, _ in rows]
    for (plugin, _, mentions), segment in zip(rows, segments, strict=True):
        if plugin is None:
            inputs.append([plain(segment)])
            continue
        source = attachment.source(plugin.name)
        knowledge = attachment.members[plugin.name]
        tables[source] = knowledge.rows
        inputs.append([knowledge.edit(segment, mentions, source)])
    lookups = [tables.get(source, len) for source in range(max(tables, default=-1) + 1)]
    items = encoder.encode(inputs)
    collate = Collator(tokenizer, encoder.special.pad_id, lookups)
    batch = collate(items).to(attachment.embedding.weight.device)  # type: ignore[arg-type]
    ids = batch.inputs["input_ids"]
    origin = padded_origin(items, ids.shape[1], collate.left).to(ids.device)
    return Encoding(batch.inputs, origin, [segment.text for segment in segments], tokenizer)


def write_artifact(
    folder: Path,
    config: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    parts: Mapping[str, Path],
    card: str = "",
) -> None:
    """Write an artifact aside and rename it into place.

    Args:
        folder: replaced if it is a knowledge plugin already.
        config: the content of ``kp_config.json``.
        state: trained tensors.
        parts: the folders of ``kb`` and, where vectors are used, ``entities``; their files are
            linked where possible.
        card: the README; empty for a short one.
    """
    if folder.exists():
        _read_config(folder)  # nothing else is ever replaced
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    for path in (temporary, *_left_behind(folder)):
        shutil.rmtree(path, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _fill(temporary, config, state, parts, card)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _fill(
    folder: Path,
    config: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    parts: Mapping[str, Path],
    card: str,
) -> None:
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / MODULE_FILE, metadata={"format": "pt"})
    for name, source in parts.items():
        shutil.copytree(source, folder / name, ignore=_ignore, copy_function=_copy_or_link)
    (folder / ARTIFACT_FILE).write_text(json.dumps(config, indent=2, ensure_ascii=False), "utf-8")
    (folder / CARD_FILE).write_text(card or f"# {config['name']}\n", "utf-8")


def _left_behind(folder: Path) -> list[Path]:
    """Return what processes that were killed had written aside."""
    found = []
    for path in folder.parent.glob(f".{folder.name}.*"):
        try:
            os.kill(int(path.suffix[1:]), 0)
        except ProcessLookupError:
            found.append(path)
        except (ValueError, OSError, OverflowError):  # not ours, or its process lives
            continue
    return found


_ignore = shutil.ignore_patterns("manifest.json")
"""The cache's own notes on a step, with the seconds it took: no part of an artifact."""


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder aside and rename it into place; manifests of the cache are left out."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(
        source,
        temporary,
        copy_function=_copy_or_link,
        ignore=shutil.ignore_patterns("manifest.json"),
    )
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def _copy_or_link(source: str, target: str) -> None:
    """Copy a file; a large one, never written in place, is linked where the disk allows."""
    if Path(source).stat().st_size >= LINKED_FROM:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / ARTIFACT_FILE
    try:
        config = json.loads(path.read_text("utf-8"))
        found = config["kp_format"]
        missing = [part for part in _PARTS if part not in config]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KpError("KP770", f"{folder} is no knowledge plugin: {error}") from error
    if found != FORMAT:
        raise KpError(
            "KP770",
            f"{path} has format {found}; this version reads {FORMAT}",
            "update kpframework",
        )
    if missing:
        raise KpError("KP770", f"{path} is damaged: it lacks {', '.join(missing)}")
    return dict(config)


def _create(kind: str, config: Mapping[str, Any], registry: Any, context: Context) -> Any:
    ref = ComponentRef.model_validate(config[kind])
    return bind_ref(kind, ref, registry).create(context)


def _download(repository: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.parquet", "*.md"]
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise KpError(
            "KP774",
            f"{repository!r} is neither a folder here nor to be had from the hub: {error}",
            "check the path, the repository's name, and the connection",
        ) from error
