"""The declarations of ``openesi.sep2.model`` read as plain data: types, fields, order, bounds.

The codecs, the XSD printer and the documentation are made from what this module says; nothing else knows
how a declaration is written.
"""

from __future__ import annotations

import inspect
import sys
import types
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from openesi.sep2 import model
from openesi.sep2.model import primitives, simple
from openesi.sep2.model._declare import Attribute, Extension, Named, Occurs, Sep, Simple


@dataclass(frozen=True, slots=True)
class ValueType:
    """What a simple value may be: the primitive with its bounds, and the name the standard gives it."""

    name: str
    primitive: Simple
    meant_minimum: int | None = None
    meant_maximum: int | None = None

    @property
    def is_integer(self) -> bool:
        """Whether values are Python integers; else they are bool, str or bytes."""
        return self.primitive.minimum is not None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type. ``maximum`` is None where the standard sets no bound.

    ``type`` is a ``ValueType`` or a class of the model; ``owner`` names the type that declares the field;
    ``default`` is the value that the schema gives an absent attribute.
    """

    name: str
    type: ValueType | type[Sep]
    owner: str
    minimum: int = 1
    maximum: int | None = 1
    attribute: bool = False
    default: str | None = None
    extension: Extension | None = None

    @property
    def type_name(self) -> str:
        """The name of the field's type in the standard."""
        return self.type.name if isinstance(self.type, ValueType) else self.type.__name__

    @property
    def many(self) -> bool:
        """Whether the Python value is a tuple of values."""
        return self.maximum != 1


@cache
def own_fields(cls: type[Sep]) -> tuple[Field, ...]:
    """Return the fields that ``cls`` itself declares, in wire order, extensions included."""
    namespace = vars(sys.modules[cls.__module__]) | {"sep": model}
    return tuple(
        _field(name, eval(text, namespace), cls.__name__)  # noqa: S307 (our own annotations)
        for name, text in inspect.get_annotations(cls).items()
        if not text.startswith("ClassVar")
    )


@cache
def fields(cls: type[Sep]) -> tuple[Field, ...]:
    """Return all fields of ``cls``, those of its bases first: the order of the ``xs:sequence``."""
    return tuple(field for base in reversed(lineage(cls)) for field in own_fields(base))


@cache
def lineage(cls: type[Sep]) -> tuple[type[Sep], ...]:
    """Return ``cls`` and its base types of the standard, nearest first."""
    return tuple(base for base in cls.__mro__ if issubclass(base, Sep) and base is not Sep)


def base_of(cls: type[Sep]) -> str | None:
    """Return the name of the type that ``cls`` extends, or None."""
    line = lineage(cls)
    return line[1].__name__ if len(line) > 1 else None


@cache
def structured_types() -> dict[str, type[Sep]]:
    """Return every structured type by name: the 283 of the 2018 edition and those that extensions add."""
    return {
        name: value
        for name, value in vars(model).items()
        if isinstance(value, type) and issubclass(value, Sep) and value is not Sep
    }


@cache
def extension_of(cls: type[Sep]) -> Extension | None:
    """Return what adds the type ``cls`` to the standard, or None where it belongs to the 2018 edition."""
    return getattr(cls, "extension", None)


@cache
def value_types() -> dict[str, ValueType]:
    """Return the 66 simple types: 25 primitives and 41 that name a meaning."""
    found = {}
    for module in (primitives, simple):
        for alias in vars(module).values():
            if get_origin(alias) is Annotated:
                value = _value_type(alias)
                found[value.name] = value
    return {name: value for name, value in found.items() if name not in _BUILT_IN}


@cache
def list_item(cls: type[Sep]) -> Field | None:
    """Return the field that holds the members where ``cls`` is a list type (List or SubscribableList)."""
    if not issubclass(cls, model.List | model.SubscribableList):
        return None
    members = [field for field in own_fields(cls) if field.many]
    return members[0] if members else None


_BUILT_IN = frozenset({"boolean", "anyURI", "string"})


def _field(name: str, annotation: Any, owner: str) -> Field:
    inner, marks = _unwrap(annotation)
    attribute = next((mark for mark in marks if isinstance(mark, Attribute)), None)
    occurs = next((mark for mark in marks if isinstance(mark, Occurs)), None)
    extension = next((mark for mark in marks if isinstance(mark, Extension)), None)
    minimum, maximum = 1, 1
    if get_origin(inner) is tuple:
        inner = get_args(inner)[0]
        minimum, maximum = (occurs.minimum, occurs.maximum) if occurs else (0, None)  # type: ignore[assignment]
    elif get_origin(inner) in (Union, types.UnionType):
        inner = next(arm for arm in get_args(inner) if arm is not type(None))
        minimum = 0
    return Field(
        name,
        inner if isinstance(inner, type) and issubclass(inner, Sep) else _value_type(inner),
        owner,
        minimum=minimum,
        maximum=maximum,
        attribute=attribute is not None,
        default=attribute.default if attribute else None,
        extension=extension,
    )


def _unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split field marks off; an alias of a simple type stays whole, for its marks are the type's own."""
    if get_origin(annotation) is not Annotated:
        return annotation, ()
    inner, *marks = get_args(annotation)
    own = tuple(mark for mark in marks if isinstance(mark, Attribute | Occurs | Extension))
    rest = tuple(mark for mark in marks if mark not in own)
    return (Annotated[(inner, *rest)] if rest else inner), own


def _value_type(alias: Any) -> ValueType:
    _, *marks = get_args(alias)
    primitive = next(mark for mark in marks if isinstance(mark, Simple))
    named = [mark for mark in marks if isinstance(mark, Named)]
    if not named:
        return ValueType(primitive.name, primitive)
    return ValueType(named[-1].name, primitive, named[-1].meant_minimum, named[-1].meant_maximum)


@cache
def derived_types(cls: type[Sep]) -> tuple[type[Sep], ...]:
    """Return the types that extend ``cls``, directly or not, without itself."""
    return tuple(one for one in structured_types().values() if issubclass(one, cls) and one is not cls)
