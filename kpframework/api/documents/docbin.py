"""spaCy's DocBin: zlib-packed msgpack, which holds data and no code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kpframework.api.documents.faults import Placing, malformed
from kpframework.api.documents.model import Annotation, Document, known_ids
from kpframework.errors import KpError


def read_docbin(path: Path, placing: Placing) -> Iterator[Document]:
    """Yield the documents; a mention is an entity of ``doc.ents``, its id kb_id or, else, ent_id.

    Raises:
        KpError: ``KP752`` spaCy is not installed.
    """
    try:
        import spacy
        from spacy.tokens import DocBin
    except ImportError:
        raise KpError(
            "KP752", f"{path} is spaCy's, which is not installed", "pip install spacy", str(path)
        ) from None
    vocab = spacy.blank("xx").vocab
    try:
        docs = DocBin().from_disk(path).get_docs(vocab)
        for i, doc in enumerate(docs):
            where = f"{path}:doc {i}"
            found = [(_annotation(ent, where), ent.text) for ent in doc.ents]
            yield Document(str(i), doc.text, placing.kept(doc.text, found), where)
    except KpError:
        raise
    except Exception as error:  # the bytes are anybody's, and so is what reading them raises
        raise malformed(str(path), f"no DocBin: {type(error).__name__}: {error}") from None


def _annotation(ent: Any, where: str) -> Annotation:
    ids = known_ids([ent.kb_id_ or ent.ent_id_])
    return Annotation(ent.start_char, ent.end_char, ids, ent.label_, where=where)
