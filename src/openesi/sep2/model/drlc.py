"""Demand response and load control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import Attribute, Sep
from openesi.sep2.model.event import RandomizableEvent
from openesi.sep2.model.identification import IdentifiedObject, List, Resource, SubscribableList
from openesi.sep2.model.primitives import Boolean, Int16, UInt8, UInt16, UInt32
from openesi.sep2.model.simple import (
    ApplianceLoadReductionType,
    DeviceCategoryType,
    PerCent,
    PrimacyType,
    UnitType,
)

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class LoadShedAvailabilityList(List):
    """DOC"""

    LoadShedAvailability: tuple[sep.LoadShedAvailability, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class ApplianceLoadReduction(Sep):
    """DOC"""

    type: ApplianceLoadReductionType


class DemandResponseProgram(IdentifiedObject):
    """DOC"""

    ActiveEndDeviceControlListLink: sep.ActiveEndDeviceControlListLink | None = None
    availabilityUpdatePercentChangeThreshold: PerCent | None = None
    availabilityUpdatePowerChangeThreshold: sep.ActivePower | None = None
    EndDeviceControlListLink: sep.EndDeviceControlListLink | None = None
    primacy: PrimacyType


class DemandResponseProgramList(SubscribableList):
    """DOC"""

    DemandResponseProgram: tuple[sep.DemandResponseProgram, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class DutyCycle(Sep):
    """DOC"""

    normalValue: UInt8


class EndDeviceControl(RandomizableEvent):
    """DOC"""

    ApplianceLoadReduction: sep.ApplianceLoadReduction | None = None
    deviceCategory: DeviceCategoryType
    drProgramMandatory: Boolean
    DutyCycle: sep.DutyCycle | None = None
    loadShiftForward: Boolean
    Offset: sep.Offset | None = None
    overrideDuration: UInt16 | None = None
    SetPoint: sep.SetPoint | None = None
    TargetReduction: sep.TargetReduction | None = None


class EndDeviceControlList(SubscribableList):
    """DOC"""

    EndDeviceControl: tuple[sep.EndDeviceControl, ...] = ()


class LoadShedAvailability(Resource):
    """DOC"""

    availabilityDuration: UInt32 | None = None
    DemandResponseProgramLink: sep.DemandResponseProgramLink | None = None
    sheddablePercent: PerCent | None = None
    sheddablePower: sep.ActivePower | None = None


class Offset(Sep):
    """DOC"""

    coolingOffset: UInt8 | None = None
    heatingOffset: UInt8 | None = None
    loadAdjustmentPercentageOffset: PerCent | None = None


class SetPoint(Sep):
    """DOC"""

    coolingSetpoint: Int16 | None = None
    heatingSetpoint: Int16 | None = None


class TargetReduction(Sep):
    """DOC"""

    type: UnitType
    value: UInt16
