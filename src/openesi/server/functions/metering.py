"""Metering that the operator owns: usage points of any commodity, in both directions, down to the reading.

What a reading must look like its ReadingType says (``sep2.metering``): a reading of a type with tiers and
blocks names its own, an instantaneous value has no history, one that is counted interval by interval no
present value. The reading set that is still being filled has the reserved mRID, one for each meter reading;
the set that ends it takes its place. Old sets make room. Usage points that mirror what a device posts are
made by ``metering_mirror``, by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from openesi.errors import LocalError
from openesi.sep2 import identity
from openesi.sep2 import metering as rules
from openesi.sep2 import model as sep
from openesi.sep2.enums import RoleFlag, bits
from openesi.server.documents import read_document
from openesi.server.functions.base import Behaviour, Offer
from openesi.server.view import View
from openesi.store import Reader, Row, Transaction

MAX_READING_SETS = 500  # sets of one quantity; the oldest make room
MAX_READINGS = 2_000  # readings of one set
MAX_KEPT_READINGS = 25_000  # of one quantity in sets that are large: 15 minutes of a day for 260 days


def _complete_point(offer: Offer, point: sep.UsagePoint) -> sep.UsagePoint:
    """Refuse to make a mirror of what no device posts, or to unmake one."""
    old = offer.old
    was_mirror = isinstance(old, sep.UsagePoint) and _is_mirror(old)
    if _is_mirror(point) != was_mirror:
        raise LocalError("roleFlags bit 0 (isMirror) is for what devices post, and stays with it")
    return point


def _is_mirror(point: sep.UsagePoint) -> bool:
    return bool(bits(point.roleFlags) & RoleFlag.IS_MIRROR)


def is_mirrored(point: Row) -> bool:
    """Tell whether a usage point is what a device posts to its mirror."""
    return _is_mirror(read_document(point, sep.UsagePoint))


def _complete_type(offer: Offer, kind: sep.ReadingType) -> sep.ReadingType:
    for problem in rules.type_problems(kind):
        raise LocalError(f"{offer.path}: {problem}")
    return kind


def _complete_latest(offer: Offer, reading: sep.Reading) -> sep.Reading:
    kind = _type(offer.tx, offer.path.removesuffix("/r"))
    if kind is not None and not rules.has_latest(kind):
        raise LocalError(f"{offer.path}: what is counted interval by interval has sets, no present value")
    _expect_fit(offer, kind, reading)
    return reading


def _complete_set(offer: Offer, reading_set: sep.ReadingSet) -> sep.ReadingSet:
    kind = _type(offer.tx, offer.path.partition("/rs/")[0])
    if kind is not None and not rules.has_history(kind):
        raise LocalError(f"{offer.path}: an instantaneous value without intervalLength has no sets")
    return reading_set


def _offered_set(offer: Offer, reading_set: sep.ReadingSet) -> None:
    listing = offer.path.rpartition("/")[0]
    end_progress(offer.tx, listing, reading_set)
    make_room_for_sets(offer.tx, listing, offer.path)


def _complete_reading(offer: Offer, reading: sep.Reading) -> sep.Reading:
    listing = offer.path.rpartition("/")[0]
    if offer.old is None and offer.tx.count(listing) >= MAX_READINGS:
        raise LocalError(f"{listing} is full ({MAX_READINGS} readings)")
    kind = _type(offer.tx, offer.path.partition("/rs/")[0])
    _expect_fit(offer, kind, reading)
    if kind is not None and rules.is_split(kind):
        others = [row for row in offer.tx.page(listing, limit=MAX_READINGS) if row.path != offer.path]
        known = [read_document(row, sep.Reading) for row in others]
        for problem in rules.set_problems(kind, [*known, reading]):
            raise LocalError(f"{offer.path}: {problem}")
    return reading


def _expect_fit(offer: Offer, kind: sep.ReadingType | None, reading: sep.Reading) -> None:
    fit = rules.problems(kind, reading) if kind is not None else ()
    for problem in (*fit, *rules.quality_problems(reading)):
        raise LocalError(f"{offer.path}: {problem}")


def _type(reader: Reader, meter_reading: str) -> sep.ReadingType | None:
    row = reader.get(f"{meter_reading}/rt")
    return read_document(row, sep.ReadingType) if row is not None else None


# --- what mirrors have in common with it --------------------------------------------------------------------


def end_progress(tx: Transaction, listing: str, reading_set: sep.ReadingSet) -> None:
    """Let a set that is complete take the place of the one in progress that began when it did."""
    if identity.mrid_is_reserved(reading_set.mRID.rjust(16, b"\x00")):
        return
    for row in _newest(tx, listing):
        other = read_document(row, sep.ReadingSet)
        if other.timePeriod.start < reading_set.timePeriod.start:
            return
        if other.timePeriod.start == reading_set.timePeriod.start and identity.mrid_is_reserved(other.mRID):
            tx.delete(row.path)


def make_room_for_sets(tx: Transaction, listing: str, kept: str, *, readings: int = 0) -> None:
    """Forget the oldest sets of a list that has too many, or too many ``readings`` with those of ``kept``."""
    for row in tx.page(listing, start=MAX_READING_SETS, limit=MAX_READING_SETS):
        if row.path != kept:
            tx.delete(row.path)
    if readings <= MAX_KEPT_READINGS // MAX_READING_SETS:
        return
    for row in tx.page(listing, limit=MAX_READING_SETS):
        readings += tx.count(f"{row.path}/r") if row.path != kept else 0
        if readings > MAX_KEPT_READINGS and row.path != kept:
            tx.delete(row.path)


def _newest(tx: Transaction, listing: str) -> Iterator[Row]:
    """Yield sets, the newest first; the one in progress is among the first, whoever fills the list."""
    yield from tx.page(listing, limit=8)


def _has_sets(view: View, path: str, count: int) -> bool:
    """Tell whether there can be sets: of an instantaneous value there is the present one alone."""
    if count:
        return True
    row = view.row(f"{path.removesuffix('/rs')}/rt")
    return row is None or rules.has_history(read_document(row, sep.ReadingType))


BEHAVIOURS = {
    "ReadingSetList": Behaviour(linked=_has_sets),
    "UsagePoint": Behaviour(complete=_complete_point),
    "ReadingType": Behaviour(complete=_complete_type),
    "LatestReading": Behaviour(complete=_complete_latest),
    "ReadingSet": Behaviour(complete=_complete_set, offered=_offered_set),
    "Reading": Behaviour(complete=_complete_reading),
}
