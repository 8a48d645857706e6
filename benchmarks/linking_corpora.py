"""Gold corpora for the quality of linking, each with the knowledge base it is linked to."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prepare_semcor import ARCHIVE, read_senses, read_sentences

from kpframework.api import (
    Annotation,
    Context,
    Document,
    Entity,
    KBProvider,
    KnowledgeBase,
    Triple,
    read_documents,
)
from kpframework.kb.store import build_store, open_store

Documents = list[Document]


@dataclass(frozen=True)
class Corpus:
    """Documents of a dev and a test part, and the knowledge bases to try, by name."""

    name: str
    dev: Documents
    test: Documents
    bases: dict[str, KnowledgeBase]
    of_kinds: dict[str, KnowledgeBase] = field(default_factory=dict)
    """By a mention's kind the knowledge base of it alone; empty where kinds are not told apart."""


class Listed(KBProvider):
    """Entities from memory."""

    def __init__(self, entities: list[Entity]) -> None:
        super().__init__(None, Context())
        self._entities = entities

    def entities(self) -> Iterator[Entity]:
        """Yield them."""
        yield from self._entities

    def triples(self) -> Iterator[Triple]:
        """Yield nothing."""
        yield from ()


class PartOfSpeech(KBProvider):
    """The synsets of one part of speech, without triples."""

    def __init__(self, wordnet: KBProvider, letter: str) -> None:
        super().__init__(None, Context())
        self._wordnet = wordnet
        self._letter = letter

    def entities(self) -> Iterator[Entity]:
        """Yield them."""
        yield from (e for e in self._wordnet.entities() if e.id.endswith(f"-{self._letter}"))

    def triples(self) -> Iterator[Triple]:
        """Yield nothing."""
        yield from ()


def bc5cdr(data: Path, work: Path) -> Corpus:
    """Return BC5CDR; MeSH headings, and the same with what the training part calls them."""
    folder = data / "biomed" / "bc5cdr"
    parts = {
        p: list(read_documents(folder / f"{p}_corpus.txt.gz")) for p in ("train", "dev", "test")
    }
    with gzip.open(folder / "entities.txt.gz", "rt", encoding="utf-8") as lines:
        headings = dict(line.rstrip("\n").split("\t") for line in lines)
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for document in parts["train"]:
        for a in document.annotations:
            if len(a.ids) == 1:
                seen[a.ids[0]][document.text[a.start : a.end].lower()] += 1
    plain = [Entity(own, name) for own, name in headings.items()]
    named = [
        Entity(
            own,
            headings.get(own, max(seen[own], default="")),
            tuple(seen[own]),
            (1.0, *(float(1 + n) for n in seen[own].values())),
        )
        for own in dict.fromkeys([*headings, *seen])
    ]
    bases: dict[str, KnowledgeBase] = {
        "headings": _store(plain, work / "mesh"),
        "headings + training names": _store(named, work / "mesh-named"),
    }
    return Corpus("BC5CDR", parts["dev"], parts["test"], bases)


def semcor(data: Path, wordnet: Path, work: Path, registry: Any) -> Corpus:
    """Return SemCor's nouns and verbs, a file a document; WordNet 3.0 with inflected forms."""
    from kpframework.api import ComponentRef
    from kpframework.spec.resolve import bind_ref

    senses = read_senses(wordnet)
    files: dict[str, list[str]] = defaultdict(list)
    found: dict[str, list[Annotation]] = defaultdict(list)
    length: Counter[str] = Counter()
    for sentence, tokens in read_sentences(data / ARCHIVE):
        name = sentence.rsplit(".", 1)[0]
        for word, attributes in tokens:
            tags = [t for t in attributes.get("lexsn", "").split(";") if t[:2] in ("1:", "2:")]
            own = {senses.get(f"{attributes.get('lemma', '').lower()}%{tag}") for tag in tags}
            synsets = {sense.synset for sense in own if sense is not None}
            if tags and "pn" not in attributes and len(synsets) == len(own):
                start, kind = length[name], "noun" if tags[0][0] == "1" else "verb"
                found[name].append(Annotation(start, start + len(word), tuple(synsets), kind))
            files[name].append(word)
            length[name] += len(word) + 1
    documents = [Document(n, " ".join(w), tuple(found[n])) for n, w in sorted(files.items())]
    documents = [document for document in documents if document.annotations]
    ref = ComponentRef(type="wordnet", path=str(wordnet), inflections=True)
    provider = bind_ref("kb", ref, registry).create(Context())
    bases = {"WordNet 3.0": _store(provider, work / "wordnet-inflected")}
    of_kinds = {
        kind: _store(PartOfSpeech(provider, kind[0]), work / f"wordnet-{kind}s")
        for kind in ("noun", "verb")
    }
    return Corpus("SemCor", documents[::2], documents[1::2], bases, of_kinds)


def wikipedia(data: Path, vocabulary: list[str], work: Path) -> Corpus:
    """Return ERNIE's linked Wikipedia; Freebase's 14,515 entities with their Wikidata ids.

    Args:
        data: the shared folder.
        vocabulary: bert-base-uncased's, whose ids the text is written in.
        work: gets the store.
    """
    path = data / "wikidata" / "labels" / "fb15k_entity2wikidata.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        labels = json.load(file)
    entities = {
        v["wikidata_id"]: Entity(
            v["wikidata_id"],
            v.get("label") or "",
            tuple(v.get("alternatives") or ()),
            description=v.get("description") or "",
        )
        for v in labels.values()
        if v.get("wikidata_id") and v.get("label")
    }
    folder = data / "linked-text" / "ernie-wiki"
    with (
        gzip.open(folder / "wiki_token.gz", "rt", encoding="utf-8") as tokens,
        gzip.open(folder / "wiki_entity.gz", "rt", encoding="utf-8") as ids,
    ):
        documents = [
            _wiki_document(str(i), _sentences(a), _sentences(b), vocabulary, entities)
            for i, (a, b) in enumerate(zip(tokens, ids, strict=True))
        ]
    store = _store(list(entities.values()), work / "fb15k")
    return Corpus("Wikipedia", documents[::2], documents[1::2], {"FB15k": store})


def _sentences(line: str) -> list[list[str]]:
    fields = line.rstrip("\n").split("\t")
    at, sentences = 1, []
    for _ in range(int(fields[0])):
        size = int(fields[at])
        sentences.append(fields[at + 1 : at + 1 + size])
        at += 1 + size
    return sentences


def _wiki_document(
    name: str,
    sentences: list[list[str]],
    ids: list[list[str]],
    vocabulary: list[str],
    known: dict[str, Entity],
) -> Document:
    text, annotations = "", []
    for tokens, entities in zip(sentences, ids, strict=True):
        before, start = "#UNK#", 0
        for token, entity in zip([*tokens, ""], [*entities, "#UNK#"], strict=True):
            piece = vocabulary[int(token)] if token else ""
            inside = piece.startswith("##")
            if before not in (entity, "#UNK#") and before in known:
                annotations.append(Annotation(start, len(text), (before,)))
            gap = "" if inside or not text or text.endswith("\n") else " "
            if entity != before:
                start = len(text) + len(gap)
            text += gap + piece.removeprefix("##")
            before = entity
        text = text.rstrip() + "\n"
    return Document(name, text, tuple(annotations))


def _store(source: list[Entity] | KBProvider, folder: Path) -> KnowledgeBase:
    """Return a stored knowledge base; an earlier run's is opened."""
    if (folder / "done").is_file():
        return open_store(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    provider = Listed(source) if isinstance(source, list) else source
    store = build_store(provider, folder, folder.name, Context())
    (folder / "done").touch()
    return store
