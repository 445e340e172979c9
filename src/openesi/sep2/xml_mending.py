"""Mends a document that is nearly one of the standard, so that the careful reader takes it.

For clients: the servers of the field are not all exact, and a device that drops everything for one odd digit
serves nobody. What is strange is put right where only one meaning is possible, and left out where it is not
needed; each time a remark says so. What remains is read by the rules of the schema, as everything else. Of
an instruction nothing is left out: half of it would be another one.

Mended are: elements out of order, twice, or in no namespace; attributes written as elements; an odd number of
hex digits, 0x and hyphens; True and False; strings too long; quantities whose number has no room; missing
counts of a list; and of what the schema asks for, what ``_FALLBACKS`` has.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from openesi.sep2 import model as sep
from openesi.sep2 import schema
from openesi.sep2.editions import Edition, WireField
from openesi.sep2.errors import DecodeError
from openesi.sep2.model._declare import Sep
from openesi.sep2.schema import ValueType
from openesi.sep2.xml_reader import field_reader, local_name, named_type

MAX_REMARKS = 20  # of one document: a hostile one could be nothing but faults
_XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_DECIMAL = re.compile(r"\s*([+-]?[0-9]{1,15})(?:\.([0-9]{1,15}))?\s*").fullmatch
_NOT_HEX = re.compile(r"[\s:-]|^(?:urn:uuid:)?(?:0[xX])?")

# What is written for a required element that is missing. None of it makes a device do more than it was told.
_FALLBACKS = {
    "EventStatus": None,  # an element with fallbacks of its own: scheduled
    "changedTime": "0",
    "creationTime": "0",
    "currentStatus": "0",
    "dateTime": "0",
    "dstEndTime": "0",
    "dstOffset": "0",
    "dstStartTime": "0",
    "drProgramMandatory": "false",
    "loadShiftForward": "false",
    "locale": "en",
    "potentiallySuperseded": "false",
    "primacy": "255",  # gives way to every other program
    "quality": "7",
    "roleFlags": "0000",
    "tzOffset": "0",
}


_WHOLE = (sep.Event, sep.EventStatus, sep.DateTimeInterval, sep.DERControlBase, sep.DERCurve, sep.CurveData)
"""Types that make no sense without one of their parts that was there."""


class Mender:
    """Mends documents of one edition; ``remarks`` says what it did to the last ones."""

    def __init__(self, edition: Edition) -> None:
        self.remarks: list[str] = []
        self._edition = edition

    def mend(self, element: ET.Element, cls: type[Sep]) -> None:
        """Mend an element that is to be a ``cls``, in place. Raises DecodeError where nothing helps."""
        fields = {field.name: (order, field) for order, field in enumerate(self._edition.fields(cls))}
        if "multiplier" in fields and "value" in fields:
            self._rescale(element, fields["value"][1])
        kept: list[tuple[int, ET.Element]] = []
        counts: dict[str, int] = {}
        for child in element:
            order, field = fields.get(local_name(child.tag), (0, None))
            if field is None or not self._is_meant(child, field):
                continue
            child.tail = None
            path = f"{cls.__name__}/{field.name}"
            if field.field.attribute:
                element.set(field.name, child.text or "")
                self._remark(f"{path} is an attribute")
                continue
            if field.maximum == 1 and counts.get(field.name):
                self._remark(f"{path} stands there twice")
                continue
            try:
                self._mend_child(child, field)
            except DecodeError as error:
                if issubclass(cls, _WHOLE):
                    raise error.under(field.name) from None
                self._remark(f"{path}: {error}; left out")
                continue
            counts[field.name] = counts.get(field.name, 0) + 1
            kept.append((order, child))
        if any(before[0] > after[0] for before, after in itertools.pairwise(kept)):
            self._remark(f"{cls.__name__}: elements out of order")
        element.text = None
        element[:] = [child for _, child in sorted(kept, key=lambda one: one[0])]
        self._mend_attributes(element, cls, fields)
        for _, field in fields.values():
            if field.minimum and field.name not in counts and field.name not in element.attrib:
                self._supply(element, cls, field)
        order_of = {f"{{{field.namespace}}}{name}": order for name, (order, field) in fields.items()}
        element[:] = sorted(element, key=lambda child: order_of[child.tag])

    def _is_meant(self, child: ET.Element, field: WireField) -> bool:
        """Tell whether an element is that field; take one without a namespace for it."""
        tag = f"{{{field.namespace}}}{field.name}"
        if child.tag == tag:
            return True
        if child.tag.startswith("{"):
            return False
        self._remark(f"{field.name} stands in no namespace")
        child.tag = tag
        return True

    def _rescale(self, element: ET.Element, field: WireField) -> None:
        """Write a quantity with another power of ten where its number has no room, or is no whole one.

        envoy sends 5 kW as 500000 x 10^-2; a value has 16 bits.
        """
        found = {local_name(child.tag): child for child in element}
        value, multiplier = found.get("value"), found.get("multiplier")
        if value is None or multiplier is None or not isinstance(field.type, ValueType):
            return
        number, power = _DECIMAL(value.text or ""), _DECIMAL(multiplier.text or "")
        low, high = field.type.primitive.minimum, field.type.primitive.maximum
        if number is None or power is None or low is None or high is None:
            return
        digits, places = number[1] + (number[2] or "").rstrip("0"), len((number[2] or "").rstrip("0"))
        scaled, exponent = int(digits), int(power[1]) - places
        while not low <= scaled <= high:
            scaled, exponent = int(scaled / 10), exponent + 1  # towards 0: never more than was told
        if places or scaled != int(digits):
            self._remark(f"{value.text} x 10^{power[1]} taken as {scaled} x 10^{exponent}")
            value.text, multiplier.text = str(scaled), str(exponent)

    def _mend_child(self, child: ET.Element, field: WireField) -> None:
        if child.get(_XSI_NIL) in ("true", "1"):
            raise DecodeError("it is nil")
        if isinstance(field.type, ValueType):
            child.text = self._mended(child.text or "", field, field.type)
        else:
            self.mend(child, named_type(child, field.type, self._edition))

    def _mend_attributes(
        self, element: ET.Element, cls: type[Sep], fields: dict[str, tuple[int, WireField]]
    ) -> None:
        for name, text in list(element.attrib.items()):
            _, field = fields.get(name, (0, None))
            if field is None or not isinstance(field.type, ValueType):
                continue
            try:
                element.set(name, self._mended(text, field, field.type))
            except DecodeError as error:
                self._remark(f"{cls.__name__}/@{name}: {error}; left out")
                del element.attrib[name]

    def _mended(self, text: str, field: WireField, kind: ValueType) -> str:
        """Return the text of a value as it can be read. Raises DecodeError, of the text as it stands."""
        read = field_reader(self._edition, field)
        try:
            read(text)
        except DecodeError as error:
            for other in _other_readings(text, kind):
                try:
                    read(other)
                except DecodeError:
                    continue
                self._remark(f"{field.name}: {error}; taken as {other[:40]!r}")
                return other
            raise
        return text

    def _supply(self, element: ET.Element, cls: type[Sep], field: WireField) -> None:
        """Write what is missing. Raises DecodeError where it cannot be known."""
        if field.field.attribute and field.name in ("all", "results"):
            many = [one for one in self._edition.fields(cls) if one.maximum != 1 and not one.field.attribute]
            count = len(element.findall(f"{{{many[0].namespace}}}{many[0].name}")) if many else 0
            element.set(field.name, str(count))
        elif field.name == "mRID" and element.get("href") and not issubclass(cls, sep.Event):
            # Known by its place, then. An event is answered by its mRID: that cannot be made up.
            digest = hashlib.sha256(element.get("href", "").encode()).hexdigest()[:32]
            ET.SubElement(element, f"{{{field.namespace}}}mRID").text = digest
        elif field.name in _FALLBACKS and not field.field.attribute:
            child = ET.SubElement(element, f"{{{field.namespace}}}{field.name}")
            child.text = _FALLBACKS[field.name]
            if not isinstance(field.type, ValueType):
                self.mend(child, field.type)
        else:
            raise DecodeError(f"{field.name} missing")
        self._remark(f"{cls.__name__}: {field.name} missing")

    def _remark(self, text: str) -> None:
        if len(self.remarks) < MAX_REMARKS:
            self.remarks.append(text)


def _other_readings(text: str, kind: ValueType) -> Iterator[str]:
    base: Any = kind.primitive.base
    if base == "hexBinary":
        digits = _NOT_HEX.sub("", text)
        yield digits.rjust(len(digits) + len(digits) % 2, "0")
    elif base == "boolean":
        yield text.strip().lower()
    elif base == "string" and kind.primitive.max_length is not None:
        yield text.encode()[: kind.primitive.max_length].decode(errors="ignore")


def mended_root(element: ET.Element, edition: Edition) -> type[Sep] | None:
    """Return the type that a top element without a namespace names, and give it the edition's."""
    if element.tag.startswith("{") or element.tag not in schema.structured_types():
        return None
    element.tag = f"{{{edition.namespace}}}{element.tag}"
    return edition.types.get(element.tag)
