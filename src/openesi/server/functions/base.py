"""What a function set may add to the engine, and what it is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openesi.sep2 import model as sep
from openesi.sep2 import validate
from openesi.sep2.errors import ReasonCode
from openesi.sep2.resources import Match, Resource, by_name, member_of
from openesi.server.caller import Caller
from openesi.server.documents import key_of, make_row, read_document, stripped
from openesi.server.errors import Refusal, not_found
from openesi.server.settings import Settings
from openesi.server.view import Gathering, Generate, IsLinked, View
from openesi.store import Row, Transaction

# Members of a list that one client may fill; more is refused with reason LIMIT.
MAX_MEMBERS = 1_000
# Lists below lists: a device could fill the product of their bounds.
MEMBERS = {
    "IPInterfaceList": 8,
    "IPAddrList": 16,
    "RPLInstanceList": 4,
    "RPLSourceRoutesList": 32,
    "LLInterfaceList": 4,
    "NeighborList": 128,
    "PriceResponseCfgList": 64,
    "SupportedLocaleList": 64,
}
# Lists that forget their oldest member instead (IEEE 2030.5-2018 asks for at least 10 log events).
RINGS = {"LogEventList": 100, "SelfLogEventList": 1_000}


# What the text asks of senders and devices in the field get wrong without harm: counts of a list that is
# posted (which mean nothing there), the discharge rating of PV with storage, power factors above 1, the sign
# of what is received.
TOLERATED = ("@results", "rtgMaxDischargeRateW", "displacement", "rtgMaxVarNeg", "setMaxVarNeg")


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the transaction it is part of, when (s), by whom and where."""

    tx: Transaction
    now: int
    caller: Caller
    settings: Settings
    match: Match
    path: str

    @property
    def view(self) -> View:
        """What the client may see, and so may name in what it writes."""
        return View(self.tx, now=self.now, caller=self.caller, settings=self.settings)

    @property
    def resource(self) -> Resource:
        """The resource that is written to."""
        return self.match.resource


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write: the status, and where the result stands."""

    status: int
    location: str | None = None


Write = Callable[[Change, Any], Outcome]


@dataclass(frozen=True, slots=True)
class Offer:
    """What the operator puts into the tree: the transaction, the time (s), the place.

    ``path`` is where the document will stand; ``old`` what stood there before, if anything did.
    """

    tx: Transaction
    now: int
    settings: Settings
    path: str
    old: sep.Sep | None = None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is special to one resource; what is None happens as for every other.

    ``generate`` makes what is shown instead of a stored row; ``gathering`` puts a list together that is more
    than what stands below it; ``linked`` tells whether it is linked at all. ``check`` refuses a posted or put
    document, or returns it as it is to be stored. ``post``, ``put`` and ``delete`` replace the general way of
    doing it. These are for devices. ``complete`` is for the operator: it returns his document with what the
    server decides filled in, or raises LocalError where it makes no sense; ``defaults`` are values for
    required fields that he may leave out. It belongs to the single resource (to ``TariffProfile``, not to its
    list), as do ``offered``, what else changes once his document stands, and ``removed``, what else goes
    before he removes it; if it returns True, it goes later, of itself.
    """

    generate: Generate | None = None
    gathering: Gathering | None = None
    linked: IsLinked | None = None
    check: Callable[[Change, Any], Any] | None = None
    post: Write | None = None
    put: Write | None = None
    delete: Callable[[Change], Outcome] | None = None
    complete: Callable[[Offer, Any], Any] | None = None
    defaults: Callable[[Offer], Mapping[str, Any]] | None = None
    offered: Callable[[Offer, Any], None] | None = None
    removed: Callable[[Transaction, Row], bool | None] | None = None


def create_member(change: Change, document: sep.Sep) -> Outcome:
    """Add a posted document to the list it was posted to: 201 and its Location.

    Posted again (its answer was lost) it stands there once; where what tells it from others is there already,
    it takes that place (204), as a mirror does.
    """
    listing = change.path
    key = key_of(document)
    known = change.tx.find(listing, key) if key is not None else None
    if known is not None:
        if read_document(known, sep.Sep) == document:
            return Outcome(201, known.path)
        change.tx.put(make_row(known.path, document, listing=listing, scope=known.scope))
        return Outcome(204, known.path)
    make_room(change, listing, ring=RINGS.get(change.resource.name))
    scope = change.caller.lfdi if change.resource.scoped else None
    row = insert_member(change.tx, listing, document, scope=scope)
    return Outcome(201, row.path)


def insert_member(
    tx: Transaction, listing: str, document: sep.Sep, *, scope: bytes | None = None, key: bytes | None = None
) -> Row:
    """Add a document to a list under a new identifier and return its row."""
    return tx.insert(listing, lambda path: make_row(path, document, listing=listing, scope=scope, key=key))


def replace_document(change: Change, document: sep.Sep) -> Outcome:
    """Write a put document over the one at its place, or the first at a place that was linked but empty."""
    old = change.tx.get(change.path)
    if old is None and change.resource.path.endswith("{}"):
        raise not_found(change.path)
    listing, scope = (old.listing, old.scope) if old else (None, None)
    row = make_row(change.path, document, listing=listing, scope=scope)
    expect_unique(change.tx, row)
    change.tx.put(row)
    return Outcome(204, None if old else change.path)


def expect_unique(tx: Transaction, row: Row) -> None:
    """Raise Refusal (409) where another member of a row's list is identified by the same."""
    if row.listing is None or row.key is None:
        return
    known = tx.find(row.listing, row.key)
    if known is not None and known.path != row.path:
        raise Refusal(409, f"{known.path} is the same {row.type}")


def delete_document(change: Change) -> Outcome:
    """Remove what stands at the path and below it."""
    if not change.tx.delete(change.path):
        raise not_found(change.path)
    return Outcome(204)


def check_document(change: Change, document: sep.Sep, expected: type[sep.Sep]) -> sep.Sep:
    """Return the document without what the server decides.

    Raises Refusal if it is of another type, or says what the standard's text forbids.
    """
    if not isinstance(document, expected):
        raise Refusal(
            400,
            f"{change.path} takes {expected.__name__}, the body is a {type(document).__name__}",
            reason=ReasonCode.FORMAT,
        )
    for found in validate.problems(document):
        if not found.path.endswith(TOLERATED):
            raise Refusal(400, str(found))
    return stripped(document)


def make_room(change: Change, listing: str, *, ring: int | None = None, status: int = 400) -> None:
    """Make sure that a list can take one more member; a ring forgets its last (oldest) one."""
    scope = change.caller.lfdi if change.resource.scoped else None
    count = change.tx.count(listing, scope=scope)
    most = MEMBERS.get(change.resource.name, MAX_MEMBERS)
    if ring is not None:
        for row in change.tx.page(listing, scope=scope, start=ring - 1, limit=MAX_MEMBERS):
            change.tx.delete(row.path)
    elif count >= most:
        raise Refusal(status, f"{listing} is full ({count} members)", reason=ReasonCode.LIMIT)


def path_of(name: str, *identifiers: object) -> str:
    """Return the path of a resource by its name."""
    return by_name(name).at(*identifiers)


def instance_of(listing: Resource) -> Resource | None:
    """Return the resource of a list's members."""
    return member_of(listing)
