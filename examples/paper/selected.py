"""Name, for each task and host, the general mapper that is best on dev, and its test score.

The published code chooses a dropout level and an epoch for each dataset and host; on what, it
does not say. Here every candidate is a row of its own (``candidates.json``), each row's dev metric
stands in ``results.json``, and the choice reads nothing else: the mean over seeds on dev, of equals
the first row. The test score is that of the chosen row, as the run reported it.

Usage: python examples/paper/selected.py RUN_FOLDER [--rows 'general-d*']
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from kpframework.report.model import load_results


def dev_score(row: Mapping[str, Any], metric: str) -> float | None:
    """Return a row's mean over seeds on dev, or None where it has none."""
    values = [own[metric] for own in row.get("dev") or () if metric in own]
    return sum(values) / len(values) if values else None


def chosen(results: Mapping[str, Any], pattern: str) -> list[tuple[Mapping[str, Any], float, str]]:
    """Return (row, dev score, metric) of the best row of each task and host, by dev alone."""
    best: dict[tuple[str, str], tuple[Mapping[str, Any], float, str]] = {}
    metrics = {task["id"]: task["metrics"][0] for task in results["tasks"]}
    for row in results["rows"]:
        metric = metrics[row["task"]]
        score = dev_score(row, metric)
        if score is None or not fnmatchcase(row["injection"], pattern):
            continue
        place = (row["task"], row["host"])
        if place not in best or score > best[place][1]:
            best[place] = (row, score, metric)
    return list(best.values())


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, help="the folder that 'kpframework run' named at its end")
    parser.add_argument("--rows", default="general-d*", help="which rows are candidates")
    args = parser.parse_args(argv)
    found = chosen(load_results(args.run), args.rows)
    if not found:
        parser.error(f"no finished row with a dev score matches {args.rows!r}")
    print(f"{'task':24}{'host':12}{'chosen on dev':20}{'dev %':>8}{'test %':>8}  against frozen")
    for row, dev, metric in found:
        test = row["metrics"][metric]["mean"]
        difference = (row.get("difference") or {}).get("metrics", {}).get(metric)
        shown = ""
        if difference is not None:
            low, high = difference["interval"]
            shown = f"{100 * difference['mean']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        print(
            f"{row['task']:24}{row['host']:12}{row['injection']:20}"
            f"{100 * dev:8.1f}{100 * test:8.1f}  {shown}"
        )


if __name__ == "__main__":
    main()
