"""Metering mirror: devices post what they measured, the server shows it as usage points.

A mirror ``/mup/{n}`` holds the definition; what it was told stands under ``/upt``: the same mRIDs, the
reading type, the latest reading, the reading sets (IEEE 2030.5-2018, 10.11; requirements MUP.001-019).
"""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from openesi.sep2 import identity, xml
from openesi.sep2 import metering as rules
from openesi.sep2 import model as sep
from openesi.sep2.enums import RoleFlag, bits, to_bits
from openesi.sep2.errors import ReasonCode
from openesi.server.documents import STORED, make_row, read_document
from openesi.server.errors import Refusal, not_found
from openesi.server.functions.base import Behaviour, Change, Outcome, insert_member
from openesi.server.functions.metering import (
    MAX_READINGS,
    end_progress,
    is_mirrored,
    make_room_for_sets,
)
from openesi.server.view import View, devices_of
from openesi.store import Reader, Row, Transaction, list_tag

MAX_MIRRORS = 100  # of one device: one with fresh mRIDs at each start would pile them up
MAX_METER_READINGS = 100  # quantities of one mirror
# Usage points that one client sees, for each mirror it may have: those it has, had, and the operator's. One
# that makes and removes mirrors again and again would pile up what they leave.
POINTS_A_MIRROR = 3
KEPT_TYPES = 1_000  # reading types kept as read, 1 kB each; devices could each have ones of their own
MAX_LOOKED_AT = 1_000  # of these, for one that has ended
NOTED_EVERY_S = 3_600  # that a mirror lives is written down this often, not with every reading
MAX_AHEAD_S = 86_400  # how far ahead a device's clock may be; its sets would push out all others


def _post_mirror(change: Change, mirror: sep.MirrorUsagePoint) -> Outcome:
    """Create a mirror, or overwrite the caller's one of the same mRID."""
    _check_owner(change, mirror)
    key = change.caller.lfdi + mirror.mRID.rjust(16, b"\x00")
    known = change.tx.find("/mup", key)
    if known is None:
        most = most_mirrors(change.tx, change.caller.lfdi)
        if change.tx.count("/mup", scope=change.caller.lfdi) >= most:
            raise Refusal(413, f"no more than {most} mirrors for one client", reason=ReasonCode.LIMIT)
    row = _write_mirror(change, mirror, key, known)
    point = _write_usage_point(change, mirror, key)
    for reading in mirror.MirrorMeterReading:
        _take_reading(change, point.path, reading)
    return Outcome(204 if known else 201, row.path)


def _put_mirror(change: Change, mirror: sep.MirrorUsagePoint) -> Outcome:
    old = _mirror_row(change)
    _check_owner(change, mirror)
    key = change.caller.lfdi + mirror.mRID.rjust(16, b"\x00")
    if key != old.key:
        raise Refusal(400, "the mRID of a mirror cannot change; post a new one")
    _write_mirror(change, mirror, key, old)
    point = _write_usage_point(change, mirror, key)
    for reading in mirror.MirrorMeterReading:
        _take_reading(change, point.path, reading)
    return Outcome(204)


def _delete_mirror(change: Change) -> Outcome:
    _end_mirror(change.tx, _mirror_row(change))
    return Outcome(204)


def _end_mirror(tx: Transaction, row: Row) -> None:
    """End a mirror. What it told stays under /upt, with status 0 (off)."""
    assert row.key is not None
    point = tx.find("/upt", row.key)
    if point is not None:
        ended = sep.replace(read_document(point, sep.UsagePoint), status=0)
        tx.put(make_row(point.path, ended, listing="/upt", scope=point.scope, key=point.key))
    tx.delete(row.path)


def _turn_mirror(tx: Transaction, row: Row, now: int) -> None:
    """End a mirror that nobody posted to for long; its device makes it anew (clause 10.11.3)."""
    del now
    _end_mirror(tx, row)


def _post_readings(change: Change, document: sep.MirrorMeterReading | sep.MirrorMeterReadingList) -> Outcome:
    """Take new values; Location is the meter reading, or for a list of them the list."""
    mirror = _mirror_row(change)
    assert mirror.key is not None
    point = change.tx.find("/upt", mirror.key)
    if point is None:
        raise not_found(change.path)
    ends = _ends(change)
    if ends is not None and (mirror.due is None or ends - mirror.due >= NOTED_EVERY_S):
        change.tx.put(replace(mirror, due=ends))
    if isinstance(document, sep.MirrorMeterReading):
        return _take_reading(change, point.path, document)
    outcomes = [_take_reading(change, point.path, one) for one in document.MirrorMeterReading]
    created = any(outcome.status == 201 for outcome in outcomes)
    return Outcome(201 if created else 204, f"{point.path}/mr")


def _take_reading(change: Change, point: str, posted: sep.MirrorMeterReading) -> Outcome:
    """Merge one posted quantity into the usage point: 201 if something new stands there, else 204."""
    listing = f"{point}/mr"
    key = posted.mRID.rjust(16, b"\x00")
    row = change.tx.find(listing, key)
    created = row is None
    if row is None:
        row = _create_meter_reading(change, listing, posted, key)
    else:
        row = _overwrite_meter_reading(change, row, posted)
    kind = _reading_type(change, row.path)
    if posted.Reading is not None:
        _expect_fit(kind, posted.Reading)
        change.tx.put(make_row(f"{row.path}/r", posted.Reading))
    for reading_set in posted.MirrorReadingSet:
        for problem in rules.set_problems(kind, reading_set.Reading):
            raise Refusal(400, problem)
        for reading in reading_set.Reading:
            _expect_fit(kind, reading)
        created = _take_set(change, f"{row.path}/rs", reading_set) or created
    return Outcome(201 if created else 204, row.path)


def _overwrite_meter_reading(change: Change, row: Row, posted: sep.MirrorMeterReading) -> Row:
    """Take what else a known quantity is said to be anew: its description, version and type."""
    if posted.ReadingType is not None:
        change.tx.put(make_row(f"{row.path}/rt", _checked_type(posted.ReadingType)))
    if posted.description is None and posted.version is None:
        return row
    old = read_document(row, sep.MeterReading)
    new = sep.replace(
        old,
        description=old.description if posted.description is None else posted.description,
        version=old.version if posted.version is None else posted.version,
    )
    if new != old:
        row = make_row(row.path, new, listing=row.listing, key=row.key)
        change.tx.put(row)
    return row


def _reading_type(change: Change, meter_reading: str) -> sep.ReadingType:
    row = change.tx.get(f"{meter_reading}/rt")
    return _parse_type(row.body) if row is not None else sep.ReadingType()


@lru_cache(maxsize=KEPT_TYPES)
def _parse_type(body: bytes) -> sep.ReadingType:
    """Return a stored ReadingType; each reading that is posted is held against one, and there are few."""
    return xml.parse_as(body, sep.ReadingType, STORED)


def _checked_type(kind: sep.ReadingType) -> sep.ReadingType:
    for problem in rules.type_problems(kind):
        raise Refusal(400, problem)
    return kind


def _expect_fit(kind: sep.ReadingType, reading: sep.Reading) -> None:
    for problem in rules.problems(kind, reading):
        raise Refusal(400, problem)


def _create_meter_reading(change: Change, listing: str, posted: sep.MirrorMeterReading, key: bytes) -> Row:
    if posted.ReadingType is None:
        raise Refusal(400, f"mRID {identity.format_mrid(key)} is new here: post it once with its ReadingType")
    _check_whose(change, key)
    if change.tx.count(listing) >= MAX_METER_READINGS:
        raise Refusal(
            413, f"no more than {MAX_METER_READINGS} quantities in one mirror", reason=ReasonCode.LIMIT
        )

    def row_at(path: str) -> Row:
        reading = sep.MeterReading(
            mRID=posted.mRID,
            description=posted.description,
            version=posted.version,
            ReadingTypeLink=sep.ReadingTypeLink(href=f"{path}/rt"),
        )
        return make_row(path, reading, listing=listing, key=key)

    kind = _checked_type(posted.ReadingType)
    row = change.tx.insert(listing, row_at)
    change.tx.put(make_row(f"{row.path}/rt", kind))
    return row


def _check_whose(change: Change, key: bytes) -> None:
    """Refuse the mRID of another client's quantity, as CSIP-AUS wants it (S-ALL-05).

    Elsewhere it is no harm, and devices of one make are known to share theirs.
    """
    if "csip-aus-1.2" not in change.caller.edition.tags:
        return
    other = change.tx.find_anywhere(key, "MeterReading")
    point = change.tx.get(other.path.rpartition("/mr/")[0]) if other is not None else None
    if point is not None and point.scope != change.caller.lfdi:
        raise Refusal(403, f"mRID {identity.format_mrid(key)} is another client's")


def _take_set(change: Change, listing: str, posted: sep.MirrorReadingSet) -> bool:
    """Add a reading set, or replace the one of the same mRID. Return whether it is new."""
    if len(posted.Reading) > MAX_READINGS:
        raise Refusal(413, f"no more than {MAX_READINGS} readings in one set", reason=ReasonCode.LIMIT)
    if posted.timePeriod.start > change.now + MAX_AHEAD_S:
        raise Refusal(400, f"timePeriod begins at {posted.timePeriod.start}, more than a day ahead")
    reading_set = sep.ReadingSet(
        mRID=posted.mRID,
        description=posted.description,
        version=posted.version,
        timePeriod=posted.timePeriod,
    )
    key = posted.mRID.rjust(16, b"\x00")
    known = change.tx.find(listing, key)
    if known is not None:
        change.tx.delete(f"{known.path}/r")
        change.tx.put(make_row(known.path, reading_set, listing=listing, key=key))
        row = known
    else:
        row = insert_member(change.tx, listing, reading_set, key=key)
        end_progress(change.tx, listing, reading_set)
    make_room_for_sets(change.tx, listing, row.path, readings=len(posted.Reading))
    for reading in posted.Reading:
        insert_member(change.tx, f"{row.path}/r", reading)
    return known is None


def _write_mirror(change: Change, mirror: sep.MirrorUsagePoint, key: bytes, known: Row | None) -> Row:
    # The device proposes its rate once; from then on it is the server's, whose operator may change it.
    decided = read_document(known, sep.MirrorUsagePoint).postRate if known is not None else None
    rate = decided or change.settings.decide_post_rate(mirror.postRate)
    definition = sep.replace(mirror, MirrorMeterReading=(), postRate=rate)
    scope = change.caller.lfdi
    row = known
    if row is None:
        row = insert_member(change.tx, "/mup", definition, scope=scope, key=key)
    row = replace(make_row(row.path, definition, listing="/mup", scope=scope, key=key), due=_ends(change))
    change.tx.put(row)
    return row


def _ends(change: Change) -> int | None:
    """Return when a mirror ends that is not posted to again."""
    kept_s = change.settings.mirror_kept_s
    return change.now + kept_s if kept_s else None


def _make_room_for_point(change: Change) -> None:
    """Forget what a client mirrored once and does not any more, where that has become much."""
    scope = change.caller.lfdi
    count = change.tx.count("/upt", scope=scope)
    most = POINTS_A_MIRROR * most_mirrors(change.tx, scope)
    if count < most:
        return
    for row in change.tx.page("/upt", scope=scope, limit=MAX_LOOKED_AT):
        if row.key is not None and change.tx.find("/mup", row.key) is None and is_mirrored(row):
            change.tx.delete(row.path)
            return
    raise Refusal(413, f"no more than {most} usage points for one client", reason=ReasonCode.LIMIT)


def _write_usage_point(change: Change, mirror: sep.MirrorUsagePoint, key: bytes) -> Row:
    point = sep.UsagePoint(
        mRID=mirror.mRID,
        description=mirror.description,
        version=mirror.version,
        roleFlags=to_bits(bits(mirror.roleFlags) | RoleFlag.IS_MIRROR, 2),
        serviceCategoryKind=mirror.serviceCategoryKind,
        status=mirror.status,
        deviceLFDI=mirror.deviceLFDI,
    )
    known = change.tx.find("/upt", key)
    if known is None:
        _make_room_for_point(change)
        return insert_member(change.tx, "/upt", point, scope=change.caller.lfdi, key=key)
    row = make_row(known.path, point, listing="/upt", scope=change.caller.lfdi, key=key)
    change.tx.put(row)
    return row


def _mirror_row(change: Change) -> Row:
    row = change.tx.get(change.path)
    if row is None:
        raise not_found(change.path)
    if row.scope != change.caller.lfdi:
        raise Refusal(403, "only the creator of a mirror may write to it")
    return row


def _check_owner(change: Change, mirror: sep.MirrorUsagePoint) -> None:
    lfdi = mirror.deviceLFDI.rjust(20, b"\x00")
    if lfdi == change.caller.lfdi:
        return
    row = change.tx.find("/edev", lfdi)
    if row is None or row.scope != change.caller.lfdi:
        raise Refusal(400, f"deviceLFDI {identity.format_lfdi(lfdi)} is not a device of this client")


def most_mirrors(reader: Reader, lfdi: bytes) -> int:
    """Return how many mirrors a client may have: an aggregator as many times as it speaks for devices."""
    return MAX_MIRRORS * devices_of(reader, lfdi)


def _has_room(view: View, path: str, count: int) -> bool:
    """Tell whether one more mirror has room: who sees the link may create it (requirement MUP.001)."""
    del path
    if view.caller is None:
        return True
    view.depends.add(list_tag("/edev", view.caller.lfdi))
    return count < most_mirrors(view.reader, view.caller.lfdi)


BEHAVIOURS = {
    "MirrorUsagePointList": Behaviour(post=_post_mirror, linked=_has_room),
    "MirrorUsagePoint": Behaviour(post=_post_readings, put=_put_mirror, delete=_delete_mirror),
}
TURNS = {"MirrorUsagePoint": _turn_mirror}
# What may be posted where the resource is not a list of it.
POSTED = {"MirrorUsagePoint": (sep.MirrorMeterReading, sep.MirrorMeterReadingList)}
