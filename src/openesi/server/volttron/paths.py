"""The agent's paths and those of the tree: one table, both ways, and links rewritten by it.

The agent counted devices and mirrors from 0 in the order of its configuration; the tree counts from 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from openesi.sep2 import model as sep
from openesi.sep2 import schema

# What the agent served and the tree has. The number of a device or mirror differs by one.
_PLACES = (
    ("/dcap", "/dcap"),
    ("/dcap/tm", "/tm"),
    ("/dcap/sdev", "/sdev"),
    ("/dcap/sdev/di", "/sdev/di"),
    ("/dcap/sdev/log", "/sdev/lel"),
    ("/dcap/edev", "/edev"),
    ("/dcap/edev/{}", "/edev/{}"),
    ("/dcap/edev/{}/reg", "/edev/{}/rg"),
    ("/dcap/edev/{}/di", "/edev/{}/di"),
    ("/dcap/edev/{}/dstat", "/edev/{}/dstat"),
    ("/dcap/edev/{}/ps", "/edev/{}/ps"),
    ("/dcap/edev/{}/fsa", "/edev/{}/fsa"),
    ("/dcap/edev/{}/der", "/edev/{}/der"),
    ("/dcap/edev/{}/der/1", "/edev/{}/der/1"),
    ("/dcap/edev/{}/der/1/dera", "/edev/{}/der/1/dera"),
    ("/dcap/edev/{}/der/1/dercap", "/edev/{}/der/1/dercap"),
    ("/dcap/edev/{}/der/1/derg", "/edev/{}/der/1/derg"),
    ("/dcap/edev/{}/der/1/ders", "/edev/{}/der/1/ders"),
    ("/dcap/mup", "/mup"),
    ("/dcap/mup/{}", "/mup/{}"),
)
_TREE = dict(_PLACES)
_AGENT = {tree: agent for agent, tree in _PLACES}
_AGENT_PATH = re.compile(r"/dcap(?:/(?:edev|mup)/(?P<number>0|[1-9][0-9]{0,9})(?P<rest>/.*)?|/.*)?", re.ASCII)
_TREE_PATH = re.compile(r"/(?:edev|mup)/(?P<number>[1-9][0-9]{0,9})(?P<rest>/.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A path of the agent: ``pattern`` with ``{}`` for the number, and the tree's number (None: none)."""

    pattern: str
    number: int | None

    @property
    def tree(self) -> str | None:
        """The path in the tree, None for what is made for the agent alone."""
        pattern = _TREE.get(self.pattern)
        return None if pattern is None else pattern.format(self.number)

    @property
    def device(self) -> str | None:
        """The path of the device in the tree that the agent's path names."""
        return f"/edev/{self.number}" if self.pattern.startswith("/dcap/edev/{}") else None


def place_of(path: str) -> Place | None:
    """Return what a path of the agent names; None for one that it never had."""
    pattern, number = path, None
    found = _AGENT_PATH.fullmatch(path)
    if found is None:
        return None
    if found["number"] is not None:
        start, end = found.span("number")
        pattern, number = f"{path[:start]}{{}}{path[end:]}", int(found["number"]) + 1
    return Place(pattern, number) if pattern in _TREE or pattern in OWN else None


OWN = {
    "/dcap/edev/{}/fsa/0": "FunctionSetAssignments",
    "/dcap/edev/{}/derp": "DERProgramList",
    "/dcap/edev/{}/derp/1": "DERProgram",
    "/dcap/edev/{}/derc": "DERControlList",
    "/dcap/edev/{}/derc/1": "DERControl",
}
"""What the agent had beside the tree: one assignment, one program and one control for each device."""


def agent_path(tree: str) -> str | None:
    """Return the agent's path of a place in the tree; None where it had none."""
    found = _TREE_PATH.fullmatch(tree)
    if found is None:
        return _AGENT.get(tree)
    start, end = found.span("number")
    pattern = _AGENT.get(f"{tree[:start]}{{}}{tree[end:]}")
    return None if pattern is None else pattern.format(int(found["number"]) - 1)


def rewritten(document: Any) -> Any:
    """Return a document of the tree as the agent's: its hrefs, and no links to what it had not."""
    changes: dict[str, Any] = {}
    cls: type[sep.Sep] = type(document)
    for name in _names(cls):
        value = getattr(document, name)
        if isinstance(value, sep.Link):
            href = agent_path(value.href)
            # The agent had one assignment for each device, whatever groups a device is in.
            one = {"all": 1} if isinstance(value, sep.FunctionSetAssignmentsListLink) else {}
            changes[name] = None if href is None else sep.replace(value, href=href, **one)
        elif isinstance(value, tuple):
            changes[name] = tuple(rewritten(one) if isinstance(one, sep.Sep) else one for one in value)
        elif isinstance(value, sep.Sep):
            changes[name] = rewritten(value)
    href = getattr(document, "href", None)
    if href is not None:
        changes["href"] = agent_path(href)
    return sep.replace(document, **changes) if changes else document


@cache
def _names(cls: type[sep.Sep]) -> tuple[str, ...]:
    return tuple(field.name for field in schema.fields(cls) if not isinstance(field.type, schema.ValueType))
