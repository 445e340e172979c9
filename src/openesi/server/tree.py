"""The operator's hand on the resource tree: every resource the server shows, written by one mechanism.

A resource is given as JSON in the standard's terms. What the server decides (mRID, version, creationTime,
EventStatus, replyTo, links) may be left out. What stands below a resource may be given with it, under the
name of its link without ``Link``: a tariff with its rate components, their reading types and their intervals
is one object. All of it becomes durable together, and is held to the standard's own bounds first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from openesi.errors import LocalError
from openesi.sep2 import events, resources, schema, validate
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.sep2.json import JSONError, from_json, known_fields, to_json
from openesi.sep2.lists import Window
from openesi.sep2.resources import Match, Resource
from openesi.server import functions
from openesi.server.documents import key_of, make_row, new_mrid, read_document
from openesi.server.errors import Refusal
from openesi.server.functions.base import Offer, expect_unique
from openesi.server.functions.events import complete as complete_event
from openesi.server.functions.events import settle, unborn, write_event
from openesi.server.functions.response import event_known
from openesi.server.settings import Settings
from openesi.server.view import NOT_LINKED, View
from openesi.store import ALIAS, ASSIGNED, PUBLIC, Reader, Row, Transaction

MAX_WRITTEN = 100_000  # resources in one call; more would hold up the devices' writes for too long
MAX_SHOWN = 20_000  # resources in one deep answer

# What the server makes out of other things, or out of what devices tell it: not for an operator to write.
MADE_BY_SERVER = frozenset({
    "DeviceCapability", "SelfDevice", "SelfDeviceInformation", "SelfDeviceStatus", "Time", "Notification",
    "NotificationList", "AssociatedUsagePoint", "AssociatedDERProgramList", "CurrentDERProgram",
    "CombinedTimeTariffIntervalList",
})  # fmt: skip


# Lists that grow by other means.
GROWN_BY = {
    "EndDeviceList": "register devices with POST /api/devices",
    "GroupList": "make groups with POST /api/groups",
}


class NotThere(LocalError):
    """There is nothing at a path, or no such path."""


@dataclass(slots=True, kw_only=True)
class Hand:
    """One call of the operator: a transaction, the time (s), and whom new resources are for.

    ``scope`` is the LFDI whose own they become, ``ASSIGNED`` for what only groups see, ``PUBLIC`` for what
    every registered device sees; None leaves it to the kind of resource.
    """

    tx: Transaction
    now: int
    settings: Settings
    scope: bytes | None = None
    written: int = 0
    _lists: set[str] = field(default_factory=set)

    def insert(self, listing: str, values: object, *, where: str = "") -> str:
        """Add a member to a list; return its path. Raises LocalError, and NotThere for a list that is not."""
        match = _writable(listing)
        member = resources.member_of(match.resource)
        if match.resource.name in GROWN_BY:
            raise LocalError(f"{listing}: {GROWN_BY[match.resource.name]}")
        if match.resource.is_assigned:
            raise LocalError(f"{listing} shows what a group is assigned: PUT /api/groups/N/assigned/HREF")
        if member is None:
            raise LocalError(f"{listing} takes no members; {_advice(match.resource)}")
        self._expect_parents(listing)
        made: list[sep.Sep] = []

        def row_at(path: str) -> Row:
            document = self._document(member, path, values, where)
            made.append(document)
            row = make_row(path, document, listing=listing, scope=self._scope(match.resource))
            if row.key is not None and self.tx.find(listing, row.key) is not None:
                what = "with this mRID" if "mRID" in known_fields(member.model) else "of this kind"
                raise LocalError(f"{listing} has a {member.name} {what} already")
            if isinstance(document, sep.Event):
                self._expect_own_mrid(values, row)
                self._lists.add(listing)
            return row

        row = self.tx.insert(listing, row_at)
        self._stands(member, row.path, made[0], None)
        self._below(member, row.path, values, where)
        return row.path

    def _expect_own_mrid(self, values: object, row: Row) -> None:
        """Refuse a given mRID that another event has, of whatever kind: devices answer events by it."""
        if not isinstance(values, Mapping) or "mRID" not in values:
            return
        if row.key is None:
            raise LocalError("this mRID says that something is still being made: leave it out")
        other = event_known(self.tx, row.key)
        if other is not None:
            raise LocalError(f"{other} has this mRID already: leave it out, and a new one is made")

    def insert_all(self, listing: str, members: list[object]) -> list[str]:
        """Add members to a list, all or none of them; return their paths. Raises LocalError."""
        if not members:
            raise LocalError("the array is empty: give at least one member")
        return [self.insert(listing, values, where=f"[{number}]") for number, values in enumerate(members, 1)]

    def put(self, path: str, values: object, *, where: str = "") -> bool:
        """Write a resource over what stands at a path, or the first at a place that has none; True if new."""
        match = _writable(path)
        if match.resource.item is not None:
            raise LocalError(f"{path} is a list: POST members to it, or PUT one of them")
        row = self._row(path)
        if row is None and match.resource.path.endswith("{}"):
            raise NotThere(f"there is nothing at {path}")
        self._expect_parents(path)
        old = read_document(row, sep.Sep) if row is not None else None
        if isinstance(old, sep.Event):
            raise LocalError(
                f"{path} is an event, and events do not change: cancel it or supersede it with another"
            )
        listing = row.listing if row is not None else None
        scope, key = (row.scope, row.key) if row is not None else (None, None)
        if old is not None and key == key_of(old):
            key = None  # its own, which may change with it
        document = self._document(match.resource, path, values, where, old=old)
        new = make_row(path, document, listing=listing, scope=scope, key=key)
        expect_unique(self.tx, new)
        self.tx.put(new)
        self._stands(match.resource, path, document, old)
        self._below(match.resource, path, values, where)
        return row is None

    def merge(self, path: str, changes: object) -> None:
        """Change some fields of a resource, as RFC 7396 merges: null takes a field away. Raises NotThere."""
        match = _writable(path)
        row = self._row(path)
        if row is None:
            raise NotThere(f"there is nothing at {path}")
        if not isinstance(changes, Mapping):
            raise JSONError(f"{match.resource.name}: an object is wanted")
        before = to_json(read_document(row, sep.Sep))
        version_given = "version" in changes
        if not version_given:
            before.pop("version", None)
        self.put(path, _merged(before, changes))

    def supersede(self, path: str, changes: object) -> str:
        """Put a newer event in the place of one that is not over; return the path of the new one.

        ``changes`` says how they differ. What is left of the old one's time is the new one's, and what stands
        below it (the prices of an interval), unless it says otherwise. The old one is superseded once the new
        one begins; where that would leave something of it in force (a mode that the new one does not set, a
        text message) it is cancelled.
        Raises LocalError, and NotThere.
        """
        row = self.tx.get(path)
        if row is None or row.listing is None or row.state is None:
            raise NotThere(f"there is no event at {path} that is not over")
        old = read_document(row, sep.Event)
        if old.EventStatus.currentStatus not in (EventState.SCHEDULED, EventState.ACTIVE):
            raise LocalError(f"{path} is {EventState(old.EventStatus.currentStatus).name.lower()} already")
        if not isinstance(changes, Mapping):
            raise JSONError("an object is wanted that says what is to be different")
        match = resources.match(path)
        assert match is not None
        values = to_json(old) | self._held_below(match.resource, path)
        for name in ("mRID", "EventStatus", "version", "creationTime"):
            values.pop(name, None)
        if old.interval.start < self.now:
            past = self.now - old.interval.start
            values["interval"] = {"start": self.now, "duration": max(1, old.interval.duration - past)}
        values["creationTime"] = max(self.now, old.creationTime + 1)
        made = self.insert(row.listing, _merged(values, changes))
        new = self.tx.get(made)
        assert new is not None
        if events.overlap(old, read_document(new, sep.Event)) is not events.Overlap.FULL:
            write_event(self.tx, row, events.cancel(old, self.now))
        return made

    def remove(self, path: str) -> int:
        """Remove a resource and all below it; return how many there were. Raises NotThere."""
        match = _writable(path)
        if match.resource.item is not None:
            raise LocalError(f"{path} is a list: remove its members")
        row = self.tx.get(path)
        if row is None:
            raise NotThere(f"there is nothing at {path}")
        behaviour = functions.behaviour_of(match.resource.name)
        if behaviour.removed is not None and behaviour.removed(self.tx, row):
            return 1
        return max(self.tx.delete(path), 1)

    def finish(self) -> None:
        """Settle the lists of events that were written to: each once, however many events came."""
        for listing in self._lists:
            settle(self.tx, listing, self.now)
        self._lists.clear()

    # --- one resource ----------------------------------------------------------------------------------

    def _row(self, path: str) -> Row | None:
        """Return what stands at a path itself. Raises LocalError where something from elsewhere is shown."""
        row = self.tx.get(path)
        if row is not None and row.type == ALIAS:
            assert row.key is not None
            raise LocalError(f"{path} shows {row.key.decode()}: write to that")
        return row

    def _document(
        self, resource: Resource, path: str, values: object, where: str, *, old: sep.Sep | None = None
    ) -> sep.Sep:
        self.written += 1
        if self.written > MAX_WRITTEN:
            raise LocalError(f"no more than {MAX_WRITTEN} resources in one call")
        name = where or resource.name
        own = _own_fields(resource, values, name)
        document: sep.Sep = from_json(
            own, resource.model, path=name, defaults=self._defaults(resource, path, own, old)
        )
        document = self._completed(resource, document, self._offer(path, old), name)
        given_before = validate.reserved(old) if old is not None else ()  # by its device, in a later edition
        wrong = [one for one in validate.reserved(document) if one not in given_before]
        for found in (*validate.problems(document), *wrong):
            raise JSONError(f"{name}/{found.path.partition('/')[2]}: {found.problem}")
        return document

    @staticmethod
    def _completed(resource: Resource, document: sep.Sep, offer: Offer, name: str) -> sep.Sep:
        """Fill in what the server decides; a reason why not is told with the place it is about."""
        complete = functions.behaviour_of(resource.name).complete
        try:
            if complete is not None:
                document = complete(offer, document)
            return complete_event(offer, document) if isinstance(document, sep.Event) else document
        except LocalError as error:
            raise JSONError(f"{name}: {error}") from error

    def _stands(self, resource: Resource, path: str, document: sep.Sep, old: sep.Sep | None) -> None:
        """Do what else follows from a document of the operator."""
        offered = functions.behaviour_of(resource.name).offered
        if offered is not None:
            offered(self._offer(path, old), document)

    def _offer(self, path: str, old: sep.Sep | None) -> Offer:
        return Offer(self.tx, self.now, self.settings, path, old)

    def _scope(self, listing: Resource) -> bytes | None:
        """Return who sees a new member of a list."""
        if listing.published:
            return self.scope or PUBLIC
        return (self.scope or ASSIGNED) if listing.scoped else None

    def _defaults(
        self, resource: Resource, path: str, given: Mapping[str, Any], old: sep.Sep | None
    ) -> dict[str, Any]:
        """Return what the server decides where the operator does not say."""
        cls = resource.model
        values: dict[str, Any] = {}
        for field_ in known_fields(cls).values():
            if field_.name in given or field_.extension is not None:
                continue
            decided = DECIDED.get(field_.name)
            if decided is not None:
                values[field_.name] = decided(self, old, cls)
            elif field_.minimum and field_.name.endswith("Link"):
                values[field_.name] = _required_link(resource, field_, path)
        behaviour = functions.behaviour_of(resource.name)
        if behaviour.defaults is not None:
            more = behaviour.defaults(self._offer(path, old))
            values |= {name: value for name, value in more.items() if given.get(name) is None}
        return {name: value for name, value in values.items() if value is not None}

    # --- what stands below it --------------------------------------------------------------------------

    def _below(self, resource: Resource, path: str, values: object, where: str) -> None:
        assert isinstance(values, Mapping)
        for name, target, required in sorted(children_of(resource), key=_turn):
            given = values.get(name)
            href = f"{path}/{target.path.rpartition('/')[2]}"
            inside = f"{where or resource.name}/{name}"
            if given is None:
                if required and target.item is None and f"{name}Link" not in values:
                    self._expect_child(inside, href)
            elif target.item is None:
                self.put(href, given, where=inside)
            elif not isinstance(given, list):
                raise JSONError(f"{inside}: an array is wanted")
            else:
                for number, one in enumerate(given, 1):
                    self.insert(href, one, where=f"{inside}[{number}]")

    def _held_below(self, resource: Resource, path: str) -> dict[str, Any]:
        """Return what lists below a resource hold, as it may be given with another."""
        held: dict[str, Any] = {}
        for name, target, _ in children_of(resource):
            if target.item is not None:
                rows = self.tx.page(f"{path}/{target.path.rpartition('/')[2]}", limit=MAX_WRITTEN)
                held[name] = [to_json(read_document(row, sep.Sep)) for row in rows]
        return held

    def _expect_child(self, inside: str, href: str) -> None:
        if self.tx.get(href) is None:
            raise JSONError(f"{inside} is required; give it along, or an {inside.rpartition('/')[2]}Link")

    def _expect_parents(self, path: str) -> None:
        for place in resources.instances_above(path):
            if place != path and self.tx.get(place) is None:
                raise NotThere(f"there is nothing at {place}")


# --- looking ------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Sight:
    """One look of the operator, who sees everything, at one time (s)."""

    reader: Reader
    now: float
    settings: Settings
    shown: int = 0

    def document(self, path: str, *, start: int = 0, limit: int = 255) -> sep.Sep:
        """Return what a device that may see everything would get. Raises NotThere."""
        match = resources.match(path)
        if match is None:
            raise NotThere(f"the tree has no place {path}")
        view = View(self.reader, now=self.now, caller=None, settings=self.settings, special=functions.SPECIAL)
        try:
            return view.document(match, path, Window(start, limit))
        except Refusal as error:
            raise NotThere(f"there is nothing at {path}") from error

    def deep(self, path: str, *, depth: int) -> dict[str, Any]:
        """Return a resource and what stands below it, ``depth`` levels of it, as ``Hand.insert`` takes it."""
        document = to_json(self._shown(path))
        for name, many, hrefs in self._below(path, depth):
            found = [self.deep(href, depth=depth - 1) for href in hrefs]
            document[name] = found if many else found[0]
        return document

    def documents(self, path: str, *, depth: int) -> Iterator[sep.Sep]:
        """Yield what ``deep`` shows, each resource as it is served."""
        yield self._shown(path)
        for _, _, hrefs in self._below(path, depth):
            for href in hrefs:
                yield from self.documents(href, depth=depth - 1)

    def _shown(self, path: str) -> sep.Sep:
        self.shown += 1
        if self.shown > MAX_SHOWN:
            raise LocalError(f"more than {MAX_SHOWN} resources: ask for fewer levels")
        return self.document(path)

    def _below(self, path: str, depth: int) -> Iterator[tuple[str, bool, list[str]]]:
        """Yield what stands below a resource: its name, whether it is a list, and the hrefs."""
        match = resources.match(path)
        if depth <= 0 or match is None:
            return
        for name, target, _ in children_of(match.resource):
            href = f"{path}/{target.path.rpartition('/')[2]}"
            if target.item is not None:
                found = [row.path for row in self.reader.page(href, limit=MAX_SHOWN)]
            else:
                found = [href] if self.reader.get(href) is not None else []
            if found:
                yield name, target.item is not None, found


# --- tables and small rules ---------------------------------------------------------------------------------


def _next_version(hand: Hand, old: sep.Sep | None, cls: type[sep.Sep]) -> int:
    before = getattr(old, "version", None)
    return 0 if old is None else ((before or 0) + 1) % 65_536


def _mrid(hand: Hand, old: sep.Sep | None, cls: type[sep.Sep]) -> bytes:
    kept: bytes | None = getattr(old, "mRID", None)
    return kept or new_mrid(hand.settings.mrid_pen)


def _response_required(hand: Hand, old: sep.Sep | None, cls: type[sep.Sep]) -> bytes:
    return bytes((hand.settings.response_required,))


def _unborn(hand: Hand, old: sep.Sep | None, cls: type[sep.Sep]) -> sep.EventStatus:
    return unborn(hand.now)


def _now(hand: Hand, old: sep.Sep | None, cls: type[sep.Sep]) -> int:
    return hand.now


def _created(hand: Hand, old: sep.Sep | None, cls: type[sep.Sep]) -> int:
    kept: int | None = getattr(old, "creationTime", None)
    return hand.now if kept is None else kept


# Fields that the server fills in where the operator leaves them out, whatever the type.
DECIDED = {
    "mRID": _mrid,
    "version": _next_version,
    "creationTime": _created,
    "EventStatus": _unborn,
    "responseRequired": _response_required,
    "changedTime": _now,
    "createdDateTime": _now,
    "dateTimeRegistered": _now,
    "updatedTime": _now,
    "readingTime": _now,
    "statusTime": _now,
}


def _writable(path: str) -> Match:
    match = resources.match(path)
    if match is None:
        raise NotThere(f"the tree has no place {path}")
    if match.resource.name in MADE_BY_SERVER or match.resource.is_active_list:
        raise LocalError(f"{path} is made by the server; {_advice(match.resource)}")
    return match


def _advice(resource: Resource) -> str:
    if resource.is_active_list:
        return f"write to {resources.base_list(resource).path}"
    return "it can only be read"


def _own_fields(resource: Resource, values: object, name: str) -> dict[str, Any]:
    """Return what the object says of the resource itself, without what stands below it and where it is."""
    if not isinstance(values, Mapping):
        raise JSONError(f"{name}: an object is wanted")
    below = {child for child, _, _ in children_of(resource)}
    return {key: value for key, value in values.items() if key not in below and key != "href"}


def is_written_by_operator(resource: Resource) -> bool:
    """Tell whether an operator writes a resource, or adds to a list, as it stands in the tree."""
    made_elsewhere = resource.name in MADE_BY_SERVER or resource.name in GROWN_BY
    return not (made_elsewhere or resource.is_active_list or resource.is_assigned)


def children_of(resource: Resource) -> Iterator[tuple[str, Resource, bool]]:
    """Yield name, resource and necessity of what may be given together with a resource."""
    known = known_fields(resource.model)
    for link in resources.link_fields(resource.model):
        target = resources.link_target(resource, link.name)
        if target is None or link.name in NOT_LINKED or target.is_active_list:
            continue
        if not target.path.startswith(resource.path + "/") or target.name in MADE_BY_SERVER:
            continue
        name = link.name.removesuffix("Link").removesuffix("List")
        if name not in known:
            yield name, target, bool(link.minimum)


def _turn(child: tuple[str, Resource, bool]) -> tuple[bool, bool]:
    """Sort what stands below a resource: first the type of readings, which says what these may be."""
    _, target, _ = child
    return target.model is not sep.ReadingType, target.item is not None


def _required_link(resource: Resource, link: schema.Field, path: str) -> sep.Sep | None:
    target = resources.link_target(resource, link.name)
    if target is None or isinstance(link.type, schema.ValueType):
        return None
    href = resources.place_of(target, resource, path)
    values = {"href": href} | ({"all": 0} if issubclass(link.type, sep.ListLink) else {})
    return link.type(**values)


def _merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(before)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(name), Mapping):
            merged[name] = _merged(merged[name], value)
        else:
            merged[name] = value
    return merged
