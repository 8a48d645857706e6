"""Quality and speed of the linkers against gold: BC5CDR, SemCor, linked Wikipedia text.

Strong matching, micro-averaged: a mention is right with its exact span and one of its gold ids.
Settings are the linkers' defaults but for what `rows` says; none was tuned. ``--dev`` measures
on the dev parts, for choosing others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from linking_corpora import Corpus, Documents, bc5cdr, semcor, wikipedia

from kpframework.api import ComponentRef, Context, KnowledgeBase, Mention, Segment
from kpframework.link.evaluate import Guess, Truth, evaluate
from kpframework.plugins import load
from kpframework.spec.resolve import bind_ref

ROOT = Path(__file__).resolve().parents[1]
MINILM = {"type": "minilm"}
KIND_KNOWN = "first sense, noun/verb known"
Options = dict[str, Any]
HEADER = (
    f"{'corpus, knowledge base':36} {'linker':30} {'precision':>9} {'recall':>7} "
    f"{'F1 [95 %]':>22} {'accuracy':>9} {'prepare s':>9} {'kB/s':>7}"
)


def dense(candidates: Options, **options: Any) -> Options:
    """Return a section of the dense linker; vectors are made as entities are met."""
    own = {"type": "dense", "encoder": MINILM, "candidates": candidates, "cache": False}
    return own | options


def rows(corpus: str, base: str) -> Iterator[tuple[str, Options]]:
    """Yield the linkers of a corpus by the name they have in the table."""
    if corpus == "SemCor":
        # Inflected forms are names of the knowledge base.
        gazetteer = {"type": "gazetteer", "scope": "spans"}
        yield "first sense of the word", gazetteer
        yield KIND_KNOWN, gazetteer
        yield "dense", dense(gazetteer)
        yield "dense, context alone", dense(gazetteer, prior_weight=0.0)
        yield "gazetteer, context words", gazetteer | {"ambiguity": "context"}
        return
    if corpus == "Wikipedia":
        # Its writers linked few of the mentions there are: what is found besides is no error.
        gazetteer = {"type": "gazetteer", "casing": "ignore", "scope": "spans"}
        yield "spans given: gazetteer", gazetteer
        yield "spans given: fuzzy", {"type": "fuzzy", "threshold": 0.6, "scope": "spans"}
        yield "spans given: gazetteer > dense", dense(gazetteer)
        return
    gazetteer = {"type": "gazetteer"}
    yield "annotated (ceiling)", {"type": "annotated"}
    yield "gazetteer", gazetteer
    yield "fuzzy", {"type": "fuzzy", "threshold": 0.8}
    if "+" in base:
        yield "gazetteer > dense", dense(gazetteer)
    yield "spans given: gazetteer", gazetteer | {"scope": "spans"}
    near = {"type": "fuzzy", "threshold": 0.6, "scope": "spans"}
    yield "spans given: fuzzy", near
    if "+" in base:
        yield "spans given: fuzzy > dense", dense(near)


def measure(
    bases: Mapping[str, KnowledgeBase],
    documents: Documents,
    options: Options,
    registry: Any,
    resamples: int,
) -> dict[str, Any]:
    """Return metrics, seconds of preparation and kilobytes of text a second (of this process).

    Args:
        bases: what mentions of a kind are linked to; the kind "" is any.
        documents: text and gold.
        options: the linker's section.
        registry: has its component.
        resamples: of the intervals.
    """
    ref = ComponentRef.model_validate(options)
    given = options["type"] == "annotated"
    found: list[list[Mention]] = [[] for _ in documents]
    preparing = seconds = 0.0
    for kind, kb in bases.items():
        linker = bind_ref("linker", ref, registry).create(Context(device="cpu"))
        began = time.process_time()
        linker.prepare(kb)
        prepared = time.process_time()
        segments = [d.segment() if given else _nameless(d, kind) for d in documents]
        for at in range(0, len(segments), 16):
            for own, new in zip(found[at:], linker.link(segments[at : at + 16]), strict=False):
                own.extend(new)
        preparing += prepared - began
        seconds += time.process_time() - prepared
    pairs = (
        (
            [Truth(a.start, a.end, frozenset(a.ids)) for a in document.annotations if a.ids],
            [Guess(m.start, m.end, m.entity) for m in own],
        )
        for document, own in zip(documents, found, strict=True)
    )
    size = sum(len(document.text) for document in documents) / 1000
    facts = {"prepare": preparing, "speed": size / max(seconds, 1e-9)}
    return evaluate(pairs, resamples=resamples) | facts


def _nameless(document: Any, kind: str) -> Segment:
    """Return a document with its spans, which `scope: spans` looks up, but not what they mean."""
    own = (a for a in document.annotations if a.ids and kind in ("", a.type))
    spans = tuple(Mention(a.start, a.end) for a in own)
    return Segment(document.text, spans)


def line(corpus: str, base: str, name: str, result: dict[str, Any]) -> str:
    """Return a row of the table."""
    own = {key: value["mean"] * 100 for key, value in result["metrics"].items()}
    low, high = (100 * end for end in result["metrics"]["f1"]["interval"])
    f1 = f"{own['f1']:.1f} [{low:.1f}, {high:.1f}]"
    return (
        f"{f'{corpus}, {base}':36} {name:30} {own['precision']:9.1f} {own['recall']:7.1f} "
        f"{f1:>22} {own['accuracy']:9.1f} {result['prepare']:9.1f} {result['speed']:7.0f}"
    )


def corpora(args: argparse.Namespace, work: Path, registry: Any) -> Iterator[Corpus]:
    """Yield the corpora that are asked for and there."""
    if "bc5cdr" in args.corpora:
        yield bc5cdr(args.data, work)
    if "semcor" in args.corpora:
        yield semcor(args.data, args.wordnet, work, registry)
    if "wikipedia" in args.corpora:
        backbone = bind_ref("backbone", ComponentRef(type="minilm"), registry).create(Context())
        vocabulary = (backbone.folder() / "vocab.txt").read_text("utf-8").split("\n")
        yield wikipedia(args.data, vocabulary, work)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument(
        "--work", type=Path, default=ROOT / "benchmarks" / ".data" / "linking", help="stores"
    )
    names = ["bc5cdr", "semcor", "wikipedia"]
    parser.add_argument("--corpora", nargs="+", choices=names, default=names)
    parser.add_argument("--documents", type=int, default=100, help="of each corpus, at most")
    parser.add_argument("--dev", action="store_true", help="measure on the dev parts")
    parser.add_argument("--resamples", type=int, default=2000)
    args = parser.parse_args(argv)
    if not args.data.is_dir():
        parser.error(f"{args.data} is missing (the gold corpora)")
    registry = load()
    print(HEADER)
    for corpus in corpora(args, args.work, registry):
        documents = (corpus.dev if args.dev else corpus.test)[: args.documents]
        for base, kb in corpus.bases.items():
            for name, options in rows(corpus.name, base):
                bases = corpus.of_kinds if name == KIND_KNOWN else {"": kb}
                result = measure(bases, documents, options, registry, args.resamples)
                print(line(corpus.name, base, name, result), flush=True)
                counts = result["counts"]
        print(f"{corpus.name}: {counts['documents']} documents, {counts['gold']:,} gold mentions")


if __name__ == "__main__":
    main()
