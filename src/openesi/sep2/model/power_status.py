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
    """DOC"""

    batteryStatus: UInt8
    changedTime: TimeType
    currentPowerSource: PowerSourceType
    estimatedChargeRemaining: PerCent | None = None
    estimatedTimeRemaining: UInt32 | None = None
    PEVInfo: sep.PEVInfo | None = None
    sessionTimeOnBattery: UInt32 | None = None
    totalTimeOnBattery: UInt32 | None = None
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class PEVInfo(Sep):
    """DOC"""

    chargingPowerNow: sep.ActivePower
    energyRequestNow: sep.RealEnergy
    maxForwardPower: sep.ActivePower
    minimumChargingDuration: UInt32
    targetStateOfCharge: PerCent
    timeChargeIsNeeded: TimeType
    timeChargingStatusPEV: TimeType
