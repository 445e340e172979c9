"""A solar inverter with a battery on its DC side: what its controls make of sun, grid and orders.

``step`` is the whole device as a pure function. Signs are the generator's: positive is delivered to the grid.

Sources: names and units of the controls are those of IEEE 2030.5-2018, 10.10; the order of precedence
(ceasing to energize before limits, limits before set points, active before reactive power) and the return
to service (delay, then ramp) follow IEEE 1547-2018, clauses 4.5 to 4.10 and 5.3; an open-loop response time
is the time to 90 % of a step, as 1547 defines it, so a first-order lag with a time constant of T / ln 10.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from openesi.client.der import Orders
from openesi.devices import curves
from openesi.devices.quantities import power_factor, to_number
from openesi.sep2 import model as sep
from openesi.sep2.enums import DERUnitRef

FULL = 10_000.0  # hundredths of a percent
LN_10 = math.log(10)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the device cannot choose: power of its array, the grid at its terminals, load of its house."""

    pv_w: float = 0.0
    voltage_v: float = 240.0
    frequency_hz: float = 60.0
    load_w: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramps:
    """Settings that a DefaultDERControl may change, in its units: hundredths of a percent of max_w per s
    (0: no limit) and hundredths of a second."""

    grad_w: int = 0
    soft_grad_w: int = 0
    es_delay: int = 0
    es_ramp_tms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the device is doing. ``limited`` tells that orders hold its power down, by ``held_back_w``.

    ``pv_w`` is what is taken from the array, ``battery_w`` what the battery gives (negative: charges);
    ``beyond_s`` counts for how long each ride-through curve has been exceeded.
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
    ramps: Ramps | None = None,
    is_new_order: bool = False,
) -> State:
    """Return the state ``dt_s`` later. ``is_new_order`` tells that ``orders`` have just changed."""
    ramps = ramps or Ramps()
    state = _ride_through(state, orders, around, dt_s, rating)
    connected = orders.base.opModConnect is not False and not state.tripped
    energized = connected and orders.base.opModEnergize is not False and not _ceases(orders, around, rating)
    if not energized:
        stopped = _stopped(state, around, rating, ramps, connected=connected)
        return _settle(stopped, 0.0, 0.0, around, dt_s, rating)
    if state.waiting_s > 0:
        waiting = replace(
            state,
            connected=True,
            energized=True,
            limited=False,
            held_back_w=0.0,
            waiting_s=max(0.0, state.waiting_s - dt_s),
        )
        return _settle(waiting, 0.0, 0.0, around, dt_s, rating)
    state = replace(state, connected=True, energized=True)
    wanted_w, free_w = _active_power(state, orders, around, rating)
    if is_new_order:
        seconds = (orders.base.rampTms or 0) / 100
        state = replace(state, ramp_w_per_s=abs(wanted_w - state.power_w) / seconds if seconds else 0.0)
    power_w = _ramped(state, wanted_w, dt_s, rating, ramps, orders)
    limited = wanted_w < free_w - 0.5
    state = replace(
        state,
        limited=limited,
        held_back_w=max(0.0, free_w - power_w) if limited else 0.0,
        soft_start_s=max(0.0, state.soft_start_s - dt_s),
    )
    var = _reactive_power(state, orders, around, power_w, dt_s, rating)
    return _settle(state, power_w, var, around, dt_s, rating)


def _stopped(state: State, around: Surroundings, rating: Rating, ramps: Ramps, *, connected: bool) -> State:
    """Return the state that delivers nothing, and has the whole way back to service before it."""
    return replace(
        state,
        connected=connected,
        energized=False,
        limited=True,
        held_back_w=min(rating.max_w, _own_choice_w(state, around, rating)),
        waiting_s=ramps.es_delay / 100,
        soft_start_s=ramps.es_ramp_tms / 100,
    )


# --- active power -----------------------------------------------------------------------------------------


def _active_power(state: State, orders: Orders, around: Surroundings, rating: Rating) -> tuple[float, float]:
    """Return the power that is wanted, and the power that would be without orders."""
    base = orders.base
    most_w = min(rating.max_w, around.pv_w + _discharge_w(state, rating))
    least_w = -_charge_w(state, rating)
    free_w = min(rating.max_w, _own_choice_w(state, around, rating))
    wanted_w = free_w
    if base.opModStorageTargetW is not None:
        wanted_w = around.pv_w + to_number(base.opModStorageTargetW)
    if base.opModFixedW is not None:
        whole = rating.max_w if base.opModFixedW >= 0 else rating.max_charge_w
        wanted_w = base.opModFixedW / FULL * whole
    if base.opModTargetW is not None:
        wanted_w = to_number(base.opModTargetW)
    wanted_w = max(least_w, min(most_w, wanted_w))
    low_w, high_w = _limits_w(orders, around, rating)
    bounded_w = max(low_w, min(high_w, wanted_w))
    return bounded_w, free_w


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
    if base.opModFreqDroop is not None:
        high_w = min(high_w, _droop_w(base.opModFreqDroop, around, rating))
    return min(low_w, high_w), high_w


def _droop_w(droop: sep.FreqDroopType, around: Surroundings, rating: Rating) -> float:
    """Return the most power at this frequency above nominal (IEEE 1547-2018, 6.5.2.7, over-frequency)."""
    above_hz = around.frequency_hz - rating.nominal_hz - droop.dBOF / 1000
    if above_hz <= 0 or not droop.kOF:
        return rating.max_w
    return max(0.0, rating.max_w * (1 - above_hz / rating.nominal_hz / (droop.kOF / 1000)))


def _ramped(
    state: State, wanted_w: float, dt_s: float, rating: Rating, ramps: Ramps, orders: Orders
) -> float:
    """Return the power after ``dt_s``, no faster than the ramps and the curves' response times allow."""
    rates = [
        state.ramp_w_per_s,
        ramps.grad_w / FULL * rating.max_w,
        rating.max_w / state.soft_start_s if state.soft_start_s else 0.0,
        ramps.soft_grad_w / FULL * rating.max_w if state.soft_start_s else 0.0,
    ]
    # rampTms replaces the default ramp for this change (IEEE 2030.5-2018, DERControlBase.rampTms).
    limits = [rates[0]] if rates[0] else [rate for rate in rates if rate > 0]
    change = wanted_w - state.power_w
    for rate in limits:
        change = max(-rate * dt_s, min(rate * dt_s, change))
    curve = orders.curves.get("opModVoltWatt") or orders.curves.get("opModFreqWatt")
    if curve is not None and not limits:
        change *= _share_reached(curve, dt_s)
    return state.power_w + change


def _share_reached(curve: sep.DERCurve, dt_s: float) -> float:
    """Return how much of a step a first-order lag with this open-loop time makes in ``dt_s``."""
    return 1 - math.exp(-dt_s * LN_10 / (curve.openLoopTms / 100)) if curve.openLoopTms else 1.0


# --- reactive power ---------------------------------------------------------------------------------------


def _reactive_power(
    state: State, orders: Orders, around: Surroundings, power_w: float, dt_s: float, rating: Rating
) -> float:
    """Return var: of several orders the one with the smallest magnitude (IEEE 2030.5-2018, 10.10.4.5)."""
    wanted = [*_fixed_vars(orders, power_w, rating), *_curve_vars(orders, around, power_w, rating)]
    target = min(wanted, key=abs, default=0.0)
    # Active power comes first: what is left of the apparent power is there for var.
    room = math.sqrt(max(0.0, rating.max_va**2 - power_w**2))
    most = min(rating.max_var, room)
    target = max(-most, min(most, target))
    curve = orders.curves.get("opModVoltVar")
    return state.var + (target - state.var) * (_share_reached(curve, dt_s) if curve is not None else 1.0)


def _fixed_vars(orders: Orders, power_w: float, rating: Rating) -> list[float]:
    base, found = orders.base, []
    fixed_pf = base.opModFixedPFInjectW if power_w >= 0 else base.opModFixedPFAbsorbW
    if fixed_pf is not None:
        found.append(_var_at(power_w, power_factor(fixed_pf), absorb=fixed_pf.excitation))
    if base.opModFixedVar is not None:
        whole = rating.max_w if base.opModFixedVar.refType == DERUnitRef.setMaxW else rating.max_var
        found.append(base.opModFixedVar.value / FULL * whole)
    if base.opModTargetVar is not None:
        found.append(to_number(base.opModTargetVar))
    return found


def _curve_vars(orders: Orders, around: Surroundings, power_w: float, rating: Rating) -> list[float]:
    found, percent_w = [], 100 * power_w / rating.max_w
    if (curve := orders.curves.get("opModVoltVar")) is not None:
        scale = 100 * (curve.vRef or FULL) / FULL
        percent_v = _effective_percent(around, rating) * 100 / scale
        found.append(_referred(curve, percent_v, around, rating))
    if (curve := orders.curves.get("opModWattVar")) is not None:
        found.append(_referred(curve, percent_w, around, rating))
    if (curve := orders.curves.get("opModWattPF")) is not None:
        factor = min(1.0, abs(curves.value_at(curve, percent_w)))
        found.append(_var_at(power_w, factor, absorb=curves.excitation_at(curve, percent_w)))
    return found


def _var_at(power_w: float, factor: float, *, absorb: bool) -> float:
    magnitude = abs(power_w) * math.tan(math.acos(max(0.1, factor)))
    return -magnitude if absorb else magnitude


def _referred(curve: sep.DERCurve, x: float, around: Surroundings, rating: Rating) -> float:
    """Return y of a curve in W or var: its percentage of what yRefType names."""
    whole = {
        DERUnitRef.setMaxW: rating.max_w,
        DERUnitRef.setMaxVar: rating.max_var,
        DERUnitRef.statVarAvail: rating.max_var,
        DERUnitRef.statWAvail: around.pv_w,
        DERUnitRef.setMaxVA: rating.max_va,
    }.get(DERUnitRef(curve.yRefType), rating.max_w)
    return curves.value_at(curve, x) / 100 * whole


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
    battery_w = power_w - around.pv_w
    battery_w = max(-_charge_w(state, rating), min(_discharge_w(state, rating), battery_w))
    if not state.connected or not state.energized:
        power_w = 0.0
    pv_w = max(0.0, min(around.pv_w, power_w - battery_w))
    power_w = pv_w + battery_w
    hours = dt_s / 3600
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
