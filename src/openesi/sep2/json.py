"""Documents as JSON: the names, types and bounds of the standard, for people and programs beside the wire.

An object has the fields of its type under their own names, attributes among them (``href``, ``all``).
Integers are numbers, hexBinary is a string of hexadecimal digits, a repeated element an array, an absent one
is left out. ``null`` counts as absent. Where a type has descendants (Response), ``"type"`` may name the one
that is meant.

This is not a format of IEEE 2030.5: devices speak XML or EXI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from openesi.errors import LocalError
from openesi.sep2 import schema
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import Field, ValueType

T = TypeVar("T", bound=Sep)

MAX_MEMBERS = 10_000  # of one array; an operator's mistake must not fill memory
TYPE = "type"  # names a descendant; no field of a type that has any is called so


class JSONError(LocalError):
    """JSON that does not say what the standard allows; the message begins with the path to it."""


def to_json(document: Sep) -> dict[str, Any]:
    """Return a document as an object of plain values."""
    shown: dict[str, Any] = {}
    for field in schema.fields(type(document)):
        value = getattr(document, field.name)
        if value is None or (field.many and not value):
            continue
        shown[field.name] = [_shown(one) for one in value] if field.many else _shown(value)
    return shown


def from_json(value: object, cls: type[T], *, path: str = "", defaults: Mapping[str, Any] | None = None) -> T:
    """Return the document of a type that an object describes.

    ``defaults`` are values of the model for fields that the object leaves out.
    Raises JSONError for fields that the type does not have, values out of their bounds, and what is required
    and missing. ``path`` is where the object stands, for the message.
    """
    path = path or cls.__name__
    if not isinstance(value, Mapping):
        raise JSONError(f"{path}: an object is wanted, not {_kind(value)}")
    values = dict(value)
    made: type[Sep] = cls
    if TYPE in values and schema.derived_types(cls) and TYPE not in known_fields(cls):
        made = _descendant(values.pop(TYPE), cls, path)
    known = known_fields(made)
    for name in values:
        if name not in known:
            raise JSONError(f"{path}: {made.__name__} has no {str(name)[:60]!r}{_hint(str(name), known)}")
    given = {name: one for name, one in (defaults or {}).items() if name in known}
    for name, one in values.items():
        if one is not None:
            given[name] = read_field(one, known[name], path=f"{path}/{name}")
    for field in known.values():
        if field.name not in given and _is_required(field, made):
            raise JSONError(f"{path}: {field.name} is required")
    document = made(**given)
    assert isinstance(document, cls)
    return document


@cache
def known_fields(cls: type[Sep]) -> dict[str, Field]:
    """Return the fields of a type by name."""
    return {field.name: field for field in schema.fields(cls)}


def _is_required(field: Field, cls: type[Sep]) -> bool:
    """Tell whether a type is nothing without a field; what an extension adds to it may be absent."""
    added_by = field.extension
    return bool(field.minimum) and (added_by is None or added_by == getattr(cls, "extension", None))


def read_field(value: object, field: Field, *, path: str) -> Any:
    """Return the value of one field, a tuple where it repeats. Raises JSONError."""
    if not field.many:
        return _read(value, field.type, path)
    if not isinstance(value, list):
        raise JSONError(f"{path}: an array is wanted, not {_kind(value)}")
    most = min(field.maximum or MAX_MEMBERS, MAX_MEMBERS)
    if not field.minimum <= len(value) <= most:
        raise JSONError(f"{path}: {len(value)} members, {field.minimum} to {most} are allowed")
    return tuple(_read(one, field.type, f"{path}[{number}]") for number, one in enumerate(value, 1))


def _read(value: object, kind: ValueType | type[Sep], path: str) -> Any:
    if not isinstance(kind, ValueType):
        return from_json(value, kind, path=path)
    primitive = kind.primitive
    if kind.is_integer:
        return _integer(value, kind, path)
    if primitive.base == "boolean":
        if not isinstance(value, bool):
            raise JSONError(f"{path}: true or false is wanted, not {_kind(value)}")
        return value
    if not isinstance(value, str):
        raise JSONError(f"{path}: a string is wanted, not {_kind(value)}")
    if primitive.base == "hexBinary":
        return _octets(value, primitive.max_length, path)
    length = len(value.encode("utf-8", "surrogatepass"))
    if primitive.max_length is not None and length > primitive.max_length:
        raise JSONError(f"{path}: {length} octets, {kind.name} holds {primitive.max_length}")
    return value


def _integer(value: object, kind: ValueType, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise JSONError(f"{path}: a whole number is wanted, not {_kind(value)}")
    low, high = kind.primitive.minimum, kind.primitive.maximum
    assert low is not None
    assert high is not None
    if not low <= value <= high:
        raise JSONError(f"{path}: {str(value)[:40]} is not between {low} and {high}, as {kind.name} is")
    return value


def _octets(value: str, most: int | None, path: str) -> bytes:
    try:
        octets = bytes.fromhex(value)
    except ValueError:
        raise JSONError(f"{path}: {value[:60]!r} is no even number of hexadecimal digits") from None
    if most is not None and len(octets) > most:
        raise JSONError(f"{path}: {len(octets)} octets, {most} are allowed")
    return octets


def _descendant(name: object, cls: type[Sep], path: str) -> type[Sep]:
    found = schema.structured_types().get(name) if isinstance(name, str) else None
    if found is None or not issubclass(found, cls):
        allowed = ", ".join(one.__name__ for one in (cls, *schema.derived_types(cls)))
        raise JSONError(f"{path}: type is one of {allowed}")
    return found


def _shown(value: Any) -> Any:
    if isinstance(value, Sep):
        return to_json(value)
    if isinstance(value, bytes):
        return value.hex().upper()
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _kind(value: object) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "true or false"),
        (int, "a number"),
        (float, "a fraction"),
        (str, "a string"),
        (list, "an array"),
        (dict, "an object"),
    )
    return next((text for kind, text in kinds if isinstance(value, kind)), "null")


def _hint(name: str, known: Mapping[str, Field]) -> str:
    """Return the field that was probably meant: the names of the standard differ by capitals."""
    meant = next((one for one in known if one.lower() == name.lower()), None)
    return f"; is {meant} meant?" if meant else ""


# --- described for programs ---------------------------------------------------------------------------------


def describe(cls: type[Sep], reference: Callable[[type[Sep]], str]) -> dict[str, Any]:
    """Return the JSON schema of a type. ``reference`` names the schema of another type."""
    known = known_fields(cls)
    required = [field.name for field in known.values() if _is_required(field, cls)]
    described: dict[str, Any] = {
        "type": "object",
        "description": (cls.__doc__ or "").strip().partition("\n")[0],
        "properties": {field.name: _describe_field(field, reference) for field in known.values()},
        "additionalProperties": False,
    }
    return {**described, "required": required} if required else described


def _describe_field(field: Field, reference: Callable[[type[Sep]], str]) -> dict[str, Any]:
    one = _describe_type(field.type, reference)
    if not field.many:
        return one
    most = {"maxItems": field.maximum} if field.maximum is not None else {}
    return {"type": "array", "items": one, "minItems": field.minimum, **most}


def _describe_type(kind: ValueType | type[Sep], reference: Callable[[type[Sep]], str]) -> dict[str, Any]:
    if not isinstance(kind, ValueType):
        return {"$ref": reference(kind)}
    primitive = kind.primitive
    if kind.is_integer:
        low = primitive.minimum if kind.meant_minimum is None else kind.meant_minimum
        high = primitive.maximum if kind.meant_maximum is None else kind.meant_maximum
        return {"type": "integer", "minimum": low, "maximum": high, "title": kind.name}
    if primitive.base == "boolean":
        return {"type": "boolean"}
    if primitive.base == "hexBinary":
        longest = "" if primitive.max_length is None else str(primitive.max_length)
        return {"type": "string", "pattern": f"^([0-9A-Fa-f]{{2}}){{0,{longest}}}$", "title": kind.name}
    most = {"maxLength": primitive.max_length} if primitive.max_length is not None else {}
    return {"type": "string", "title": kind.name, **most}
