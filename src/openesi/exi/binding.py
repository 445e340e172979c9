"""What the object layer must be told of a program's classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Convert: TypeAlias = Callable[[Any], Any]


class NotPlain(Exception):
    """Not something that the object layer handles; says nothing about whether it is right."""


@dataclass(frozen=True, slots=True)
class FieldBinding:
    """Where a wire field lives in the object: ``attr``, translated by the two functions if they are there.

    Repeated fields are tuples; integers, booleans, text and octets are int, bool, str and bytes; what is
    absent is None. ``fallback`` is written where the object has None.
    """

    attr: str
    to_object: Convert | None = None
    from_object: Convert | None = None
    fallback: Any = None


@dataclass(frozen=True, slots=True)
class TypeBinding:
    """The class for a type of the schema, called with a keyword per field present.

    ``elements`` and ``attributes`` are by wire name, inherited ones included. ``beyond`` names attributes of
    the object that the schema does not have: an object with one of them set (not None, not empty) is not
    plain.
    """

    factory: type
    elements: Mapping[str, FieldBinding]
    attributes: Mapping[str, FieldBinding] = field(default_factory=dict)
    beyond: tuple[str, ...] = ()
