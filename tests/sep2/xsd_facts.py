"""Reads a schema document down to bare facts: types, fields, bounds. For tests only."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

FACTS = Path(__file__).parent / "facts"
_XS = "{http://www.w3.org/2001/XMLSchema}"

Row = tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """``types``: name, base, content; ``fields``: type, kind, name, type, min, max, default, in order."""

    types: frozenset[Row]
    fields: dict[str, tuple[Row, ...]]
    simple_types: frozenset[Row]
    elements: frozenset[Row]


def recorded(edition: str) -> Facts:
    """Return the facts as they were recorded for an edition."""
    folder = FACTS / edition
    fields: dict[str, list[Row]] = {}
    for type_name, *rest in _rows(folder / "fields.tsv"):
        fields.setdefault(type_name, []).append(tuple(rest))
    return Facts(
        frozenset(_rows(folder / "types.tsv")),
        {name: tuple(rows) for name, rows in fields.items()},
        frozenset(_rows(folder / "simple_types.tsv")),
        frozenset(_rows(folder / "elements.tsv")),
    )


def read(document: str) -> Facts:
    """Return the facts of a schema document, whatever its annotations and layout."""
    root = etree.fromstring(document.encode())
    types: set[Row] = set()
    fields: dict[str, tuple[Row, ...]] = {}
    for complex_type in root.findall(f"{_XS}complexType"):
        name = complex_type.get("name", "")
        extension = complex_type.find(f"*/{_XS}extension")
        simple = complex_type.find(f"{_XS}simpleContent") is not None
        base = "" if extension is None else _local(extension.get("base", ""))
        types.add((name, base, "simple" if simple else "complex"))
        holder = complex_type if extension is None else extension
        rows = [_element(one) for one in holder.findall(f"{_XS}sequence/{_XS}element")]
        rows += [_attribute(one) for one in holder.findall(f"{_XS}attribute")]
        if rows:
            fields[name] = tuple(rows)
    elements = {(one.get("name", ""), one.get("type", "")) for one in root.findall(f"{_XS}element")}
    simple_types = {_simple(one) for one in root.findall(f"{_XS}simpleType")}
    return Facts(frozenset(types), fields, frozenset(simple_types), frozenset(elements))


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file, delimiter="\t")][1:]


def _element(one: etree._Element) -> Row:
    name, kind = one.get("name", ""), _local(one.get("type", ""))
    return ("element", name, kind, one.get("minOccurs", "1"), one.get("maxOccurs", "1"), "")


def _attribute(one: etree._Element) -> Row:
    minimum = "1" if one.get("use") == "required" else "0"
    kind = _local(one.get("type", ""))
    return ("attribute", one.get("name", ""), kind, minimum, "1", one.get("default", ""))


def _simple(one: etree._Element) -> Row:
    restriction = one.find(f"{_XS}restriction")
    assert restriction is not None
    facets = sorted(f"{facet.tag.removeprefix(_XS)}={facet.get('value')}" for facet in restriction)
    return (one.get("name", ""), _local(restriction.get("base", "")), " ".join(facets))


def _local(name: str) -> str:
    return name.removeprefix("xs:")
