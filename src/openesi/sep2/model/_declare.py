"""The few words the declarations of the standard are made of.

A type of IEEE 2030.5 is a frozen, slotted class; its annotations are the declaration. Nothing is guessed:

* the attribute's name is the wire name, and the order of the annotations is the order on the wire,
  a base class's fields first (the ``xs:sequence`` of the standard);
* ``X`` is required, ``X | None`` may be absent, ``tuple[X, ...]`` occurs any number of times,
  ``Annotated[tuple[X, ...], Occurs(1, 10)]`` a bounded number of times;
* ``Annotated[X, Attribute()]`` is an XML attribute, anything else an element;
* bounds belong to the simple type (``UInt16``, ``String32``): see ``primitives`` and ``types``;
* ``Annotated[X, Extension(...)]`` is a field that an edition or profile adds to the 2018 one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

import msgspec

SepT = TypeVar("SepT", bound="Sep")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class SepMeta(msgspec.StructMeta):
    """Makes every declaration frozen, keyword-only and free of the garbage collector.

    Free of the collector, because documents are trees: it has nothing to find in them.
    """

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> SepMeta:
        return super().__new__(mcls, name, bases, namespace, frozen=True, kw_only=True, gc=False)


if TYPE_CHECKING:

    class Sep(metaclass=SepMeta):
        """Base of all structured types, as type checkers see it: frozen and keyword-only by default."""

else:

    class Sep(msgspec.Struct, metaclass=SepMeta):
        """Base of all structured types. Values are immutable: change one with ``replace``."""


def replace(value: SepT, /, **changes: Any) -> SepT:
    """Return a copy of ``value`` with the given fields changed. TypeError: no such field."""
    changed: SepT = msgspec.structs.replace(value, **changes)  # type: ignore[type-var]
    return changed


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple type of the schema and the bounds of its values.

    ``minimum``/``maximum`` bound integers; ``max_length`` bounds strings and hexBinary in octets
    (the standard asks senders to count UTF-8 octets, not characters). ``facets`` tells that the bounds are
    the schema's own and not those of its XML Schema base type.
    """

    name: str
    base: str
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    facets: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A type of the standard that gives a simple type a name and a meaning.

    ``meant_minimum``/``meant_maximum`` are bounds that the standard's text states and its schema does not
    enforce (PerCent up to 10000, say).
    """

    name: str
    meant_minimum: int | None = None
    meant_maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """The field is an XML attribute; ``default`` is the value the schema gives an absent one."""

    default: str | None = None


@dataclass(frozen=True, slots=True)
class Occurs:
    """How often an element may occur, where it is neither optional, once nor unbounded."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Extension:
    """A field that is not in the 2018 schema: ``tag`` names who adds it, ``namespace`` where its name lives.

    ``namespace`` is None where the extension keeps the namespace of the edition; ``prefix`` is what the
    namespace is called in documents.
    """

    tag: str
    namespace: str | None = None
    prefix: str = ""


IEEE_2023 = Extension("2023")
CSIP_AUS_12 = Extension("csip-aus-1.2", "https://csipaus.org/ns", "csipaus")
CSIP_AUS_13 = Extension("csip-aus-1.3", "https://csipaus.org/ns/v1.3", "csipaus13")
