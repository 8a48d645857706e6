"""What one section says of another: ids, references, choices, circles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from kpframework.api.config import SectionId
from kpframework.plugins.lookup import did_you_mean
from kpframework.spec.fields import absolute, marked
from kpframework.spec.findings import Findings, listed, misspelt
from kpframework.spec.resolved import BoundComponent
from kpframework.spec.tree import Loc, Node

ARTIFACT_FILE = "kp_config.json"
_SECTIONS = {
    "knowledge": "knowledge section",
    "corpora": "corpus",
    "tasks": "task",
    "hosts": "host",
    "injections": "row",
}
_FROM_KEYS = ("id", "from", "knowledge", "control")


def is_path(origin: str) -> bool:
    """Return whether a ``from`` names a folder, not a row: it holds a slash."""
    return "/" in origin or "\\" in origin


def needs_entities(injector: BoundComponent) -> bool:
    """Return whether an injector uses entity vectors, by its declared capabilities."""
    return bool(injector.registered.component.capabilities.get("needs_entities", True))


def uses_knowledge(injector: BoundComponent) -> bool:
    """Return whether an injector uses entity vectors or reads the knowledge base itself."""
    declared = injector.registered.component.capabilities
    return needs_entities(injector) or any(
        declared.get(name, False) for name in ("needs_kb", "makes_entities")
    )


def reads_triples(embeddings: BoundComponent) -> bool:
    """Return whether vectors are computed from a knowledge base's triples, as declared."""
    return bool(embeddings.registered.component.capabilities.get("reads_triples", True))


def head_of(task: BoundComponent) -> str:
    """Return which head a task's host has, by its declared capabilities."""
    return str(task.registered.component.capabilities.get("head", "sequence-classification"))


def check(
    root: Node,
    rows: Mapping[int, BoundComponent | None],
    tasks: Mapping[int, BoundComponent | None],
    embeddings: Mapping[int, BoundComponent | None],
    findings: Findings,
) -> None:
    """Add what is wrong between sections. Works on whatever is well-formed in the tree.

    Args:
        root: of the spec.
        rows: the injector of each row that has one of its own.
        tasks: the component of each task.
        embeddings: those of each knowledge section.
        findings: gets the problems.
    """
    checks = _Checks(root, findings)
    checks.ids()
    checks.seeds()
    checks.knowledge()
    checks.corpora()
    checks.hosts()
    checks.injections(rows)
    checks.exclusions(rows, embeddings)
    checks.heads(rows, tasks)
    checks.circles()
    compare = root.get("compare")
    if compare is not None:
        checks.reference(compare, ("compare", "baseline"), "injections")


class _Checks:
    def __init__(self, root: Node, findings: Findings) -> None:
        self.root = root
        self.findings = findings
        self.known: dict[str, list[str]] = {}

    def section(self, name: str) -> list[tuple[Loc, Node]]:
        found = self.root.get(name)
        return [((name, i), node) for i, node in found.items()] if found else []

    def ids(self) -> None:
        for name, what in _SECTIONS.items():
            known = self.known.setdefault(name, [])
            for loc, node in self.section(name):
                own = node.text("id")
                if own is None:
                    continue
                if own in known:
                    message = f"there is already a {what} with the id {own!r}"
                    self.findings.add("KP306", (*loc, "id"), message, "ids are unique: rename one")
                known.append(own)

    def seeds(self) -> None:
        seen: set[object] = set()
        for loc, node in self.section("seeds"):
            if isinstance(node.value, int) and node.value in seen:
                self.findings.add("KP306", loc, f"the seed {node.value} is given twice")
            if isinstance(node.value, int):
                seen.add(node.value)

    def reference(self, node: Node, loc: Loc, to: str) -> None:
        """Check that the text at the last step of ``loc`` is an id of the section ``to``."""
        name = node.text(str(loc[-1]))
        known = self.known[to]
        if name is None or name in known:
            return
        what = _SECTIONS[to]
        message = f"there is no {what} with the id {name!r}.{did_you_mean(name, known)}"
        fix = f"ids in '{to}': {', '.join(known[:20])}" if known else f"'{to}' is empty"
        self.findings.add("KP307", loc, message, fix)

    def one_of(self, node: Node, loc: Loc, names: Sequence[str], what: str) -> None:
        if not isinstance(node.value, dict):
            return
        given = [n for n in names if n in node.value and node.value[n].value is not None]
        choices = listed([repr(name) for name in names])
        if len(given) > 1:
            both = listed([repr(name) for name in given], "and")
            message = f"{what} has one of {choices}, not {both}"
            self.findings.add("KP308", (*loc, given[1]), message, "keep one of them", by_key=True)
        elif not given:
            for key in node.value:
                if key not in names and (close := get_close_matches(key[:60], names, n=1)):
                    # Other sections are closed: their model reports the key.
                    message, fix = misspelt(key, close[0], what)
                    if loc[0] == "injections":
                        self.findings.add("KP301", (*loc, key), message, fix, by_key=True)
                    return
            self.findings.add("KP308", loc, f"{what} needs one of {choices}", "add one of them")

    def knowledge(self) -> None:
        for loc, node in self.section("knowledge"):
            exclude = node.get("exclude")
            if exclude is not None:
                self.reference(exclude, (*loc, "exclude", "task"), "tasks")

    def exclusions(
        self,
        rows: Mapping[int, BoundComponent | None],
        embeddings: Mapping[int, BoundComponent | None],
    ) -> None:
        """Check that what is left out of a knowledge base can be left out of its vectors, too."""
        takers = self._takers(rows)
        for i, (loc, node) in enumerate(self.section("knowledge")):
            exclude, bound = node.get("exclude"), embeddings.get(i)
            row = takers.get(node.text("id"))
            if exclude is None or exclude.value is None or bound is None or row is None:
                continue
            if not reads_triples(bound):
                message = f"embeddings {bound.registered.name!r} do not read the triples: without "
                message += f"some of them, the vectors that row {row!r} takes are the same"
                fix = "take embeddings that are trained on the triples, such as 'transe'; or make "
                fix += "the vectors without the triples that leak, and remove 'exclude'"
                self.findings.add("KP323", (*loc, "exclude"), message, fix, by_key=True)

    def _takers(self, rows: Mapping[int, BoundComponent | None]) -> dict[str | None, str | None]:
        """Return the first row that takes entity vectors, for each knowledge section of one."""
        nodes = [node for _, node in self.section("injections")]
        numbers = {own: i for i, node in enumerate(nodes) if (own := node.text("id")) is not None}
        first = next(iter(self.known["knowledge"]), None)
        takers: dict[str | None, str | None] = {}
        for number, node in enumerate(nodes):
            origin, passed = number, set[int]()
            while origin not in passed:  # a circle is reported elsewhere
                passed.add(origin)
                origin = numbers.get(nodes[origin].text("from") or "", origin)
            injector, made = rows.get(origin), nodes[origin]
            named = node.text("knowledge") or made.text("knowledge")
            if injector is not None and needs_entities(injector):
                takers.setdefault(named or first, node.text("id"))
            elif injector is None and named and made.text("from"):
                # A saved plugin with knowledge of this spec: what it takes is not known here.
                takers.setdefault(named, node.text("id"))
        return takers

    def corpora(self) -> None:
        for loc, node in self.section("corpora"):
            self.one_of(node, loc, ("kb", "task", "path"), "a corpus")
            self.reference(node, (*loc, "kb"), "knowledge")
            self.reference(node, (*loc, "task"), "tasks")

    def hosts(self) -> None:
        for loc, node in self.section("hosts"):
            self.one_of(node, loc, ("adaptation", "checkpoint"), "a host")

    def injections(self, rows: Mapping[int, BoundComponent | None]) -> None:
        for i, (loc, node) in enumerate(self.section("injections")):
            self.one_of(node, loc, ("type", "from"), "an injection")
            self.reference(node, (*loc, "knowledge"), "knowledge")
            self.reference(node, (*loc, "init"), "injections")
            self._origin(node, loc)
            injector = rows.get(i)
            if injector is not None:
                self._entities(node, loc, injector)
                self._host_of(loc, injector)
                if node.text("init") is None and (message := injector.config.untrained()):
                    fix = "'init' is the id of the row that trains it"
                    self.findings.add("KP322", loc, message, fix)
                for at, _, marker in marked(type(injector.config), injector.config):
                    holder = node
                    for step in at[:-1]:
                        holder = holder.value[step]
                    if isinstance(marker, SectionId):
                        self.reference(holder, (*loc, *at), marker.section)

    def heads(
        self,
        rows: Mapping[int, BoundComponent | None],
        tasks: Mapping[int, BoundComponent | None],
    ) -> None:
        """Check that every injector works on the head of every task."""
        for i, injector in rows.items():
            served = injector and injector.registered.component.capabilities.get("heads")
            if injector is None or not isinstance(served, list | tuple):
                continue
            for k, task in tasks.items():
                if task is None or (head := head_of(task)) in served:
                    continue
                own = self.section("tasks")[k][1].text("id")
                message = f"injector {injector.registered.name!r} works on a "
                message += f"{listed(list(map(str, served)))} head, but task {own!r} (tasks[{k}]) "
                message += f"has a {head} head"
                fix = "leave this row, or this task, to a spec of its own"
                self.findings.add("KP321", ("injections", i, "type"), message, fix)

    def _host_of(self, loc: Loc, injector: BoundComponent) -> None:
        """Check that an injector that trains its host is given one that can be made anew."""
        if not injector.registered.component.capabilities.get("trains_host", False):
            return
        for at, node in self.section("hosts"):
            if node.text("checkpoint") is not None:
                name = node.text("id")
                message = f"injector {injector.registered.name!r} trains the host, "
                message += f"but host {name!r} ({at[0]}[{at[1]}]) is a finished checkpoint"
                fix = "give the host an adaptation, or leave this row to a spec of its own"
                self.findings.add("KP315", (*loc, "type"), message, fix)

    def _origin(self, node: Node, loc: Loc) -> None:
        origin = node.text("from")
        if origin is None:
            return
        if is_path(origin):
            folder = Path(absolute(node.value["from"]))
            if not _holds_artifact(folder):
                message = f"no saved knowledge plugin at {folder}: "
                message += f"{ARTIFACT_FILE} is not there"
                fix = "give the folder that a run saved, relative to the spec file"
                self.findings.add("KP313", (*loc, "from"), message, fix)
        else:
            self.reference(node, (*loc, "from"), "injections")
            if origin not in self.known["injections"] and _holds_artifact(
                Path(absolute(node.value["from"]))
            ):
                message = f"{origin!r} is the id of no row, but a folder with a saved plugin"
                self.findings.add("KP307", (*loc, "from"), message, f"write ./{origin}")
        for key, value in node.value.items():
            if key in (*_FROM_KEYS, "type") or value.value is None:
                continue
            code, at = "KP314", (*loc, key)
            message = f"{key!r} has no effect here: a row with 'from' is reused as it is"
            fix = "remove it, or give the row a 'type' and start from the other with 'init'"
            if key != "init" and (close := get_close_matches(key[:60], _FROM_KEYS, n=1)):
                code = "KP301"
                message, fix = misspelt(key, close[0], "a row with 'from'")
            self.findings.add(code, at, message, fix, by_key=True)

    def _entities(self, node: Node, loc: Loc, injector: BoundComponent) -> None:
        name, control = injector.registered.name, node.get("control")
        if not needs_entities(injector) and control is not None and control.value is not None:
            message = f"'control' changes entity vectors, but injector {name!r} uses none"
            self.findings.add("KP312", (*loc, "control"), message, "remove it", by_key=True)
        if not uses_knowledge(injector):
            return
        if not self.known["knowledge"] and not self.section("knowledge"):
            message = f"injector {name!r} needs knowledge, but the spec has no 'knowledge'"
            self.findings.add("KP311", loc, message, "add a knowledge section")

    def circles(self) -> None:
        nodes = {node.text("id"): (loc, node) for loc, node in self.section("injections")}
        done: set[str] = set()
        for start in nodes:
            path: list[str] = []
            name = start
            while name is not None and name in nodes and name not in done:
                if name in path:
                    chain = " -> ".join(str(n) for n in (*path[path.index(name) :], name))
                    loc, node = nodes[path[-1]]
                    key = "from" if node.text("from") else "init"
                    message = f"rows are made from each other in a circle: {chain}"
                    self.findings.add("KP309", (*loc, key), message, "break the circle")
                    break
                path.append(name)
                node = nodes[name][1]
                name = node.text("from") or node.text("init")
            done.update(path)


def _holds_artifact(folder: Path) -> bool:
    try:
        return (folder / ARTIFACT_FILE).is_file()
    except (OSError, ValueError):
        return False
