"""How a class declares its XML, once for parsing, writing, the XSD and the WSDL.

A class of ``model`` is a frozen dataclass whose fields carry the element names of the standard, in the order
of its schema. The annotation says the rest:

    name: str                              required element
    reason: str | None = None              optional element
    Names: tuple[Names, ...] = ()          any number
    ref: Annotated[str, ATTRIBUTE]         XML attribute
    value: Annotated[str, CONTENT]         the text of the element itself
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final, TypeVar

from openesi.errors import LocalError

# Text of a peer that goes into a database and onto a page; the longest thing meant to be here is a reason.
MAX_TEXT: Final = 2048

T = TypeVar("T")


class Place(Enum):
    """Where in the XML a field stands."""

    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    CONTENT = "content"


ATTRIBUTE: Final = Place.ATTRIBUTE
CONTENT: Final = Place.CONTENT


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a class, as XML sees it."""

    name: str
    type: type
    required: bool
    many: bool
    place: Place

    @property
    def simple(self) -> bool:
        """Whether its value is text, not more elements."""
        return not dataclasses.is_dataclass(self.type)


_MEMBERS: dict[type, tuple[Member, ...]] = {}  # bounded by the classes of the model


@typing.dataclass_transform(kw_only_default=True, frozen_default=True)
def element(cls: type[T]) -> type[T]:
    """Make a class of the model: frozen, slotted, given by keyword."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


def members(cls: type) -> tuple[Member, ...]:
    """The fields of a class, in schema order."""
    if cls not in _MEMBERS:
        _MEMBERS[cls] = _members(cls)
    return _MEMBERS[cls]


def _members(cls: Any) -> tuple[Member, ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(
        _member(field.name, hints[field.name], required=field.default is dataclasses.MISSING)
        for field in dataclasses.fields(cls)
    )


def _member(name: str, hint: Any, *, required: bool) -> Member:
    place, many = Place.ELEMENT, False
    if typing.get_origin(hint) is typing.Annotated:
        hint, place = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) is tuple:
        hint, many = typing.get_args(hint)[0], True
    return Member(name, hint, required and not many, many, place)


def parse_value(kind: type, text: str) -> Any:
    """A simple value from its text; raises ``ValueError`` with what is wrong with it."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    if kind is str:
        return text
    text = text.strip()
    if kind is bool:
        if text not in _BOOLEANS:
            raise ValueError(f"is neither true nor false: {text!r}")
        return _BOOLEANS[text]
    if kind is datetime:
        return _parse_time(text)
    if kind is float:
        return _parse_number(text)
    if issubclass(kind, (StrEnum, int)):
        return kind(text)
    raise LocalError(f"{kind} is no simple type of a message")


def serialize_value(value: object) -> str:
    """The text of a simple value."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case float() if value == int(value):
            return str(int(value))
    return str(value)


_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def _parse_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"is no finite number: {text!r}")
    return number


def _parse_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is no date and time: {text!r}") from None
    if moment.tzinfo is None:
        raise ValueError(f"has no time zone: {text!r}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"is out of range: {text!r}") from None
