"""A solar inverter with a battery on its DC side: what its controls make of sun, grid and orders.

``step`` is the whole device as a pure function. Signs are the generator's: positive is delivered to the grid.

Sources: names and units of the controls are those of IEEE 2030.5-2018, 10.10; the order of precedence
(ceasing to energize before limits, limits before set points, active before reactive power), the return to
service (grid within bounds, delay, ramp), the frequency droop and the range of continuous operation follow
IEEE 1547-2018, clauses 4.5 to 4.10, 5.3, 6.4 and 6.5; an open-loop response time is the time to 90 % of a
step, as 1547 defines it, so a first-order lag with a time constant of T / ln 10.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from openesi.client.der import Orders
from openesi.devices import curves
from openesi.devices.quantities import power_factor, to_number
from openesi.sep2 import model as sep
from openesi.sep2.enums import AlarmStatus, DERUnitRef

FULL = 10_000.0  # hundredths of a percent
LN_10 = math.log(10)
LOW_INPUT = 0.01  # of its peak: what an array gives in twilight, too little to start an inverter with
CHARGE_EFFICIENCY = 0.95  # each way; lithium batteries with their converters reach 0.92 to 0.97

MODES = frozenset({
    "opModConnect", "opModEnergize", "opModFixedPFAbsorbW", "opModFixedPFInjectW", "opModFixedVar",
    "opModFixedW", "opModFreqDroop", "opModFreqWatt", "opModMaxLimW", "opModTargetVar", "opModTargetW",
    "opModVoltVar", "opModVoltWatt", "opModWattPF", "opModWattVar", "opModHVRTMustTrip", "opModLVRTMustTrip",
    "opModHFRTMustTrip", "opModLFRTMustTrip", "opModHVRTMayTrip", "opModLVRTMayTrip", "opModHFRTMayTrip",
    "opModLFRTMayTrip", "opModHVRTMomentaryCessation", "opModLVRTMomentaryCessation",
})  # fmt: skip
"""The modes of 2018 that this device has: all of them."""

AUSTRALIAN_MODES = frozenset({
    "opModImpLimW", "opModExpLimW", "opModGenLimW", "opModLoadLimW", "opModStorageTargetW",
})  # fmt: skip

# Ride-through curves that trip or stop the device: which quantity, and on which side of the curve.
_TRIPS = {
    "opModHVRTMustTrip": ("voltage", True),
    "opModLVRTMustTrip": ("voltage", False),
    "opModHFRTMustTrip": ("frequency", True),
    "opModLFRTMustTrip": ("frequency", False),
}
_CESSATIONS = {"opModHVRTMomentaryCessation": True, "opModLVRTMomentaryCessation": False}

_NO_ALARM: Final = AlarmStatus(0)

# Where continuous operation ends, as a share of nominal (IEEE 1547-2018, 6.4.2.3 and 6.5.2.3: 0.88 and 1.1 of
# the voltage, 58.8 and 61.2 Hz), and how far inside an alarm is over.
_ALARMS: Final = (
    (AlarmStatus.OVER_VOLTAGE, "voltage", 1.10, -0.005),
    (AlarmStatus.UNDER_VOLTAGE, "voltage", 0.88, 0.005),
    (AlarmStatus.OVER_FREQUENCY, "frequency", 1.02, -0.001),
    (AlarmStatus.UNDER_FREQUENCY, "frequency", 0.98, 0.001),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """The nameplate, in W, VA, var, V, Wh."""

    max_w: float = 5_000.0
    max_va: float = 5_500.0
    max_var: float = 2_300.0
    pv_peak_w: float = 5_600.0
    battery_wh: float = 10_000.0
    max_charge_w: float = 3_000.0
    max_discharge_w: float = 3_000.0
    nominal_v: float = 240.0
    nominal_hz: float = 60.0
    min_pf: float = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the device cannot choose: power of its array, the grid at its terminals, load of its house."""

    pv_w: float = 0.0
    voltage_v: float = 240.0
    frequency_hz: float = 60.0
    load_w: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a DefaultDERControl may set, in its units. 0 is no limit, no delay.

    Ramps in hundredths of a percent of max_w per s, times in hundredths of a second, the bounds for entering
    service in hundredths of a percent of nominal voltage and hundredths of Hz. ``random_share`` is what this
    device drew of es_random_delay.
    """

    grad_w: int = 0
    soft_grad_w: int = 0
    es_delay: int = 0
    es_ramp_tms: int = 0
    es_random_delay: int = 0
    es_high_volt: int = 0
    es_low_volt: int = 0
    es_high_freq: int = 0
    es_low_freq: int = 0
    random_share: float = 0.0

    @property
    def delay_s(self) -> float:
        """How long the grid must be within bounds before service is entered."""
        return (self.es_delay + self.es_random_delay * self.random_share) / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the device is doing. ``limited`` tells that orders hold its power down, by ``held_back_w``.

    ``pv_w`` is what is taken from the array, ``battery_w`` what the battery gives (negative: charges);
    ``beyond_s`` counts for how long each ride-through curve has been exceeded. A device that is stopped is
    out of service until the grid is well again and its delay is over.
    """

    power_w: float = 0.0
    var: float = 0.0
    pv_w: float = 0.0
    battery_w: float = 0.0
    stored_wh: float = 5_000.0
    held_back_w: float = 0.0
    shed_wh: float = 0.0
    exported_wh: float = 0.0
    imported_wh: float = 0.0
    connected: bool = True
    energized: bool = True
    limited: bool = False
    in_service: bool = True
    alarms: AlarmStatus = _NO_ALARM
    waiting_s: float = 0.0
    soft_start_s: float = 0.0
    ramp_w_per_s: float = 0.0
    tripped: bool = False
    beyond_s: Mapping[str, float] = field(default_factory=dict)


def step(
    state: State,
    orders: Orders,
    around: Surroundings,
    dt_s: float,
    *,
    rating: Rating,
    settings: Settings | None = None,
    is_new_order: bool = False,
) -> State:
    """Return the state ``dt_s`` later. ``is_new_order`` tells that ``orders`` have just changed."""
    settings = settings or Settings()
    state = replace(
        state, alarms=alarms_after(state.alarms, around, rating=rating, stored_wh=state.stored_wh)
    )
    state = _ride_through(state, orders, around, dt_s, rating)
    connected = orders.base.opModConnect is not False and not state.tripped
    if not connected or orders.base.opModEnergize is False:
        stopped = _stopped(state, around, rating, settings, connected=connected)
        return _settle(stopped, 0.0, 0.0, around, dt_s, rating)
    if not state.in_service:
        state = _entering(state, around, dt_s, rating, settings)
        if not state.in_service:
            return _settle(state, 0.0, 0.0, around, dt_s, rating)
    if _ceases(orders, around, rating):
        # Momentary: it comes back with the voltage, without the way of a return to service.
        ceased = replace(state, connected=True, energized=False, limited=False, held_back_w=0.0)
        return _settle(ceased, 0.0, 0.0, around, dt_s, rating)
    state = replace(state, connected=True, energized=True)
    wanted_w, free_w = _active_power(state, orders, around, rating)
    if is_new_order:
        seconds = (orders.base.rampTms or 0) / 100
        state = replace(state, ramp_w_per_s=abs(wanted_w - state.power_w) / seconds if seconds else 0.0)
    passes_w = _passes_va(around, rating)
    power_w = max(-passes_w, min(passes_w, _ramped(state, wanted_w, dt_s, rating, settings, orders)))
    limited = wanted_w < free_w - 0.5
    state = replace(
        state,
        limited=limited,
        held_back_w=max(0.0, free_w - power_w) if limited else 0.0,
        soft_start_s=max(0.0, state.soft_start_s - dt_s),
    )
    var = _reactive_power(state, orders, around, power_w, dt_s, rating)
    return _settle(state, power_w, var, around, dt_s, rating)


def alarms_after(
    before: AlarmStatus, around: Surroundings, *, rating: Rating, stored_wh: float = math.inf
) -> AlarmStatus:
    """Return the alarms that persist: each begins outside continuous operation, and ends a little inside.

    An array without sun and an empty battery are low power input; without an array there is none to be low.
    """
    shares = {
        "voltage": around.voltage_v / rating.nominal_v,
        "frequency": around.frequency_hz / rating.nominal_hz,
    }
    found = _NO_ALARM
    for alarm, quantity, edge, inside in _ALARMS:
        bound = edge + inside if alarm in before else edge
        share = shares[quantity]
        if (share > bound) if edge > 1 else (share < bound):
            found |= alarm
    if rating.pv_peak_w and stored_wh < 1 and around.pv_w < LOW_INPUT * rating.pv_peak_w:
        found |= AlarmStatus.LOW_POWER_INPUT
    return found


def _stopped(
    state: State, around: Surroundings, rating: Rating, settings: Settings, *, connected: bool
) -> State:
    """Return the state that delivers nothing, and has the whole way back to service before it."""
    return replace(
        state,
        connected=connected,
        energized=False,
        limited=True,
        in_service=False,
        held_back_w=min(rating.max_w, _own_choice_w(state, around, rating)),
        waiting_s=settings.delay_s,
        soft_start_s=settings.es_ramp_tms / 100,
    )


def _entering(state: State, around: Surroundings, dt_s: float, rating: Rating, settings: Settings) -> State:
    """Return the state of a device that may deliver again once the grid was well for its delay."""
    waiting = replace(state, connected=True, energized=True, limited=False, held_back_w=0.0)
    if not _is_well(around, rating, settings):
        return replace(waiting, waiting_s=settings.delay_s)
    if state.waiting_s > 0:
        return replace(waiting, waiting_s=max(0.0, state.waiting_s - dt_s))
    return replace(waiting, in_service=True)


def _is_well(around: Surroundings, rating: Rating, settings: Settings) -> bool:
    """Tell whether voltage and frequency are within the bounds for entering service."""
    volt, freq = _effective_percent(around, rating) * 100, around.frequency_hz * 100
    most = ((settings.es_high_volt, volt), (settings.es_high_freq, freq))
    least = ((settings.es_low_volt, volt), (settings.es_low_freq, freq))
    return all(not bound or value <= bound for bound, value in most) and all(
        value >= bound for bound, value in least
    )


# --- active power -----------------------------------------------------------------------------------------


def _active_power(state: State, orders: Orders, around: Surroundings, rating: Rating) -> tuple[float, float]:
    """Return the power that is wanted, and the power that would be without orders."""
    base = orders.base
    passes_w = min(rating.max_w, _passes_va(around, rating))
    most_w = min(passes_w, around.pv_w + _discharge_w(state, rating))
    least_w = -min(passes_w, _charge_w(state, rating))
    free_w = min(passes_w, _own_choice_w(state, around, rating))
    wanted_w = free_w
    if base.opModStorageTargetW is not None:
        wanted_w = around.pv_w + to_number(base.opModStorageTargetW)
    if base.opModFixedW is not None:
        whole = rating.max_w if base.opModFixedW >= 0 else rating.max_charge_w
        wanted_w = base.opModFixedW / FULL * whole
    if base.opModTargetW is not None:
        wanted_w = to_number(base.opModTargetW)
    if base.opModFreqDroop is not None:
        wanted_w += _droop_w(base.opModFreqDroop, around, rating)
    wanted_w = max(least_w, min(most_w, wanted_w))
    low_w, high_w = _limits_w(orders, around, rating)
    bounded_w = max(low_w, min(high_w, wanted_w))
    return bounded_w, free_w


def _passes_va(around: Surroundings, rating: Rating) -> float:
    """Return the apparent power that its greatest current makes at this voltage."""
    return rating.max_va * max(0.0, min(1.0, around.voltage_v / rating.nominal_v))


def _own_choice_w(state: State, around: Surroundings, rating: Rating) -> float:
    """Return what the device gives when nobody asks: all sun, and from the battery what the house lacks."""
    missing_w = max(0.0, around.load_w - around.pv_w)
    return around.pv_w + min(missing_w, _discharge_w(state, rating))


def _limits_w(orders: Orders, around: Surroundings, rating: Rating) -> tuple[float, float]:
    """Return the least and most power that limits and curves allow."""
    base, low_w, high_w = orders.base, -rating.max_charge_w, rating.max_w
    if base.opModMaxLimW is not None:
        high_w = min(high_w, base.opModMaxLimW / FULL * rating.max_w)
    if base.opModGenLimW is not None:
        high_w = min(high_w, to_number(base.opModGenLimW))
    if base.opModExpLimW is not None:
        high_w = min(high_w, to_number(base.opModExpLimW) + around.load_w)
    if base.opModImpLimW is not None:
        low_w = max(low_w, around.load_w - to_number(base.opModImpLimW))
    if base.opModLoadLimW is not None:
        low_w = max(low_w, -to_number(base.opModLoadLimW))
    if (curve := orders.curves.get("opModVoltWatt")) is not None:
        high_w = min(high_w, _referred(curve, _effective_percent(around, rating), around, rating))
    if (curve := orders.curves.get("opModFreqWatt")) is not None:
        high_w = min(high_w, curves.value_at(curve, around.frequency_hz) / 100 * rating.max_w)
    return min(low_w, high_w), high_w


def _droop_w(droop: sep.FreqDroopType, around: Surroundings, rating: Rating) -> float:
    """Return by how much power changes at this frequency: less above nominal, more below (1547, 6.5.2.7)."""
    off_hz = around.frequency_hz - rating.nominal_hz
    band_mhz, droop_k = (droop.dBOF, droop.kOF) if off_hz > 0 else (droop.dBUF, droop.kUF)
    beyond_hz = abs(off_hz) - band_mhz / 1000
    if beyond_hz <= 0 or not droop_k:
        return 0.0
    return -math.copysign(rating.max_w * beyond_hz / rating.nominal_hz / (droop_k / 1000), off_hz)


def _ramped(
    state: State, wanted_w: float, dt_s: float, rating: Rating, settings: Settings, orders: Orders
) -> float:
    """Return the power after ``dt_s``, no faster than the ramps and the curves' response times allow."""
    responses = [
        one
        for one in (
            orders.curves.get("opModVoltWatt"),
            orders.curves.get("opModFreqWatt"),
            orders.base.opModFreqDroop,
        )
        if one is not None
    ]
    change = wanted_w - state.power_w
    # rampTms replaces the default ramp for this change (IEEE 2030.5-2018, DERControlBase.rampTms).
    rates = [state.ramp_w_per_s]
    if not state.ramp_w_per_s:
        rates = [
            settings.grad_w / FULL * rating.max_w,
            rating.max_w / state.soft_start_s if state.soft_start_s else 0.0,
            settings.soft_grad_w / FULL * rating.max_w if state.soft_start_s else 0.0,
            *(_curve_ramp(one, rising=change > 0) / FULL * rating.max_w for one in responses),
        ]
        change *= min((_share_reached(one, dt_s) for one in responses), default=1.0)
    for rate in rates:
        if rate > 0:
            change = max(-rate * dt_s, min(rate * dt_s, change))
    return state.power_w + change


class _Response(Protocol):
    """What says how fast a device responds: a curve, a droop."""

    @property
    def openLoopTms(self) -> int | None: ...


def _curve_ramp(response: _Response, *, rising: bool) -> int:
    """Return the ramp of a curve in hundredths of a percent per s; a rising one defaults to the falling."""
    falling = getattr(response, "rampDecTms", None) or 0
    return (getattr(response, "rampIncTms", None) or falling) if rising else falling


def _share_reached(response: _Response, dt_s: float) -> float:
    """Return how much of a step a device makes in ``dt_s``: a first-order lag.

    openLoopTms is the time to 90 % of it, rampPT1Tms that of its input to 95 %; in hundredths of a second.
    """
    lag_s = (response.openLoopTms or 0) / 100 / LN_10 + (getattr(response, "rampPT1Tms", None) or 0) / 300
    return 1 - math.exp(-dt_s / lag_s) if lag_s else 1.0


# --- reactive power ---------------------------------------------------------------------------------------


def _reactive_power(
    state: State, orders: Orders, around: Surroundings, power_w: float, dt_s: float, rating: Rating
) -> float:
    """Return var: of several orders the one with the smallest magnitude (IEEE 2030.5-2018, 10.10.4.5)."""
    wanted = [*_fixed_vars(orders, power_w, rating), *_curve_vars(orders, around, power_w, rating)]
    target, curve = min(wanted, key=lambda one: abs(one[0]), default=(0.0, None))
    # Active power comes first: what is left of the apparent power is there for var.
    room = math.sqrt(max(0.0, _passes_va(around, rating) ** 2 - power_w**2))
    most = min(rating.max_var, room)
    target = max(-most, min(most, target))
    var = state.var + (target - state.var) * (_share_reached(curve, dt_s) if curve is not None else 1.0)
    return max(-most, min(most, var))


def _fixed_vars(orders: Orders, power_w: float, rating: Rating) -> list[tuple[float, None]]:
    base, found = orders.base, []
    fixed_pf = base.opModFixedPFInjectW if power_w >= 0 else base.opModFixedPFAbsorbW
    if fixed_pf is not None:
        found.append(_var_at(power_w, power_factor(fixed_pf), rating, absorb=fixed_pf.excitation))
    if base.opModFixedVar is not None:
        whole = rating.max_w if base.opModFixedVar.refType == DERUnitRef.setMaxW else rating.max_var
        found.append(base.opModFixedVar.value / FULL * whole)
    if base.opModTargetVar is not None:
        found.append(to_number(base.opModTargetVar))
    return [(one, None) for one in found]


def _curve_vars(
    orders: Orders, around: Surroundings, power_w: float, rating: Rating
) -> list[tuple[float, sep.DERCurve]]:
    found, percent_w = [], 100 * power_w / rating.max_w
    if (curve := orders.curves.get("opModVoltVar")) is not None:
        scale = 100 * (curve.vRef or FULL) / FULL
        percent_v = _effective_percent(around, rating) * 100 / scale
        found.append((_referred(curve, percent_v, around, rating), curve))
    if (curve := orders.curves.get("opModWattVar")) is not None:
        found.append((_referred(curve, percent_w, around, rating), curve))
    if (curve := orders.curves.get("opModWattPF")) is not None:
        factor = min(1.0, abs(curves.value_at(curve, percent_w)))
        absorb = curves.excitation_at(curve, percent_w)
        found.append((_var_at(power_w, factor, rating, absorb=absorb), curve))
    return found


def _var_at(power_w: float, factor: float, rating: Rating, *, absorb: bool) -> float:
    magnitude = abs(power_w) * math.tan(math.acos(max(rating.min_pf, factor)))
    return -magnitude if absorb else magnitude


def _referred(curve: sep.DERCurve, x: float, around: Surroundings, rating: Rating) -> float:
    """Return y of a curve in W or var: its percentage of what yRefType names."""
    wholes: dict[int, float] = {
        DERUnitRef.setMaxW: rating.max_w,
        DERUnitRef.setMaxVar: rating.max_var,
        DERUnitRef.statVarAvail: rating.max_var,
        DERUnitRef.statWAvail: around.pv_w,
        DERUnitRef.setMaxVA: rating.max_va,
    }
    return curves.value_at(curve, x) / 100 * wholes.get(curve.yRefType, rating.max_w)


def _effective_percent(around: Surroundings, rating: Rating) -> float:
    """Return the voltage in percent of nominal; the terminals are the point of common coupling here."""
    return 100 * around.voltage_v / rating.nominal_v


# --- the grid goes astray ---------------------------------------------------------------------------------


def _ride_through(state: State, orders: Orders, around: Surroundings, dt_s: float, rating: Rating) -> State:
    """Count how long the grid has been beyond each must-trip curve; trip when it was for too long.

    A device that tripped comes back when the grid is within all of them again.
    """
    beyond: dict[str, float] = {}
    tripped = False
    for mode, (quantity, above) in _TRIPS.items():
        curve = orders.curves.get(mode)
        if curve is None:
            continue
        measured = _effective_percent(around, rating) if quantity == "voltage" else around.frequency_hz
        seconds = state.beyond_s.get(mode, 0.0) + dt_s
        edge = curves.value_at(curve, seconds)
        last = curves.value_at(curve, math.inf)
        if (measured > min(edge, last)) if above else (measured < max(edge, last)):
            beyond[mode] = seconds
            tripped = tripped or ((measured > edge) if above else (measured < edge))
    return replace(state, beyond_s=beyond, tripped=tripped or (state.tripped and bool(beyond)))


def _ceases(orders: Orders, around: Surroundings, rating: Rating) -> bool:
    """Tell whether the voltage asks for momentary cessation."""
    percent_v = _effective_percent(around, rating)
    for mode, above in _CESSATIONS.items():
        curve = orders.curves.get(mode)
        if curve is not None:
            edge = curves.value_at(curve, 0.0)
            if (percent_v > edge) if above else (percent_v < edge):
                return True
    return False


# --- battery and meters -----------------------------------------------------------------------------------


def _discharge_w(state: State, rating: Rating) -> float:
    return rating.max_discharge_w if state.stored_wh > 0 else 0.0


def _charge_w(state: State, rating: Rating) -> float:
    return rating.max_charge_w if state.stored_wh < rating.battery_wh else 0.0


def _settle(
    state: State, power_w: float, var: float, around: Surroundings, dt_s: float, rating: Rating
) -> State:
    """Return the state after ``dt_s`` at this power: sun first, the battery takes or gives the difference."""
    hours = dt_s / 3600
    empties_w = state.stored_wh * CHARGE_EFFICIENCY / hours if hours else math.inf
    fills_w = (rating.battery_wh - state.stored_wh) / CHARGE_EFFICIENCY / hours if hours else math.inf
    battery_w = min(_discharge_w(state, rating), empties_w, power_w - around.pv_w)
    battery_w = max(-_charge_w(state, rating), -fills_w, battery_w)
    pv_w = max(0.0, min(around.pv_w, power_w - battery_w))
    power_w = pv_w + battery_w
    lossy = CHARGE_EFFICIENCY if battery_w < 0 else 1 / CHARGE_EFFICIENCY
    stored = max(0.0, min(rating.battery_wh, state.stored_wh - battery_w * lossy * hours))
    return replace(
        state,
        power_w=power_w,
        var=var,
        pv_w=pv_w,
        battery_w=battery_w,
        stored_wh=stored,
        shed_wh=state.shed_wh + state.held_back_w * hours,
        exported_wh=state.exported_wh + max(0.0, power_w) * hours,
        imported_wh=state.imported_wh + max(0.0, -power_w) * hours,
    )
