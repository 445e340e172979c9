"""Lists: the order the standard gives each kind, and the window that ``s``, ``a`` and ``l`` cut out of it.

Order is decided by one octet string per member, made so that comparing octets compares members; any store
can sort by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from openesi.sep2 import file, schema
from openesi.sep2.errors import DecodeError, ReasonCode
from openesi.sep2.model._declare import Sep

DEFAULT_LIMIT = 1  # IEEE 2030.5-2018, clause 4.6: without l, one member
MAX_LIMIT = 500  # a page is rendered in memory; conformance tests ask for up to 255
MAX_PARAMETERS = 16  # a query could carry thousands

# Keys in order of weight, "-" for descending, a path into the member, ":m" an mRID (compared as a number).
# IEEE 2030.5-2018 orders most kinds; the rest (marked) have their href, the rule for what it leaves open.
_ORDER = {
    "EndDevice": "-changedTime sFDI",
    "FunctionSetAssignments": "-mRID:m",
    "Subscription": "",
    "Notification": "",
    "ResponseSet": "-mRID:m",
    "Response": "-createdDateTime endDeviceLFDI:m",
    "SupportedLocale": "locale",  # left open
    "IPInterface": "ifIndex",
    "IPAddr": "address:m",
    "LLInterface": "EUI64:m",
    "Neighbor": "shortAddress",  # left open
    "RPLInstance": "DODAGid RPLInstanceID",
    "RPLSourceRoutes": "SourceRoute:m DestAddress:m",
    "LogEvent": "-createdDateTime -logEventID",
    "File": "mfID mfModel -mfVer",
    "DemandResponseProgram": "primacy -mRID:m",
    "EndDeviceControl": "interval.start -creationTime -mRID:m",
    "UsagePoint": "-mRID:m",
    "MeterReading": "-mRID:m",
    "ReadingSet": "-timePeriod.start -mRID:m",
    "Reading": "localID:m consumptionBlock touTier",
    "MirrorUsagePoint": "-mRID:m",
    "TariffProfile": "-mRID:m",
    "RateComponent": "-mRID:m",
    "TimeTariffInterval": "interval.start -creationTime -mRID:m",
    "ConsumptionTariffInterval": "startValue",
    "MessagingProgram": "-mRID:m",
    "TextMessage": "interval.start -creationTime -mRID:m",
    "CustomerAccount": "customerName -mRID:m",
    "CustomerAgreement": "serviceLocation -mRID:m",
    "BillingPeriod": "-interval.start",
    "HistoricalReading": "description -mRID:m",
    "TargetReading": "description -mRID:m",
    "ProjectionReading": "description -mRID:m",
    "BillingReadingSet": "-timePeriod.start -mRID:m",
    "BillingReading": "timePeriod.start consumptionBlock touTier",
    "Prepayment": "-mRID:m",
    "CreditRegister": "-effectiveTime -mRID:m",
    "SupplyInterruptionOverride": "interval.start interval.duration",
    "FlowReservationRequest": "intervalRequested.start -creationTime -mRID:m",
    "FlowReservationResponse": "interval.start -creationTime -mRID:m",
    "DERProgram": "primacy -mRID:m",
    "DERControl": "interval.start -creationTime -mRID:m",
    "DERCurve": "-creationTime -mRID:m",
}


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a list that is asked for. ``after`` beats ``start`` on lists whose first key is a time.

    ``equal`` holds values that fields of the members must be equal to, where a list can be filtered.
    """

    start: int = 0
    limit: int = DEFAULT_LIMIT
    after: int | None = None
    equal: Mapping[str, object] = field(default_factory=dict)


# Lists of what may be asked for by the value of fields (IEEE 2030.5-2018, type File), and what an extension
# adds to them, by its tag (2023, type EndDevice: sFDI).
_FILTERS = {("File", ""): file.FILTERS, ("EndDevice", "2023"): frozenset({"sFDI"})}


def parse_window(query: str, item: type[Sep] | None = None, *, tags: frozenset[str] = frozenset()) -> Window:
    """Read ``s``, ``a`` and ``l``, and the filters of a list of ``item`` in an edition with these ``tags``.

    The first of a repeated parameter counts, unknown ones are ignored.

    Raises:
        DecodeError: a value that is no number, or negative, or none of its field.

    """
    if not query:
        return Window()
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise DecodeError(f"more than {MAX_PARAMETERS} query parameters") from None
    found: dict[str, int] = {}
    filters = _filters_of(item, tags) if item is not None else frozenset()
    equal: dict[str, object] = {}
    for name, text in pairs:
        if name in ("s", "a", "l") and name not in found:
            found[name] = _number(name, text)
        elif name in filters and name not in equal:
            assert item is not None
            equal[name] = _field_value(item, name, text)
    limit = min(found.get("l", DEFAULT_LIMIT), MAX_LIMIT)
    return Window(found.get("s", 0), limit, found.get("a"), equal)


def _filters_of(item: type[Sep], tags: frozenset[str]) -> frozenset[str]:
    named = (_FILTERS.get((item.__name__, tag), ()) for tag in ("", *tags))
    return frozenset().union(*named)


def _field_value(item: type[Sep], name: str, text: str) -> object:
    kind = next(one.type for one in schema.fields(item) if one.name == name)
    assert isinstance(kind, schema.ValueType)
    if kind.is_integer:
        return _number(name, text)
    if kind.primitive.base != "hexBinary":
        return text
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise DecodeError(
            f"query parameter {name}={text[:20]!r} is no hexBinary", reason=ReasonCode.VALUES
        ) from None


def _number(name: str, text: str) -> int:
    negative = name == "a" and text.startswith("-")
    digits = text[1:] if negative else text
    if not (digits.isdigit() and digits.isascii() and len(digits) <= 18):
        raise DecodeError(f"query parameter {name}={text[:20]!r} is no number", reason=ReasonCode.VALUES)
    return -int(digits) if negative else int(digits)


@dataclass(frozen=True, slots=True)
class _Key:
    path: tuple[str, ...]
    descending: bool
    number: bool  # octets compared as a number: left-padded to the width of the widest
    time: bool


def sort_key(member: Sep, href: str = "") -> bytes:
    """Return octets that sort like the standard sorts ``member`` in its list; ``href`` breaks ties."""
    parts = [_encode(key, _value(key, member)) for key in _keys(type(member))]
    parts.append(href.encode())
    return b"".join(parts)


def time_bound(item: type[Sep], after: int) -> tuple[bytes, bool] | None:
    """Return where members later than ``after`` lie: a prefix, and whether they sort below it.

    (prefix, False): members with a key greater than every key that starts with ``prefix``;
    (prefix, True): members with a key less than ``prefix``. None where the first key is no time: ``a`` has no
    effect there.
    """
    keys = _keys(item)
    if not keys or not keys[0].time:
        return None
    return _encode(keys[0], after), keys[0].descending


def order_of(item: type[Sep]) -> str:
    """Return the keys that members of a type are ordered by, as text; an empty one: by their href."""
    return " ".join(f"{'-' if key.descending else ''}{'.'.join(key.path)}" for key in _keys(item))


@cache
def _keys(item: type[Sep]) -> tuple[_Key, ...]:
    name = next((one.__name__ for one in schema.lineage(item) if one.__name__ in _ORDER), None)
    return tuple(_parse_key(item, text) for text in _ORDER[name].split()) if name else ()


def _parse_key(item: type[Sep], text: str) -> _Key:
    path = tuple(text.removeprefix("-").removesuffix(":m").split("."))
    holder: Any = item
    for name in path:
        holder = next(field.type for field in schema.fields(holder) if field.name == name)
    return _Key(path, text.startswith("-"), text.endswith(":m"), holder.name == "TimeType")


def _value(key: _Key, member: Any) -> Any:
    for name in key.path:
        member = getattr(member, name, None)
    return member


def _encode(key: _Key, value: Any) -> bytes:
    """Encode so that octets compare as values do; an absent value is smaller than any other."""
    if value is None:
        plain = b"\x00"
    elif isinstance(value, int):
        plain = b"\x01" + (value + (1 << 63)).to_bytes(8, "big")
    elif isinstance(value, bytes) and key.number:
        plain = b"\x01" + value.rjust(24, b"\x00")
    else:
        text = value if isinstance(value, bytes) else str(value).encode()
        plain = b"\x01" + text.replace(b"\x00", b"\x00\xff") + b"\x00\x00"
    return bytes(255 - octet for octet in plain) if key.descending else plain
