"""Documents read as VOLTTRON's agent read them: whatever is known is taken, what is missing is nothing.

The agent checked neither order nor namespace nor bounds, and devices made for it may rely on that. Size,
depth and well-formedness are checked as everywhere.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import VOLTTRON, WireField
from openesi.sep2.errors import DecodeError
from openesi.sep2.schema import ValueType
from openesi.sep2.xml_reader import local_name, short
from openesi.server.documents import nothing

MOST_DIGITS = 20  # of a number: 64 bits; Python reads long ones slowly
_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{MOST_DIGITS}}}", re.ASCII).fullmatch
_HEX = re.compile(r"[0-9A-Fa-f]*", re.ASCII).fullmatch
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def parse(data: bytes, expected: Sequence[type[sep.Sep]], *, now: int) -> sep.Sep:
    """Read one document that must be one of ``expected``; a required time that is missing is ``now``.

    Raises DecodeError.
    """
    root = xml.tree(data)
    name = local_name(root.tag)
    cls = next((one for one in expected if one.__name__ == name), None)
    if cls is None:
        names = " or ".join(one.__name__ for one in expected)
        raise DecodeError(f"the document is a {short(name)}, expected {names}")
    return _read(root, cls, now)


def _read(element: ET.Element, cls: type[sep.Sep], now: int) -> sep.Sep:
    children: dict[str, list[ET.Element]] = {}
    for child in element:
        children.setdefault(local_name(child.tag), []).append(child)
    values = {}
    for field in VOLTTRON.fields(cls):
        found = _field(children.get(field.name, []), field, now)
        if found is not None:
            values[field.attr] = found
    return cls(**values)


def _field(found: list[ET.Element], field: WireField, now: int) -> Any:
    if field.field.attribute:
        return None
    try:
        if field.maximum != 1:
            return tuple(_value(one, field, now) for one in found)
        if found:
            return _value(found[-1], field, now)
    except DecodeError as error:
        raise error.under(field.name) from None
    if not field.field.minimum:
        return None
    return now if field.field.type_name == "TimeType" else nothing(field.type)


def _value(element: ET.Element, field: WireField, now: int) -> Any:
    if not isinstance(field.type, ValueType):
        return _read(element, field.type, now)
    value = _leaf((element.text or "").strip(), field.type)
    try:
        return value if field.to_model is None else field.to_model(value)
    except OverflowError:
        raise DecodeError(f"{value} is out of range") from None


def _leaf(text: str, kind: ValueType) -> Any:
    if kind.is_integer:
        if not _INTEGER(text):
            raise DecodeError(f"{short(text)} is no whole number of at most {MOST_DIGITS} digits")
        return int(text)
    base = kind.primitive.base
    if base == "boolean":
        if text.lower() not in _BOOLEANS:
            raise DecodeError(f"{short(text)} is neither true nor false")
        return _BOOLEANS[text.lower()]
    if base == "hexBinary":
        if not _HEX(text):
            raise DecodeError(f"{short(text)} is not hexadecimal")
        return unhexlify(text if len(text) % 2 == 0 else "0" + text)
    return text
