"""Triples and names from a CSV file."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from kpframework import KpError
from kpframework.api import Entity, KBProvider, Triple


class CsvKB(KBProvider):
    """Reads the rows of a file; the first label of an entity is its name, others are aliases."""

    def entities(self) -> Iterator[Entity]:
        """Yield every entity once, in the order in which they occur."""
        config = self.config
        names: dict[str, dict[str, None]] = {}
        for row in self._rows():
            for id_, label in (
                (config.subject, config.subject_label),
                (config.object, config.object_label),
            ):
                own = names.setdefault(row[id_], {})
                if label is None:
                    own[row[id_]] = None
                elif row[label]:
                    own[row[label]] = None
        for id_, labels in names.items():
            name, *aliases = labels or [""]
            yield Entity(id_, name=name, aliases=tuple(aliases))

    def triples(self) -> Iterator[Triple]:
        """Yield a triple a row."""
        config = self.config
        for row in self._rows():
            yield Triple(row[config.subject], row[config.predicate], row[config.object])

    def metadata(self) -> Mapping[str, str]:
        """Return the file's name."""
        return {"source": Path(self.config.path).name}

    def _rows(self) -> Iterator[dict[str, str]]:
        config, path = self.config, Path(self.config.path)
        ends = [config.subject, config.predicate, config.object]
        labels = [name for name in (config.subject_label, config.object_label) if name is not None]
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=config.delimiter, strict=True)
            try:
                columns = list(reader.fieldnames or [])
                absent = [name for name in ends + labels if name not in columns]
                if absent:
                    raise KpError(
                        "KP901",
                        f"no column {absent[0]!r}; there are: {', '.join(columns) or 'none'}",
                        "set the option of that column to its name in the file",
                        where=f"{path}:1:1",
                    )
                for row in reader:
                    where = f"{path}:{reader.line_num}:1"
                    if None in row or not all(row[name] for name in ends) or None in row.values():
                        raise KpError(
                            "KP902",
                            "too many or too few columns, or an empty part of a triple",
                            "correct the line",
                            where,
                        )
                    yield row
            except (csv.Error, UnicodeDecodeError) as error:
                line = f":{reader.reader.line_num}:1" if isinstance(error, csv.Error) else ""
                raise KpError(
                    "KP903", f"not CSV in UTF-8: {error}", "correct the file", f"{path}{line}"
                ) from error
