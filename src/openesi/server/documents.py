"""Between documents and rows: what of a document is stored, and what the tree says about it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from openesi.sep2 import editions, events, identity, lists, resources, schema, spans, xml
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.store import Row

T = TypeVar("T", bound=sep.Sep)

# Documents rest in the 2018 edition, whoever wrote them, with all that extensions add and what devices made
# for VOLTTRON say beyond it.
STORED = replace(
    editions.IEEE_2018,
    name="stored",
    tags=frozenset().union(*(edition.tags for edition in editions.EDITIONS.values())),
    own_fields=editions.WIDE_STATUS,
)

ENDED_EVENT_KEPT_S = 86_400  # an ended event answers at its own href for a day; clients may read it late


def read_document(row: Row, expected: type[T]) -> T:
    """Return the stored document of a row. Raises DecodeError if the row holds another type."""
    return xml.parse_as(row.body, expected, STORED)


def make_row(
    path: str,
    document: sep.Sep,
    *,
    listing: str | None = None,
    scope: bytes | None = None,
    key: bytes | None = None,
    over: bool = False,
) -> Row:
    """Return the row of a document at ``path``: its place in the list, its key, when it changes by itself.

    ``key`` is the document's mRID, or what else tells it from its like, unless given; an event that is
    ``over`` leaves its list. What lies in time and is no event waits for ``functions.events.switch`` to bring
    it to where it stands, which happens before anybody is shown it.
    """
    stored = sep.replace(document, href=None) if getattr(document, "href", None) else document
    state, due = None, None
    if isinstance(document, sep.Event):
        state = EventState.COMPLETED if over else document.EventStatus.currentStatus
        due = events.shown_until(document) + ENDED_EVENT_KEPT_S if over else events.next_change(document)
    elif (span := spans.span_of(document)) is not None:
        state, due = EventState.SCHEDULED, span[0]
    return Row(
        path=path,
        type=type(document).__name__,
        body=xml.serialize(stored, STORED),
        listing=None if over else listing,
        scope=scope,
        key=key_of(document) if key is None or type(document).__name__ in KEYS else key,
        sort=lists.sort_key(document, path) if listing else b"",
        state=state,
        due=due,
    )


def key_of(document: sep.Sep) -> bytes | None:
    """Return what identifies a document in its list; None where it may stand there twice.

    An mRID that says "still being made" (type mRIDType) is nobody's own; but of reading sets one at a time
    is.
    """
    told_by = KEYS.get(type(document).__name__)
    if told_by is not None:
        return told_by(document)
    mrid: bytes | None = getattr(document, "mRID", None)
    if not mrid:
        return None
    key = mrid.rjust(16, b"\x00")
    is_own = isinstance(document, sep.ReadingSetBase) or not identity.mrid_is_reserved(key)
    return key if is_own else None


def _log_event(event: sep.LogEvent) -> bytes:
    """Return what tells a log event from others (IEEE 2030.5-2018, type LogEvent), and its code.

    A device that leaves its counter at 0 would else lose the second alarm of a second.
    """
    told = (
        event.createdDateTime, event.logEventID, event.logEventPEN, event.profileID,
        event.functionSet, event.logEventCode,
    )  # fmt: skip
    return " ".join(map(str, told)).encode()


def _program_of(offered: sep.LoadShedAvailability) -> bytes:
    """Return the program that what a load could shed is about; the empty name: any."""
    link = offered.DemandResponseProgramLink
    return b"" if link is None else link.href.encode()


# What identifies members of lists that have no mRID.
KEYS: dict[str, Callable[[Any], bytes | None]] = {
    "IPAddr": lambda one: one.address.rjust(16, b"\x00"),
    "IPInterface": lambda one: None if one.ifIndex is None else str(one.ifIndex).encode(),
    "LLInterface": lambda one: one.EUI64.rjust(8, b"\x00"),
    "LoadShedAvailability": _program_of,
    "LogEvent": _log_event,
    "Neighbor": lambda one: str(one.shortAddress).encode(),
    "PriceResponseCfg": lambda one: one.RateComponentLink.href.encode(),
    "RPLInstance": lambda one: f"{one.DODAGid} {one.RPLInstanceID}".encode(),
    "RPLSourceRoutes": lambda one: one.SourceRoute.rjust(16, b"\x00") + one.DestAddress.rjust(16, b"\x00"),
    "SupportedLocale": lambda one: one.locale.lower().encode(),
}


# Links that are the client's to give: they say which of many.
GIVEN_LINKS = frozenset({"DemandResponseProgramLink", "FileLink"})


def stripped(document: T) -> T:
    """Return a document as a client may give it: whatever links it names, the server decides about them."""
    changes: dict[str, Any] = {
        field.name: None
        for field in resources.link_fields(type(document))
        if field.minimum == 0 and getattr(document, field.name) is not None
        if field.name not in GIVEN_LINKS
    }
    for field in resources.link_holders(type(document)):
        held = getattr(document, field.name)
        if held is not None:
            changes[field.name] = stripped(held)
    if getattr(document, "href", None) is not None:
        changes["href"] = None
    return sep.replace(document, **changes) if changes else document


class _Order:
    """Numbers that rise, whoever asks and however often."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last = max(time.time_ns() >> 10, self._last + 1)
        return self._last


_order = _Order()
_RANDOM_BITS = 40


def new_mrid(pen: int) -> bytes:
    """Return an mRID of this server's maker that no other object has, greater than those made before.

    Of two events that were made in the same second the greater mRID wins (IEEE 2030.5-2018, 10.2.3.3 f):
    so the later made does.
    """
    return identity.build_mrid(_order.next() << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS), pen)


def mrid_for(pen: int, *names: str | bytes) -> bytes:
    """Return an mRID of this server's maker that comes out the same for the same names."""
    return identity.derive_mrid(pen, *names)


def blank(cls: type[T]) -> T:
    """Return a document of a type that says nothing: every required number is 0, every text empty."""
    values: dict[str, Any] = {}
    for field in schema.fields(cls):
        if field.extension is None and field.minimum:
            empty = nothing(field.type)
            values[field.name] = (empty,) * field.minimum if field.many else empty
    return cls(**values)


def nothing(kind: schema.ValueType | type[sep.Sep]) -> Any:
    """Return the value of a type that says nothing: 0, no text, a blank document."""
    if not isinstance(kind, schema.ValueType):
        return blank(kind)
    if kind.is_integer:
        return 0
    base = kind.primitive.base
    if base == "hexBinary":
        return bytes(kind.primitive.max_length or 1)
    return False if base == "boolean" else ""
