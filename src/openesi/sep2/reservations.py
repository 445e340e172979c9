"""Flow reservations answered by rule: as asked and as early as it fits within a budget, or denied. Pure.

Charging (positive) and discharging (negative) each have the budget for themselves: what one vehicle gives
back does not make room for another. Sources: IEEE 2030.5-2018, 10.9; what to grant is left to the server.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from openesi.sep2 import model as sep

NOTHING = sep.ActivePower(multiplier=0, value=0)
NO_ENERGY = sep.SignedRealEnergy(multiplier=0, value=0)


class Flow(NamedTuple):
    """What was granted: from ``start`` until before ``end`` (s since 1970), ``power_w`` (W, + charges)."""

    start: int
    end: int
    power_w: Decimal


class Grant(NamedTuple):
    """The answer to a request; a duration of 0 denies it."""

    interval: sep.DateTimeInterval
    power: sep.ActivePower
    energy: sep.SignedRealEnergy


def answer(
    request: sep.FlowReservationRequest, granted: Iterable[Flow], *, budget_w: Decimal, now: int
) -> Grant:
    """Return what a request gets at ``now``, given what others were granted.

    It gets the power it asks for, without interruption and for as long as it needs, as early as the sum of
    all powers in its direction stays within ``budget_w`` (W, >= 0); else it is denied.
    """
    asked = request.intervalRequested
    earliest, end = max(now, asked.start), asked.start + asked.duration
    power_w, duration = _watts(request.powerRequested), needed_s(request)
    same = [flow for flow in granted if (flow.power_w < 0) == (power_w < 0)]
    start = None
    if earliest + duration <= end:
        start = first_fit(
            same, room_w=budget_w - abs(power_w), earliest=earliest, latest=end - duration, needed_s=duration
        )
    if start is None:
        return Grant(sep.DateTimeInterval(duration=0, start=earliest), NOTHING, NO_ENERGY)
    interval = sep.DateTimeInterval(duration=duration, start=start)
    return Grant(interval, request.powerRequested, request.energyRequested)


def needed_s(request: sep.FlowReservationRequest, *, power_w: Decimal | None = None) -> int:
    """Return for how long (s, >= 1) a request needs power: as long as it says, or its energy takes.

    ``power_w`` is what it gets, if that is not what it asks for.
    """
    span = request.intervalRequested.duration
    power_w = abs(_watts(request.powerRequested) if power_w is None else power_w)
    energy_wh = abs(_scaled(request.energyRequested))
    if not power_w:
        return span
    takes_s = -(-energy_wh * 3_600 // power_w) if energy_wh < power_w * span else span
    return max(1, min(span, max(int(takes_s), request.durationRequested or 0)))


def first_fit(
    granted: Iterable[Flow], *, room_w: Decimal, earliest: int, latest: int, needed_s: int
) -> int | None:
    """Return the first start from ``earliest`` to ``latest`` (s) that leaves ``needed_s`` of room, or None.

    There is room while the sum of what is granted, whatever its sign, is at most ``room_w``.
    """
    if room_w < 0:
        return None
    changes: dict[int, Decimal] = {earliest: Decimal(0)}
    for flow in granted:
        if flow.end > earliest and flow.start < flow.end:
            begins = max(flow.start, earliest)
            changes[begins] = changes.get(begins, Decimal(0)) + abs(flow.power_w)
            changes[flow.end] = changes.get(flow.end, Decimal(0)) - abs(flow.power_w)
    load_w, since = Decimal(0), None
    for moment in sorted(changes):
        if since is not None and moment - since >= needed_s:
            return since
        load_w += changes[moment]
        if load_w > room_w:
            since = None
        elif since is None:
            since = moment
        if (since if since is not None else moment) > latest:
            return None
    return since


def flow_of(response: sep.FlowReservationResponse) -> Flow:
    """Return what a response grants."""
    interval = response.interval
    return Flow(interval.start, interval.start + interval.duration, _watts(response.powerAvailable))


def _watts(power: sep.ActivePower) -> Decimal:
    return Decimal(power.value).scaleb(power.multiplier)


def _scaled(energy: sep.SignedRealEnergy) -> Decimal:
    return Decimal(energy.value).scaleb(energy.multiplier)
