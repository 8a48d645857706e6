"""The knowledge plugin in a user's own code: loaded, put on a host, switched, taken off, saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from kpframework.api.injector import Injector
from kpframework.api.linker import Linker
from kpframework.api.text import Mention, Segment
from kpframework.artifact import hub, load
from kpframework.artifact.edited import edited_config, edited_parts
from kpframework.artifact.encode import Row, RowEncoder, as_segment
from kpframework.artifact.hosts import Host, check_host, host_of, keep
from kpframework.artifact.tokenizer import KnowledgeTokenizer
from kpframework.artifact.write import write_artifact
from kpframework.errors import KpError
from kpframework.inject.alignment import Encoding
from kpframework.inject.attachment import Attachment
from kpframework.inject.contents import Contents
from kpframework.inject.editable import Editable
from kpframework.inject.knowledge import Knowledge
from kpframework.inject.plug import plug
from kpframework.kb.store import KBStore
from kpframework.kb.table import EntityTable


class KnowledgePlugin(Editable):
    """A trained knowledge plugin; what it knows can be edited while it is at work.

    The smallest use, on a plain transformers model::

        plugin = KnowledgePlugin.from_pretrained("runs/quickstart/plugins/map-task")
        with plugin.attach(model, tokenizer):
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
        card: str = "",
    ) -> None:
        super().__init__(Contents(injector, linker, kb, table))
        self.config = dict(config)
        self.state = dict(state)
        """The trained tensors, as they are put on a host."""
        self.card = card
        """The README that is saved beside it."""
        self.name = str(config["name"])
        """What it is called on its host; `attach` may give it another name."""
        self._on: tuple[Host, Any] | None = None

    # Loading and saving

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo: str | Path,
        revision: str | None = None,
        *,
        token: str | bool | None = None,
        verify: bool | Literal["once"] = "once",
        registry: Any = None,
    ) -> KnowledgePlugin:
        """Load an artifact from a folder, or from a repository of the hub.

        Args:
            path_or_repo: a folder here, or ``owner/name`` on the hub.
            revision: branch, tag or commit on the hub.
            token: of the hub; None takes the one huggingface_hub knows.
            verify: compare every file with its checksum: True each time, "once" where it changed
                since (size, times, inode; remembered in the cache); False trusts the disk.
            registry: components to choose from; None takes those of all installed plugins.

        Raises:
            KpError: KP770, it is no knowledge plugin, or of another format; KP777, a file is not
                the one that was saved; KP717, KP771, KP4xx, a part is damaged; KP774, it is not to
                be had; KP779, plugins that it needs are not installed.
        """
        folder = Path(path_or_repo)
        if not folder.is_dir():
            folder = hub.download(str(path_or_repo), revision, token)
        elif revision is not None:
            raise KpError(
                "KP774",
                f"{folder} is a folder here, which has no revision {revision!r}",
                "leave the revision out, or give the name of a repository of the hub",
            )
        return cls(**load.parts_of(folder, verify, registry))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the artifact, edits included; it does not depend on where it was loaded from.

        On a host the tensors are saved as they are now, so training in a loop of your own is kept.
        What the card and the configuration say of measured scores is then of an earlier state, and
        is said so.

        Raises:
            KpError: KP770, the folder is there and no knowledge plugin.
        """
        state, config, card = self._trained(), self.config, self.card
        if any(not torch.equal(state[name], self.state[name]) for name in state):
            config = {key: own for key, own in config.items() if key not in load.MEASURED}
            config["trained_on_from"] = self.config.get("sha256")
            card = load.with_note(card or f"# {self.name}\n")
        with edited_parts(self.contents, Path(folder)) as (parts, changes):
            write_artifact(Path(folder), edited_config(config, changes), state, parts, card)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        revision: str | None = None,
        commit_message: str = "Upload knowledge plugin",
        token: str | bool | None = None,
        create_pr: bool = False,
    ) -> Any:
        """Upload what `save_pretrained` writes to a repository of the hub, made if it is missing.

        Args:
            repo_id: ``owner/name``, or a name in your own account.
            private: of a repository that is made; None takes your account's default.
            revision: branch, made if it is missing; None takes ``main``.
            commit_message: of the one commit.
            token: None takes the one huggingface_hub knows: ``hf auth login``, or ``HF_TOKEN``.
            create_pr: open a pull request instead.

        Returns:
            huggingface_hub's ``CommitInfo``; ``oid`` is a revision for `from_pretrained`.

        Raises:
            KpError: KP782, the hub refuses, or is not to be reached.
        """
        return hub.push(
            self.save_pretrained,
            repo_id,
            private=private,
            revision=revision,
            message=commit_message,
            token=token,
            create_pr=create_pr,
        )

    # On a host

    def attach(
        self,
        model: torch.nn.Module,
        tokenizer: Any,
        name: str | None = None,
        *,
        strict: bool = True,
    ) -> KnowledgePlugin:
        """Put the plugin on a host, whose weights and class stay as they are; return itself.

        Several plugins may sit on one host, each under a name. The first is active, see
        `set_active`. Leaving a ``with`` block over the returned plugin detaches it.

        Args:
            model: a transformers model, or a `PeftModel` around one.
            tokenizer: the host's; it is read, never changed.
            name: None takes the artifact's.
            strict: False lets in a host of another family, or with another vocabulary, of the same
                width.

        Raises:
            KpError: KP711, the name is taken; KP716, the host is of another family or width; KP775,
                this plugin is on a host already; KP783, the tokenizer is another one.
        """
        if self._on is not None:
            raise KpError(
                "KP775",
                f"{self.name!r} is attached to a {type(self._on[0].model).__name__} already",
                "detach it first, or load it once more for a second host",
            )
        host = host_of(model)
        check_host(self.config, host.attachment, tokenizer, strict)
        own = name or self.name
        plug(host.attachment, own, self.injector, self.table, self.state)
        if len(host.attachment.members) == 1:
            host.attachment.active = own
        host.linkers[own] = self.link
        keep(host)
        self.name, self._on = own, (host, tokenizer)
        return self

    def __enter__(self) -> KnowledgePlugin:
        return self

    def __exit__(self, *_: object) -> None:
        self.detach()

    def detach(self) -> None:
        """Take the plugin off its host, which answers as before, bit for bit.

        What was trained meanwhile is kept. Nothing is to do where it is on no host.
        """
        if self._on is not None:
            host, _ = self._on
            self.state = self._trained()
            host.attachment.remove(self.name)
            del host.linkers[self.name]
            keep(host)
            self._on = None

    def attached(self) -> tuple[Host, Any]:
        """Return the host and its tokenizer.

        Raises:
            KpError: KP772, it is on none.
        """
        if self._on is None:
            raise KpError("KP772", f"{self.name!r} is not attached", "call attach() first")
        return self._on

    @property
    def attachment(self) -> Attachment:
        """Everything that is on its host."""
        return self.attached()[0].attachment

    @property
    def module(self) -> torch.nn.Module | None:
        """What training would move, on the host's device; None for a method that trains nothing."""
        return self.attachment.members[self.name].module

    @property
    def active(self) -> bool:
        """Whether texts get this plugin where nobody says which: it is active, and not disabled."""
        return self.attachment.active == self.name and self.enabled

    @property
    def enabled(self) -> bool:
        """Whether it acts at all."""
        return self.name not in self.attachment.disabled

    def set_active(self) -> None:
        """Let this plugin, of those on the host, be the one its `tokenizer` brings along.

        The others stay where they are: `encode` and `encode_mixed` say themselves whose they are.
        """
        self.attachment.active = self.name

    def disable(self) -> _Disabled:
        """Let it do nothing until `enable`, or for the time of a ``with`` block.

        Its texts are then encoded as the bare host gets them, so the answers are the bare host's,
        bit for bit. A batch that was encoded with its entities before is refused (KP776).
        """
        self.attachment.disabled.add(self.name)
        return _Disabled(self)

    def enable(self) -> None:
        """Let it act again."""
        self.attachment.disabled.discard(self.name)

    # Texts

    def link(self, texts: Sequence[str | Segment]) -> list[list[Mention]]:
        """Return the linked mentions of each text, those without a vector left out."""
        return self.contents.link([as_segment(text) for text in texts])

    def encode(
        self,
        texts: str | Segment | Sequence[str | Segment],
        mentions: Sequence[Sequence[Mention]] | None = None,
        pairs: str | Segment | Sequence[str | Segment] | None = None,
        pair_mentions: Sequence[Sequence[Mention]] | None = None,
        *,
        padding: bool | str = True,
        max_length: int | None = None,
    ) -> Encoding:
        """Return inputs for ``model(**inputs)`` and ``model.generate(**inputs)``.

        A `Segment` in the place of a text brings a task's own mentions and edits, such as markers.
        The inputs know where the user's own tokens went, so that per-token metrics of a language
        model can be told: `kpframework.inject.alignment.Encoding.align`.

        Args:
            texts: one a row, or a single text.
            mentions: of each text; None has them linked.
            pairs: second text of each row.
            pair_mentions: of each second text; None has them linked, unless ``mentions`` are given:
                then they have none.
            padding: True or ``"longest"``, ``"max_length"``, or False where rows are equally long.
            max_length: longest input; None takes what the host can hold. What exceeds it is cut,
                mentions of a task and markers never (KP702).

        Raises:
            KpError: KP772, it is not attached; KP702, KP784.
        """
        host, tokenizer = self.attached()
        columns = [_listed(texts)] + ([] if pairs is None else [_listed(pairs)])
        segments = list(zip(*columns, strict=True))
        for given in (mentions, pair_mentions):
            if given is not None and len(given) != len(segments):
                raise ValueError(f"mentions of {len(given)} texts for {len(segments)} rows")
        rows = []
        for at, row in enumerate(segments):
            own: Any = None
            if mentions is not None or pair_mentions is not None:
                own = tuple(
                    () if given is None else given[at]
                    for given in (mentions, pair_mentions)[: len(row)]
                )
            rows.append(Row(self.name, row, own))
        return RowEncoder(host, tokenizer, max_length).encoding(rows, padding)

    def tokenizer(self) -> KnowledgeTokenizer:
        """Return what a pipeline, a collator or ``datasets.map`` takes for a tokenizer.

        It serves the host's active plugin, whichever that is when it is called.
        """
        return KnowledgeTokenizer(*self.attached())

    def explain(self, text: str) -> list[dict[str, Any]]:
        """Return for each linked mention its span, entity, name, and score."""
        contents = self.contents
        found = contents.link([Segment(text)])[0]
        return [
            {
                "start": m.start,
                "end": m.end,
                "mention": text[m.start : m.end],
                "entity": m.entity,
                "name": contents.kb.info(m.entity).name,
                "score": m.score,
            }
            for m in found
        ]

    def _swap(self, contents: Contents) -> None:
        super()._swap(contents)
        if self._on is not None:
            knowledge = Knowledge(contents.injector, self.module, contents.table)
            self.attachment.replace(self.name, knowledge)

    def _trained(self) -> dict[str, torch.Tensor]:
        module = None if self._on is None else self.module
        if module is None:
            return self.state
        return {name: own.detach().cpu().clone() for name, own in module.state_dict().items()}


class _Disabled:
    """What `KnowledgePlugin.disable` returns: enables again at the end of a ``with`` block."""

    def __init__(self, plugin: KnowledgePlugin) -> None:
        self._plugin = plugin

    def __enter__(self) -> KnowledgePlugin:
        return self._plugin

    def __exit__(self, *_: object) -> None:
        self._plugin.enable()


def _listed(texts: str | Segment | Sequence[str | Segment]) -> list[Segment]:
    own = [texts] if isinstance(texts, (str, Segment)) else texts
    return [as_segment(text) for text in own]
