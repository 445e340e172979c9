"""A document as a sequence of events: what the codec reads and writes when it knows of no objects."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from openesi.exi.schema import QName


class StartElement(NamedTuple):
    """The start tag of an element; its attributes follow."""

    name: QName


class Attribute(NamedTuple):
    """An attribute of the element that was just started.

    The value is text, except of xsi:type, where it is the name of the type.
    """

    name: QName
    value: str | QName


class Characters(NamedTuple):
    """Text."""

    text: str


class EndElement(NamedTuple):
    """The end of the element that is open."""


Event: TypeAlias = StartElement | Attribute | Characters | EndElement
