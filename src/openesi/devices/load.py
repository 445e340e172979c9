"""What loads have in common: a meter, time, and what an EndDeviceControl asks of them.

Sources: units and kinds of reduction are those of IEEE 2030.5-2018, clause 10.3 and types DutyCycle, Offset,
SetPoint, TargetReduction, ApplianceLoadReduction.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

from openesi.client.device import Applied, Meter, Quantity, Sheddable
from openesi.devices.solar import device_information
from openesi.sep2 import model as sep
from openesi.sep2.enums import (
    AccumulationBehaviour,
    ApplianceLoadReduction,
    DeviceCategory,
    FunctionsImplemented,
    Kind,
    RoleFlag,
    Unit,
    Uom,
)

DAY_S = 86_400.0
LONGEST_STEP_S = 60.0  # models are stepped at least so finely
CLOCK_SET_S = 3_600.0  # time that goes further at once was not lived: somebody set the clock
DUTY_PERIOD_S = 1_800.0  # 3 minutes for each 10 %, the standard's default
FULL = 10_000.0  # hundredths of a percent
_UINT16 = 65_535

LOAD_METER = Meter(
    name="Load",
    role=RoleFlag.IS_SUBMETER,
    quantities=(
        Quantity(name="W", uom=Uom.WATTS, kind=Kind.POWER),
        Quantity(
            name="Wh", uom=Uom.WATT_HOURS, kind=Kind.ENERGY, accumulation=AccumulationBehaviour.SUMMATION
        ),
    ),
)


class Load:
    """A metered load. What it is, and how it lives for a while, its class says.

    ``shed_wh`` is what controls saved: while one is obeyed a twin lives on as if nobody had asked for
    anything, and the difference counts. It is negative where a control asked for more.
    """

    category = DeviceCategory.SIMPLE_RESIDENTIAL_LOAD
    model = "Load"
    functions = FunctionsImplemented.DEMAND_RESPONSE
    is_continuous = False  # whether it can use any part of its power, and so be told a reduction in W
    meters: tuple[Meter, ...] = (LOAD_METER,)

    def __init__(self) -> None:
        self.power_w = 0.0
        self.energy_wh = 0.0
        self.shed_wh = 0.0
        self.control: sep.EndDeviceControl | None = None
        self.controlled_s = 0.0
        self.twin: Load | None = None
        self._reached_wh = 0.0  # of shed_wh, by the control in force, or else the last
        self._lived: float | None = None

    def advance(self, now: float) -> None:
        """Live until ``now`` (s since 1970)."""
        before = now if self._lived is None or not 0 <= now - self._lived <= CLOCK_SET_S else self._lived
        steps = max(1, math.ceil((now - before) / LONGEST_STEP_S))
        for number in range(1, steps + 1):
            self._advance(before + (now - before) * number / steps, (now - before) / steps)

    def _advance(self, now: float, dt_s: float) -> None:
        self._lived = now
        self.controlled_s += dt_s if self.control is not None else 0.0
        self.step(now, dt_s)
        self.energy_wh += self.power_w * dt_s / 3600
        if self.twin is not None:
            self.twin.advance(now)
            shed_wh = (self.twin.power_w - self.power_w) * dt_s / 3600
            self.shed_wh += shed_wh
            self._reached_wh += shed_wh

    def step(self, now: float, dt_s: float) -> None:
        """Set the power for the ``dt_s`` that end at ``now``."""
        raise NotImplementedError

    def can_obey(self, control: sep.EndDeviceControl) -> bool:
        """Tell whether the control has a kind of reduction that this load knows."""
        if power_share(control, 0.0) is not None:
            return True
        return self.is_continuous and target_reduction_w(control) is not None

    def obey_load(self, control: sep.EndDeviceControl | None) -> None:
        """Do this from now on."""
        if control is None:
            self.control, self.twin = None, None
            return
        if self.twin is None:
            self.twin = copy.copy(self)
        self.control, self.controlled_s, self._reached_wh = control, 0.0, 0.0

    def sheddable(self) -> Sheddable:
        """Return what it could do without now: all it uses, for ``spare_s``."""
        spare_s = self.spare_s()
        return Sheddable(
            power_w=self.power_w,
            share=1.0 if self.power_w else 0.0,
            duration_s=None if spare_s is None else max(0, int(min(spare_s, DAY_S))),
        )

    def spare_s(self) -> float | None:
        """Return for how long it could go without; None where that has no end."""
        return None

    def applied(self, control: sep.EndDeviceControl) -> Applied:
        """Return what it made of a control, also after its end."""
        if self.is_continuous and _is_reduction(control):
            return reduction_applied(control, self.reached_w)
        if control.DutyCycle is not None:
            return Applied(DutyCycle=control.DutyCycle)
        if control.Offset is not None and control.Offset.loadAdjustmentPercentageOffset is not None:
            told = control.Offset.loadAdjustmentPercentageOffset
            return Applied(Offset=sep.Offset(loadAdjustmentPercentageOffset=told))
        return Applied(ApplianceLoadReduction=control.ApplianceLoadReduction)

    @property
    def reached_w(self) -> float:
        """By how much less it used on average under the control in force, or else the last."""
        return self._reached_wh * 3600 / self.controlled_s if self.controlled_s else 0.0

    def share(self) -> float:
        """Return the share of its usual power that the control leaves now."""
        found = power_share(self.control, self.controlled_s) if self.control is not None else None
        return 1.0 if found is None else found

    def left_w(self, usual_w: float) -> float:
        """Return what the control leaves of the power that would be used."""
        if self.control is not None and self.is_continuous and _is_reduction(self.control):
            return max(0.0, usual_w - (target_reduction_w(self.control) or 0.0))
        return usual_w * self.share()

    def readings(self, meter: str) -> Mapping[str, float]:
        """Return what it uses."""
        del meter
        return {"W": self.power_w, "Wh": self.energy_wh}

    def information(self, lfdi: bytes) -> sep.DeviceInformation:
        """Return maker, model and versions."""
        return device_information(lfdi, model=self.model, functions=self.functions)


def power_share(control: sep.EndDeviceControl, elapsed_s: float) -> float | None:
    """Return the share of usual power that a control leaves ``elapsed_s`` after its start.

    None where it has no kind of reduction that a switch can make. A duty cycle begins with its off part.
    """
    if control.DutyCycle is not None:
        off_s = DUTY_PERIOD_S * (1 - min(100, control.DutyCycle.normalValue) / 100)
        return 0.0 if elapsed_s % DUTY_PERIOD_S < off_s else 1.0
    offset = control.Offset.loadAdjustmentPercentageOffset if control.Offset is not None else None
    if offset is not None:
        return 1 + offset / FULL if control.loadShiftForward else max(0.0, 1 - offset / FULL)
    if control.ApplianceLoadReduction is not None:
        delayed = control.ApplianceLoadReduction.type == ApplianceLoadReduction.DELAY
        return 0.0 if delayed else 0.5
    return None


def _is_reduction(control: sep.EndDeviceControl) -> bool:
    """Tell whether a control says nothing of shares, so that its reduction in W counts."""
    return power_share(control, 0.0) is None and control.TargetReduction is not None


def target_reduction_w(control: sep.EndDeviceControl) -> float | None:
    """Return by how many W to use less; None where the control does not say it in electricity."""
    scale = _reduction_unit_w(control)
    return None if scale is None or control.TargetReduction is None else control.TargetReduction.value * scale


def reduction_applied(control: sep.EndDeviceControl, reached_w: float) -> Applied:
    """Return a reduction that was reached, in the unit that it was asked in."""
    scale = _reduction_unit_w(control)
    if scale is None or control.TargetReduction is None:
        return Applied()
    value = max(0, min(_UINT16, round(reached_w / scale)))
    return Applied(
        AppliedTargetReduction=sep.AppliedTargetReduction(type=control.TargetReduction.type, value=value)
    )


def _reduction_unit_w(control: sep.EndDeviceControl) -> float | None:
    """Return the W that the unit of a reduction stands for; energy is spread over the control."""
    if control.TargetReduction is None:
        return None
    kwh_w = 3_600_000 / max(1, control.interval.duration)
    scales: dict[int, float] = {Unit.WATTS: 1.0, Unit.KILOWATTS: 1_000.0, Unit.KILOWATT_HOURS: kwh_w}
    return scales.get(control.TargetReduction.type)


@dataclass(frozen=True, slots=True)
class SetPointRange:
    """A temperature that a device holds when nobody asks, and how far it lets itself be moved (C)."""

    usual_c: float
    low_c: float
    high_c: float
    cooling: bool = False


def set_point_c(control: sep.EndDeviceControl | None, held: SetPointRange) -> float:
    """Return the temperature to hold, in degrees Celsius, within what the device allows.

    A cooling offset is added, a heating offset taken away; with loadShiftForward it is the other way round.
    """
    if control is None:
        return held.usual_c
    found = held.usual_c
    if control.SetPoint is not None:
        told = control.SetPoint.coolingSetpoint if held.cooling else control.SetPoint.heatingSetpoint
        found = held.usual_c if told is None else told / 100
    elif control.Offset is not None:
        offset = control.Offset.coolingOffset if held.cooling else control.Offset.heatingOffset
        sign = (1 if held.cooling else -1) * (-1 if control.loadShiftForward else 1)
        found = held.usual_c + sign * (offset or 0) / 10
    return max(held.low_c, min(held.high_c, found))


def temperatures_applied(control: sep.EndDeviceControl, *ranges: SetPointRange) -> Applied:
    """Return what became of a control's temperatures: those told to these ranges, within their bounds."""
    set_points: dict[str, int] = {}
    offsets: dict[str, int] = {}
    for held in ranges:
        name, applied_c = "cooling" if held.cooling else "heating", set_point_c(control, held)
        if control.SetPoint is not None:
            if getattr(control.SetPoint, f"{name}Setpoint") is not None:
                set_points[f"{name}Setpoint"] = round(applied_c * 100)
        elif control.Offset is not None and getattr(control.Offset, f"{name}Offset") is not None:
            offsets[f"{name}Offset"] = round(abs(applied_c - held.usual_c) * 10)
    return Applied(
        SetPoint=sep.SetPoint(**set_points) if set_points else None,
        Offset=sep.Offset(**offsets) if offsets else None,
    )
