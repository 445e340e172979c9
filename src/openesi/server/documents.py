"""Between documents and rows: what of a document is stored, and what the tree says about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from openesi.sep2 import editions, events, identity, lists, resources, schema, xml
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

    ``key`` is the document's mRID unless given; an event that is ``over`` leaves its list.
    """
    stored = sep.replace(document, href=None) if getattr(document, "href", None) else document
    state, due = None, None
    if isinstance(document, sep.Event):
        state = EventState.COMPLETED if over else document.EventStatus.currentStatus
        due = events.latest_end(document) + ENDED_EVENT_KEPT_S if over else events.next_change(document)
    mrid = getattr(document, "mRID", None)
    return Row(
        path=path,
        type=type(document).__name__,
        body=xml.serialize(stored, STORED),
        listing=None if over else listing,
        scope=scope,
        key=key if key is not None else (mrid.rjust(16, b"\x00") if mrid else None),
        sort=lists.sort_key(document, path) if listing else b"",
        state=state,
        due=due,
    )


def stripped(document: T) -> T:
    """Return a document as a client may give it: whatever links it names, the server decides about them."""
    changes: dict[str, Any] = {
        field.name: None
        for field in resources.link_fields(type(document))
        if field.minimum == 0 and getattr(document, field.name) is not None
    }
    if getattr(document, "href", None) is not None:
        changes["href"] = None
    return sep.replace(document, **changes) if changes else document


def mrid_for(pen: int, *names: str | bytes) -> bytes:
    """Return an mRID of this server's maker that comes out the same for the same names."""
    return identity.derive_mrid(pen, *names)


def blank(cls: type[T]) -> T:
    """Return a document of a type that says nothing: every required number is 0, every text empty."""
    values: dict[str, Any] = {}
    for field in schema.fields(cls):
        if field.extension is None and field.minimum:
            nothing = _nothing(field.type)
            values[field.name] = (nothing,) * field.minimum if field.many else nothing
    return cls(**values)


def _nothing(kind: schema.ValueType | type[sep.Sep]) -> Any:
    if not isinstance(kind, schema.ValueType):
        return blank(kind)
    if kind.is_integer:
        return 0
    base = kind.primitive.base
    if base == "hexBinary":
        return bytes(kind.primitive.max_length or 1)
    return False if base == "boolean" else ""
