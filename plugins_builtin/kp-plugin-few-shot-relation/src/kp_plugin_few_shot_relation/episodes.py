"""Instances by relation, and the episodes drawn from them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from kp_plugin_few_shot_relation.config import Markers, Setting
from kpframework import KpError
from kpframework.api import Segment, marker_edits, read_json, read_records, relation_instance


@dataclass(frozen=True)
class Drawn:
    """One relation of an episode."""

    relation: str
    supports: Sequence[Segment]
    """K of them."""
    queries: Sequence[Segment]
    """Q of them."""


def read_names(path: str | None) -> dict[str, str]:
    """Return the names of relations by their ids; empty without a file.

    Raises:
        KpError: KP620, the file is malformed.
    """
    if path is None:
        return {}
    table = read_json(path, "KP620")
    try:
        names = {key: own if isinstance(own, str) else own[0] for key, own in table.items()}
    except (AttributeError, LookupError, TypeError) as error:
        raise KpError(
            "KP620",
            f"not names of relations: {error}",
            "the file is one JSON object, {id: name} or {id: [name, description]}",
            where=path,
        ) from None
    return {key: str(name) for key, name in names.items()}


class Pool:
    """The instances of one file by relation, marked, and without the relations left out.

    Args:
        path: a file of relation instances.
        markers: words put around the mentions.
        setting: which relations, and how many instances an episode takes.
        names: names of relations by id.

    Raises:
        KpError: KP620, a record is malformed; KP625, too few relations or instances of one for an
            episode; KP626, a relation that is named is not in the file.
    """

    def __init__(
        self, path: str, markers: Markers, setting: Setting, names: Mapping[str, str]
    ) -> None:
        self.path, self.setting, self.names = path, setting, names
        found: dict[str, list[Segment]] = {}
        for where, value in read_records(path):
            own = relation_instance(value, where)
            edits = marker_edits(own.head, markers.head) + marker_edits(own.tail, markers.tail)
            segment = Segment(own.text, (own.head, own.tail), edits)
            found.setdefault(own.relation, []).append(segment)
        self.instances = {relation: found[relation] for relation in self._chosen(sorted(found))}
        self._check()

    def episode(self, seed: int) -> list[Drawn]:
        """Return the episode of a seed: N relations, each with K supports and Q queries.

        The rule of the published evaluations (code of Zhang et al., ACL 2023): a generator of the
        seed samples N of the sorted relations, then K + Q instances of each. The generator is the
        episode's own, so that nothing else is drawn differently.
        """
        setting = self.setting
        generator = random.Random(seed)  # noqa: S311  # the published rule, no secret
        drawn = []
        for relation in generator.sample(list(self.instances), setting.ways):
            own = generator.sample(self.instances[relation], setting.shots + setting.queries)
            drawn.append(Drawn(relation, own[: setting.shots], own[setting.shots :]))
        return drawn

    def _chosen(self, relations: Sequence[str]) -> list[str]:
        only, without = self.setting.only_relations, self.setting.exclude_relations
        taken = set(relations) if only is None else self._matching(only, relations)
        taken -= self._matching(without, relations)
        return [relation for relation in relations if relation in taken]

    def _matching(self, wanted: Sequence[str], relations: Sequence[str]) -> set[str]:
        """Return the relations that are named, each by its id or its name."""
        found: set[str] = set()
        for name in wanted:
            same = {r for r in relations if name in (r, self.names.get(r)) or self._is(name, r)}
            if not same:
                known = [*relations, *(self.names[r] for r in relations if r in self.names)]
                near = get_close_matches(name, known, 3)
                raise KpError(
                    "KP626",
                    f"no relation {name!r} in the file",
                    f"did you mean {', '.join(near)}?"
                    if near
                    else f"it has {', '.join(relations)}",
                    where=self.path,
                )
            found |= same
        return found

    def _is(self, identifier: str, relation: str) -> bool:
        return identifier in self.names and self.names[identifier] == relation

    def _check(self) -> None:
        setting, each = self.setting, self.setting.shots + self.setting.queries
        if len(self.instances) < setting.ways:
            raise KpError(
                "KP625",
                f"{len(self.instances)} relations are left to draw from, an episode has "
                f"{setting.ways} ways",
                "lower 'ways', or leave fewer relations out",
                where=self.path,
            )
        few = {name: len(own) for name, own in self.instances.items() if len(own) < each}
        if few:
            shown = ", ".join(f"{name!r} {count}" for name, count in sorted(few.items())[:5])
            more = f" and {len(few) - 5} relations more" if len(few) > 5 else ""
            raise KpError(
                "KP625",
                f"an episode takes {setting.shots} supports and {setting.queries} queries of a "
                f"relation, {each} instances, but there are of {shown}{more}",
                "lower 'queries' or 'shots', or name these relations in 'exclude_relations'",
                where=self.path,
            )
