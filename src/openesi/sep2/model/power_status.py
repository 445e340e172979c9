"""PowerStatus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.identification import Resource
from openesi.sep2.model.primitives import UInt8, UInt32
from openesi.sep2.model.simple import PerCent, PowerSourceType, TimeType

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class PowerStatus(Resource):
    """Where a device's power comes from and how long its battery will last."""

    batteryStatus: UInt8  # enums.BatteryStatus
    changedTime: TimeType
    currentPowerSource: PowerSourceType
    estimatedChargeRemaining: PerCent | None = None
    estimatedTimeRemaining: UInt32 | None = None  # seconds
    PEVInfo: sep.PEVInfo | None = None
    sessionTimeOnBattery: UInt32 | None = None  # seconds since it last went to battery
    totalTimeOnBattery: UInt32 | None = None  # seconds in all; a new battery may begin at 0
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class PEVInfo(Sep):
    """What a plugged-in electric vehicle needs and can take. Positive power and energy charge it."""

    chargingPowerNow: sep.ActivePower  # W at the moment
    energyRequestNow: sep.RealEnergy  # Wh to reach targetStateOfCharge, never negative
    maxForwardPower: sep.ActivePower  # W it can take at most
    minimumChargingDuration: UInt32  # seconds it needs at full power
    targetStateOfCharge: PerCent
    timeChargeIsNeeded: TimeType
    timeChargingStatusPEV: TimeType  # when these values were taken
