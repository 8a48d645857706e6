"""Options of the reader of graphs."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kpframework.api import ComponentConfig, InputFile, unpacked_suffix

FORMATS = {
    ".graphml": "graphml",
    ".xml": "graphml",
    ".gexf": "gexf",
    ".json": "node-link",
    ".edgelist": "edge-list",
    ".edges": "edge-list",
}
PICKLES = (".gpickle", ".pickle", ".pkl")
NODE_OPTIONS = ("name", "aliases", "description", "types", "xrefs")
Attribute = Annotated[str, Field(min_length=1)]


class GraphConfig(ComponentConfig):
    """Which file, and which attributes say what."""

    path: InputFile = Field(
        description="The graph: .graphml, .gexf, .json (node-link), .edgelist or .edges, "
        "packed or not (.gz, .bz2, .xz, .zst, .lz4)."
    )
    format: Literal["graphml", "gexf", "node-link", "edge-list"] | None = Field(
        None, description="Format of the file; null goes by its name."
    )
    name: list[Attribute] = Field(
        ["name", "label"], description="Attributes of nodes; the first that one has is its name."
    )
    aliases: list[Attribute] = Field(
        ["aliases", "synonyms"], description="Attributes of nodes with further names."
    )
    description: list[Attribute] = Field(
        ["description", "definition"],
        description="Attributes of nodes; the first that one has is its description.",
    )
    types: list[Attribute] = Field(
        ["types", "type"], description="Attributes of nodes with their types."
    )
    xrefs: list[Attribute] = Field(
        ["xrefs"], description="Attributes of nodes with their ids elsewhere, as SPACE:id."
    )
    relation: list[Attribute] = Field(
        ["relation", "predicate", "label", "type"],
        description="Attributes of edges; the first that one has is its relation. 'key' is the "
        "edge's own key where it has no attribute of that name.",
    )
    default_relation: Attribute = Field(
        "related_to", description="Relation of the edges that have none of these attributes."
    )
    separator: Annotated[str, Field(min_length=1)] = Field(
        "|", description="What stands between several values in one text."
    )
    undirected: Literal["both", "as-written"] = Field(
        "both",
        description="Whether an edge of an undirected graph is a triple each way, or one as it is "
        "written.",
    )
    delimiter: str | None = Field(
        None, min_length=1, description="Between the columns of an edge list; null is any blanks."
    )
    release: str = Field("", description="Release of the data, for the record.")
    licence: str = Field("", description="Licence of the data, for the record.")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        suffix = unpacked_suffix(self.path)
        if suffix in PICKLES:
            raise ValueError(
                "a pickle is not opened, it can run code: write the graph with "
                "networkx.write_graphml(graph, 'graph.graphml')"
            )
        if self.format is None and suffix not in FORMATS:
            raise ValueError(
                f"the format of {Path(self.path).name} is not known by its name: set 'format'"
            )
        if self.delimiter is not None and self.layout != "edge-list":
            raise ValueError("'delimiter' is for edge lists")
        return self

    @property
    def layout(self) -> str:
        """The format."""
        return self.format or FORMATS[unpacked_suffix(self.path)]
