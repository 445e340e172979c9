"""What loads have in common: a meter, time, and what an EndDeviceControl asks of them.

Sources: units and kinds of reduction are those of IEEE 2030.5-2018, clause 10.3 and types DutyCycle, Offset,
SetPoint, TargetReduction, ApplianceLoadReduction.
"""

from __future__ import annotations

from collections.abc import Mapping

from openesi.client.device import Meter, Quantity
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

CLOCK_SET_S = 3_600.0  # time that goes further at once was not lived: somebody set the clock
DUTY_PERIOD_S = 1_800.0  # 3 minutes for each 10 %, the standard's default
FULL = 10_000.0  # hundredths of a percent

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
    """A metered load. What it is, and how it lives for a while, its class says."""

    category = DeviceCategory.SIMPLE_RESIDENTIAL_LOAD
    model = "Load"
    functions = FunctionsImplemented.DEMAND_RESPONSE
    meters: tuple[Meter, ...] = (LOAD_METER,)

    def __init__(self) -> None:
        self.power_w = 0.0
        self.energy_wh = 0.0
        self.control: sep.EndDeviceControl | None = None
        self.controlled_s = 0.0
        self._lived: float | None = None

    def advance(self, now: float) -> None:
        """Live until ``now`` (s since 1970)."""
        before = now if self._lived is None or not 0 <= now - self._lived <= CLOCK_SET_S else self._lived
        dt_s, self._lived = now - before, now
        self.controlled_s += dt_s
        self.step(now, dt_s)
        self.energy_wh += self.power_w * dt_s / 3600

    def step(self, now: float, dt_s: float) -> None:
        """Set the power for the ``dt_s`` that end at ``now``."""
        raise NotImplementedError

    def can_obey(self, control: sep.EndDeviceControl) -> bool:
        """Tell whether the control has a kind of reduction that this load knows."""
        return power_share(control, 0.0) is not None

    def obey_load(self, control: sep.EndDeviceControl | None) -> None:
        """Do this from now on."""
        self.control, self.controlled_s = control, 0.0

    def share(self) -> float:
        """Return the share of its usual power that the control leaves now."""
        found = power_share(self.control, self.controlled_s) if self.control is not None else None
        return 1.0 if found is None else found

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


def target_reduction_w(control: sep.EndDeviceControl) -> float | None:
    """Return by how many W to use less; None where the control does not say it in power."""
    if control.TargetReduction is None:
        return None
    scale = {Unit.WATTS: 1.0, Unit.KILOWATTS: 1_000.0}.get(Unit(control.TargetReduction.type))
    return None if scale is None else control.TargetReduction.value * scale


def set_point_c(
    control: sep.EndDeviceControl | None, usual_c: float, *, cooling: bool, low_c: float, high_c: float
) -> float:
    """Return the temperature to hold, in degrees Celsius, within what the device allows.

    A cooling offset is added, a heating offset taken away; with loadShiftForward it is the other way round.
    """
    if control is None:
        return usual_c
    found = usual_c
    if control.SetPoint is not None:
        told = control.SetPoint.coolingSetpoint if cooling else control.SetPoint.heatingSetpoint
        found = usual_c if told is None else told / 100
    elif control.Offset is not None:
        offset = control.Offset.coolingOffset if cooling else control.Offset.heatingOffset
        sign = (1 if cooling else -1) * (-1 if control.loadShiftForward else 1)
        found = usual_c + sign * (offset or 0) / 10
    return max(low_c, min(high_c, found))
