"""How one file is laid out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kp_plugin_triples.config import PARTS
from kpframework.api import unpacked_suffix


@dataclass(frozen=True)
class Layout:
    """How one file is read."""

    path: Path
    columns: tuple[str, ...]
    header: bool
    delimiter: str
    quoted: bool
    parquet: bool
    skip: bool

    @classmethod
    def of(cls, path: Path, config: Any) -> "Layout":
        """Return the layout that the options and the file's name give."""
        suffix = unpacked_suffix(path)
        # Distinct names for the columns that are not read.
        columns = tuple(
            name if name in PARTS else f"{position}" for position, name in enumerate(config.columns)
        )
        return cls(
            path,
            columns,
            config.header,
            config.delimiter or ("," if suffix == ".csv" else "\t"),
            suffix == ".csv",
            suffix in {".parquet", ".pq"},
            config.on_bad_line == "skip",
        )
