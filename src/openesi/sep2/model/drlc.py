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
    """What load a device offers to shed."""

    LoadShedAvailability: tuple[sep.LoadShedAvailability, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class ApplianceLoadReduction(Sep):
    """How an appliance is to use less."""

    type: ApplianceLoadReductionType


class DemandResponseProgram(IdentifiedObject):
    """A group of devices and the load control events for it."""

    ActiveEndDeviceControlListLink: sep.ActiveEndDeviceControlListLink | None = None
    # tell LoadShedAvailability when it moves by more; absent or 0: never
    availabilityUpdatePercentChangeThreshold: PerCent | None = None
    # tell LoadShedAvailability when it moves by more; absent or 0: never
    availabilityUpdatePowerChangeThreshold: sep.ActivePower | None = None
    EndDeviceControlListLink: sep.EndDeviceControlListLink | None = None
    primacy: PrimacyType  # lower wins where programs disagree


class DemandResponseProgramList(SubscribableList):
    """Demand response programs, lowest primacy first."""

    DemandResponseProgram: tuple[sep.DemandResponseProgram, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None  # seconds, for the controls below it too


class DutyCycle(Sep):
    """How much of the time a load may be on."""

    normalValue: UInt8  # percent, 0 to 100; each period begins with its off part


class EndDeviceControl(RandomizableEvent):
    """An event that asks loads to change what they use.

    It may carry several kinds of control; a device takes the one that fits it best.
    """

    ApplianceLoadReduction: sep.ApplianceLoadReduction | None = None
    deviceCategory: DeviceCategoryType  # bits of enums.DeviceCategory that the event is for
    drProgramMandatory: Boolean  # opting out has consequences, so the user must confirm it
    DutyCycle: sep.DutyCycle | None = None
    loadShiftForward: Boolean  # True: use more now, to use less later; the offsets turn round
    Offset: sep.Offset | None = None
    # seconds for which the user may override and still take part; absent is 0
    overrideDuration: UInt16 | None = None
    SetPoint: sep.SetPoint | None = None
    TargetReduction: sep.TargetReduction | None = None


class EndDeviceControlList(SubscribableList):
    """The load controls of a program, earliest start first."""

    EndDeviceControl: tuple[sep.EndDeviceControl, ...] = ()


class LoadShedAvailability(Resource):
    """How much a device can shed, and for how long."""

    availabilityDuration: UInt32 | None = None  # seconds
    DemandResponseProgramLink: sep.DemandResponseProgramLink | None = None
    sheddablePercent: PerCent | None = None  # of what it uses now
    sheddablePower: sep.ActivePower | None = None  # W it would use less


class Offset(Sep):
    """By how much to move set points away from normal."""

    coolingOffset: UInt8 | None = None  # tenths of a degree Celsius, added to the set point
    heatingOffset: UInt8 | None = None  # tenths of a degree Celsius, taken from the set point
    loadAdjustmentPercentageOffset: PerCent | None = None  # of normal use, taken from it


class SetPoint(Sep):
    """Temperatures to hold, within what the device allows."""

    coolingSetpoint: Int16 | None = None  # hundredths of a degree Celsius
    heatingSetpoint: Int16 | None = None  # hundredths of a degree Celsius


class TargetReduction(Sep):
    """How much less to use, in the unit of type."""

    type: UnitType
    value: UInt16
