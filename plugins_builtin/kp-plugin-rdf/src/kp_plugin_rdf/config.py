"""Options of the RDF reader."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from kpframework.api import ComponentConfig, InputFile, unpacked_suffix

FORMATS = {
    ".nt": "n-triples",
    ".nq": "n-quads",
    ".ttl": "turtle",
    ".trig": "trig",
    ".rdf": "rdf-xml",
    ".owl": "rdf-xml",
    ".xml": "rdf-xml",
}
BY_LINE = ("n-triples", "n-quads")
PREFIXES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "skosxl": "http://www.w3.org/2008/05/skos-xl#",
    "schema": "http://schema.org/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "oboInOwl": "http://www.geneontology.org/formats/oboInOwl#",
}
ROLES = ("names", "aliases", "descriptions", "types", "xrefs")
Format = Literal["n-triples", "n-quads", "turtle", "trig", "rdf-xml"]


def format_of(path: str) -> str:
    """Return the format that a file's name says, or an empty text."""
    return FORMATS.get(unpacked_suffix(path), "")


class RdfConfig(ComponentConfig):
    """Which files, which predicates say what, and how IRIs are written."""

    paths: list[InputFile] = Field(
        min_length=1,
        description="The files, read one after another: .nt, .nq, .ttl, .trig, .rdf, .owl or .xml, "
        "packed or not (.gz, .bz2, .xz, .zst, .lz4).",
    )
    format: Format | None = Field(
        None, description="Format of all files; null goes by each file's name."
    )
    prefixes: dict[str, str] = Field(
        {},
        description="Prefix to namespace, beside those of rdf, rdfs, owl, skos, schema, foaf, dc, "
        "dcterms and oboInOwl: an IRI of it is written 'prefix:rest', or 'rest' where the prefix "
        'is empty: {"": "http://www.wikidata.org/entity/"} gives Q42.',
    )
    obo_ids: bool = Field(
        True, description="Whether http://purl.obolibrary.org/obo/HP_0001166 is HP:0001166."
    )
    base: str | None = Field(
        None, description="IRI against which relative ones of a file are resolved."
    )
    names: list[str] = Field(
        ["rdfs:label", "skos:prefLabel", "schema:name", "https://schema.org/name", "foaf:name"],
        description="Predicates of names, the first that an entity has gives its name, what "
        "others say are aliases. Predicates are shortened by the prefixes, or whole IRIs.",
    )
    aliases: list[str] = Field(
        [
            "skos:altLabel",
            "skos:hiddenLabel",
            "schema:alternateName",
            "https://schema.org/alternateName",
            "dcterms:alternative",
            "oboInOwl:hasExactSynonym",
            "oboInOwl:hasRelatedSynonym",
            "oboInOwl:hasNarrowSynonym",
            "oboInOwl:hasBroadSynonym",
        ],
        description="Predicates of further names.",
    )
    descriptions: list[str] = Field(
        [
            "skos:definition",
            "http://purl.obolibrary.org/obo/IAO_0000115",
            "schema:description",
            "https://schema.org/description",
            "dcterms:description",
            "rdfs:comment",
        ],
        description="Predicates of descriptions; the first that an entity has is taken.",
    )
    types: list[str] = Field(["rdf:type"], description="Predicates of types.")
    xrefs: list[str] = Field(
        ["owl:sameAs", "skos:exactMatch", "oboInOwl:hasDbXref", "oboInOwl:hasAlternativeId"],
        description="Predicates of the same entity's ids elsewhere, as IRIs or texts (UMLS:C0001).",
    )
    languages: list[str] | None = Field(
        ["en"],
        min_length=1,
        description="Languages of texts, the first that has one gives name and description; 'en' "
        "takes en-GB too. Texts without a language are always read, after those. null reads all.",
    )
    relations: list[str] | None = Field(
        None, description="Only triples of these predicates are read; null reads all."
    )
    without_relations: list[str] = Field([], description="Predicates of which no triple is read.")
    type_triples: bool = Field(
        False, description="Whether statements of types are triples as well."
    )
    graphs: list[str] | None = Field(
        None,
        description="Only these named graphs are read, '' is the default graph; null reads all.",
    )
    blank_nodes: Literal["skip", "keep"] = Field(
        "skip",
        description="Whether statements with a blank node are left out and counted, or blank nodes "
        "are entities _:b0, _:b1, … in the order in which they come.",
    )
    on_bad_line: Literal["error", "skip"] = Field(
        "error",
        description="Whether a malformed line ends the run, or is left out and counted; 'skip' is "
        "for n-triples and n-quads alone.",
    )
    release: str = Field("", description="Release of the data, for the record.")
    licence: str = Field("", description="Licence of the data, for the record.")

    @field_validator("prefixes")
    @classmethod
    def _namespaces(cls, prefixes: dict[str, str]) -> dict[str, str]:
        if not all(prefixes.values()):
            raise ValueError("a namespace must not be empty")
        return prefixes

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for path in self.paths:
            own = self.format or format_of(path)
            if not own:
                raise ValueError(
                    f"the format of {Path(path).name} is not known by its name: set 'format'"
                )
            if self.on_bad_line == "skip" and own not in BY_LINE:
                raise ValueError(f"'on_bad_line' cannot be 'skip': {own} has no independent lines")
        return self
