"""Questions that the conformance kit reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TOWNS = ("patient", "Lyon", "nervous", "capital", "fingers", "system", "Paris", "France")
"""Subjects; the kit's tokenizers know the words."""
_ANSWERS = ("the", "is", "of", "and", "in", "not", "a", "born")


def write(folder: Path) -> Mapping[str, Any]:
    """Write questions of three splits, and return the options that read them."""
    files = {}
    for number, split in enumerate(("train", "dev", "test")):
        lines = []
        for i, town in enumerate(_TOWNS):
            question = f"Which town number {number} is near {town}?"
            start = question.index(town)
            lines.append(
                {
                    "question": question,
                    "subject": {"start": start, "end": start + len(town), "entity": f"E{i}"},
                    "answers": [_ANSWERS[(i + number) % len(_ANSWERS)]],
                    "relation": "near",
                }
            )
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"cloze-{split}.jsonl").write_text(text, encoding="utf-8")
        files[split] = f"cloze-{split}.jsonl"
    likely = {"data": files, "protocol": "likelihood", "candidates": 3}
    return {"task/cloze-qa": [{"data": files}, likely]}
