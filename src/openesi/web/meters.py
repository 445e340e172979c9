"""Power as the devices meter it: the newest W readings under ``/upt``, kept up as the store changes.

Sign, here and on the page: positive is given to the house and the grid, negative is drawn from them. Only the
grid's meter is told as the household sees it, import positive.
"""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import FlowDirection, RoleFlag, Uom, bits
from openesi.server.documents import read_document
from openesi.store import Reader, Row

MAX_METERS = 2_000  # W readings that are summed; each costs a look at the store whenever it changes
STALE_INTERVALS = 3  # a reading is too old to be summed after so many of its own intervals
GRACE_S = 5.0  # and a little: networks are late
SHORTEST_INTERVAL_S = 1.0
DEFAULT_POST_RATE_S = 300

_READING = re.compile(r"(/upt/\d+)/mr/\d+(?=/|$)")


class Meter(msgspec.Struct, kw_only=True):
    """One metered power. ``power_w`` has the sign of this module, ``at`` is when the value was taken (s)."""

    href: str
    lfdi: str
    description: str | None
    is_grid: bool
    power_w: float | None
    at: float | None
    interval_s: float

    def is_fresh(self, now: float) -> bool:
        """Tell whether the value says something about ``now``."""
        if self.power_w is None or self.at is None:
            return False
        return now - self.at <= STALE_INTERVALS * self.interval_s + GRACE_S


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """All meters together, in W; None: nobody has told lately.

    ``devices_w`` is what the devices give (negative: draw), ``grid_w`` what comes in from the grid (negative:
    goes out), ``house_w`` what is left for the house if both are known. ``at`` is when the newest was taken.
    """

    devices_w: float | None = None
    grid_w: float | None = None
    house_w: float | None = None
    at: float | None = None
    meters: int = 0
    fresh: int = 0


class Meters:
    """The W readings of a store."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}
        self.truncated = False

    def refresh(self, reader: Reader, changed: set[str] | None, *, now: float) -> bool:
        """Read again what changed (None: everything). Return whether any power did."""
        before = self._meters
        if changed is None:
            self._meters = {}
            rows = reader.of_type("ReadingType", limit=4 * MAX_METERS)
            places = {row.path.removesuffix("/rt") for row in rows if row.path.endswith("/rt")}
        else:
            places = {found[0] for path in changed if (found := _READING.match(path)) is not None}
            points = {path for path in changed if re.fullmatch(r"/upt/\d+", path)}
            places |= {href for href in self._meters if href.rpartition("/mr/")[0] in points}
        touched = False
        for place in sorted(places):
            known = before.get(place)
            touched = self._read(reader, place, known, now=now, arrived=changed is not None) or touched
        return touched

    def all(self) -> list[Meter]:
        """Return every meter, the newest value of each."""
        return list(self._meters.values())

    def by_device(self, now: float, *, grid: bool = False) -> dict[str, float]:
        """Return what each device (LFDI) gives now in W, or with ``grid`` what its grid meter draws.

        Those that have not told lately are not in it.
        """
        powers: dict[str, float] = {}
        for meter in self._meters.values():
            if meter.is_grid == grid and meter.power_w is not None and meter.is_fresh(now):
                told = -meter.power_w if grid else meter.power_w
                powers[meter.lfdi] = powers.get(meter.lfdi, 0.0) + told
        return powers

    def descriptions(self) -> dict[str, str]:
        """Return what each device (LFDI) calls what it meters."""
        return {meter.lfdi: meter.description for meter in self._meters.values() if meter.description}

    def total(self, now: float) -> Power:
        """Return the sums of what is fresh at ``now``."""
        fresh = [meter for meter in self._meters.values() if meter.is_fresh(now)]
        devices = [meter.power_w for meter in fresh if not meter.is_grid and meter.power_w is not None]
        grid = [-meter.power_w for meter in fresh if meter.is_grid and meter.power_w is not None]
        devices_w, grid_w = (sum(values) if values else None for values in (devices, grid))
        known = [meter.at for meter in self._meters.values() if meter.at is not None]
        return Power(
            devices_w=devices_w,
            grid_w=grid_w,
            house_w=devices_w + grid_w if devices_w is not None and grid_w is not None else None,
            at=max(known, default=None),
            meters=len(self._meters),
            fresh=len(fresh),
        )

    def _read(self, reader: Reader, place: str, known: Meter | None, *, now: float, arrived: bool) -> bool:
        """Read one meter reading; ``arrived`` tells that it was written just now."""
        type_row, point_row = reader.get(f"{place}/rt"), reader.get(place.rpartition("/mr/")[0])
        if type_row is None or point_row is None:
            return self._meters.pop(place, None) is not None
        kind = read_document(type_row, sep.ReadingType)
        if kind.uom != Uom.WATTS:
            return False
        if place not in self._meters and len(self._meters) >= MAX_METERS:
            self.truncated = True
            return False
        reading = newest_reading(reader, place)
        point = read_document(point_row, sep.UsagePoint)
        role = bits(point.roleFlags)
        value = None if reading is None or reading.value is None else _signed(reading.value, kind, role)
        changed = arrived or (known is not None and known.power_w != value)
        taken = now if changed else known.at if known is not None else _told_time(reading, now)
        self._meters[place] = Meter(
            href=place,
            lfdi=identity.format_lfdi(point.deviceLFDI.rjust(20, b"\x00") if point.deviceLFDI else bytes(20)),
            description=point.description,
            is_grid=bool(role & RoleFlag.IS_PREMISES_AGGREGATION_POINT),
            power_w=value,
            at=taken,
            interval_s=_interval(reader, point_row, known, taken),
        )
        return True


def scaled_value(value: int, kind: sep.ReadingType) -> float:
    """Return a reading's value in its unit."""
    return float(Decimal(value).scaleb(kind.powerOfTenMultiplier or 0))


def _signed(value: int, kind: sep.ReadingType, role: int) -> float:
    """Return W given (negative: drawn).

    Forward is delivered to the customer, so drawn; but devices that follow CSIP tell what a DER generates as
    forward, too, in the generator's sign (conformance test BASIC-029).
    """
    power_w = scaled_value(value, kind)
    if kind.flowDirection == FlowDirection.REVERSE or role & RoleFlag.IS_DER:
        return power_w
    return -power_w


def newest_reading(reader: Reader, place: str) -> sep.Reading | None:
    """Return the present value, or where a device posts intervals only, the last one of the newest set."""
    row = reader.get(f"{place}/r")
    if row is not None:
        return read_document(row, sep.Reading)
    for reading_set in reader.page(f"{place}/rs", limit=1):
        listing = f"{reading_set.path}/r"
        for last in reader.page(listing, start=max(0, reader.count(listing) - 1), limit=1):
            return read_document(last, sep.Reading)
    return None


def _told_time(reading: sep.Reading | None, now: float) -> float | None:
    """Return when a value was taken that was there before us, by the device's clock if that makes sense."""
    if reading is None or reading.timePeriod is None:
        return None
    end = reading.timePeriod.start + reading.timePeriod.duration
    return float(end) if end <= now else None


def _interval(reader: Reader, point: Row, known: Meter | None, at: float | None) -> float:
    """Return how often values come: as they did so far, before that as they were agreed."""
    if known is None or known.at is None or at is None:
        mirror = reader.find("/mup", point.key) if point.key else None
        rate = read_document(mirror, sep.MirrorUsagePoint).postRate if mirror else None
        return float(rate or DEFAULT_POST_RATE_S)
    if at <= known.at:
        return known.interval_s
    # Half or double at most, so that one value out of step says little.
    steady = min(max(at - known.at, known.interval_s / 2), known.interval_s * 2)
    return max(SHORTEST_INTERVAL_S, steady)
