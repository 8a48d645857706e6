"""Documents with annotated mentions, in the formats of gold corpora and of other linkers."""

from kpframework.api.documents.model import Annotation, Document
from kpframework.api.documents.reading import FORMATS, document_format, read_documents

__all__ = ["FORMATS", "Annotation", "Document", "document_format", "read_documents"]
