"""A value of every type, with as much or as little in it as the standard allows."""

from __future__ import annotations

from typing import Any

from openesi.sep2.editions import Edition
from openesi.sep2.model import Sep
from openesi.sep2.schema import ValueType


def full(cls: type[Sep], edition: Edition) -> Sep:
    """Return a value with every field set that the edition has; repeated ones twice."""
    return _build(cls, edition, least=False)


def least(cls: type[Sep], edition: Edition) -> Sep:
    """Return a value with nothing in it but what the edition requires."""
    return _build(cls, edition, least=True)


def _build(cls: type[Sep], edition: Edition, *, least: bool) -> Sep:
    values: dict[str, Any] = {}
    for wire in edition.fields(cls):
        if least and not wire.minimum:
            continue
        one = _example(wire.attr, wire.field.type, edition, least=least)
        values[wire.attr] = one if wire.maximum == 1 else (one,) * (wire.minimum if least else 2)
    return cls(**values)


def _example(name: str, kind: ValueType | type[Sep], edition: Edition, *, least: bool) -> Any:
    if not isinstance(kind, ValueType):
        return _build(kind, edition, least=least)
    examples = {
        "boolean": True,
        "anyURI": f"/{name}?a=1&b=2",
        "string": f"{name[:3]}<&",
        # Both bits mean something in every edition; 2.0.4 knows fewer.
        "hexBinary": b"\x00\x00\x0c\x00"[: kind.primitive.max_length],
    }
    return examples.get(kind.primitive.base, 3)
