"""Second stage of validation: each component section by its plugin's own model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from kpframework.api.config import ComponentRef, PathKind, Ref, SectionId
from kpframework.errors import KpError
from kpframework.spec.fields import absolute, dotted, marked, put
from kpframework.spec.findings import Findings, listed, misspelt, shown
from kpframework.spec.resolved import BoundComponent
from kpframework.spec.tree import Loc, Node, Place, node_of
from kpframework.spec.wording import Section, report

if TYPE_CHECKING:
    from kpframework.plugins.registry import Registry

_IMPORT_PATH = re.compile(r"[^/]*[.:][^/]*$")
_KNOWN_WRONG = {"type": "-"}


class Binder:
    """Binds component sections to plugins; what is wrong goes to the findings."""

    def __init__(self, registry: Registry, findings: Findings) -> None:
        self.registry = registry
        self.findings = findings

    def component(
        self, kind: str, loc: Loc, node: Node, core: Sequence[str] = ()
    ) -> BoundComponent | None:
        """Return a section bound to its plugin, or None after adding to the findings.

        Args:
            kind: kind of the component.
            loc: path of the section.
            node: the section: a table, or the bare name of a component.
            core: keys of the section that are not the component's.
        """
        name = self._name(kind, loc, node)
        if name is None:
            return None
        named = loc if isinstance(node.value, str) else (*loc, "type")
        try:
            registered = self.registry.get(kind, name)
            model = self.registry.load_config(registered)
        except KpError as error:
            for problem in error.problems:
                self.findings.put(problem, named)
            return None
        core = ("type", *core)
        table = node.value if isinstance(node.value, dict) else {}
        options = Node({k: v for k, v in table.items() if k not in core}, node.place, node.key)
        see = f"kpframework plugins show {kind}/{name}"
        section = Section(loc, model, registered.title, see, core)
        data, children = self.prepare(model, options, loc)
        config = self.validate(section, data, options.place.base)
        if config is None:
            return None
        self._defaults(config, children, loc, node.place)
        return BoundComponent(
            registered=registered,
            config=config,
            path=self.findings.words(loc),
            type=name,
            registry=self.registry,
            children={dotted(at): child for at, child in children.items() if child},
        )

    def prepare(
        self, model: type[BaseModel], node: Node, loc: Loc
    ) -> tuple[Any, dict[Loc, BoundComponent | None]]:
        """Return a section as plain data with absolute paths, and its nested components bound.

        A nested section that is wrong was reported; it is replaced, not to be reported twice.
        """
        data = node.plain()
        children: dict[Loc, BoundComponent | None] = {}
        for at, found, marker in marked(model, node):
            if isinstance(marker, PathKind):
                if isinstance(found.value, str):
                    put(data, at, absolute(found))
                continue
            if isinstance(marker, SectionId):
                continue
            child = self.component(marker.kind, (*loc, *at), found)
            children[at] = child
            put(data, at, child.filled() if child else _KNOWN_WRONG)
        return data, children

    def validate(self, section: Section, data: Any, base: Path) -> Any:
        """Return the validated model, or None after adding to the findings."""
        try:
            # JSON mode: strict about numbers and texts, yet a list may fill a tuple or a set.
            return section.model.model_validate_json(json.dumps(data), context={"base": str(base)})
        except ValidationError as error:
            report(error, section, self.findings)
        except Exception as error:
            # A plugin's validator is foreign code and may raise anything.
            reason = f"{type(error).__name__}: {error}"
            message = f"the options of {section.title} could not be checked: {reason}"
            self.findings.add("KP316", section.loc, message, "report it to the plugin's authors")
        return None

    def _name(self, kind: str, loc: Loc, node: Node) -> str | None:
        value, at = node.value, loc
        if isinstance(value, dict):
            if "type" not in value and (close := get_close_matches("type", value, n=1)):
                message, fix = misspelt(close[0], "type", f"a {kind} section")
                self.findings.add("KP301", (*loc, close[0]), message, fix, by_key=True)
                return None
            if "type" not in value:
                names = self.registry.names(kind)
                message = f"this section does not say which {kind} it is: 'type' is missing"
                fix = f'add "type": {listed([json.dumps(n) for n in names])}' if names else ""
                self.findings.add("KP304", loc, message, fix)
                return None
            value, at = value["type"].value, (*loc, "type")
        if not isinstance(value, str):
            wanted = f"is the name of a {kind}" if at != loc else f"is a {kind} section"
            fix = 'write {"type": "name", …} or the bare name in quotes'
            subject = repr(at[-1])
            self.findings.add("KP302", at, f"{subject} {wanted}, not {shown(node.plain())}", fix)
            return None
        if _IMPORT_PATH.search(value):
            message = (
                f"{value[:60]!r} looks like an import path; "
                "a spec selects registered names only and never imports code by path"
            )
            names = self.registry.names(kind)
            fix = f"use one of: {', '.join(names)}" if names else f"install a plugin with a {kind}"
            self.findings.add("KP310", at, message, fix)
            return None
        return value

    def _defaults(
        self,
        config: BaseModel,
        children: dict[Loc, BoundComponent | None],
        loc: Loc,
        place: Place,
    ) -> None:
        """Bind the nested components that come from defaults, not from the file."""
        for at, value, marker in marked(type(config), config):
            if isinstance(marker, Ref) and isinstance(value, ComponentRef) and at not in children:
                node = node_of(value.model_dump(mode="json"), place)
                children[at] = self.component(marker.kind, (*loc, *at), node)
