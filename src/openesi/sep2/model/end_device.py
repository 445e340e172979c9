"""EndDevice, SelfDevice, Registration, DeviceStatus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from openesi.sep2.model._declare import CSIP_AUS_12, IEEE_2023, Attribute, Sep
from openesi.sep2.model.identification import Resource, SubscribableList, SubscribableResource
from openesi.sep2.model.primitives import Boolean, HexBinary160, Int16, UInt8, UInt16, UInt32
from openesi.sep2.model.simple import (
    DeviceCategoryType,
    PhaseCode,
    PINType,
    PowerOfTenMultiplierType,
    SFDIType,
    TimeType,
)

if TYPE_CHECKING:
    from openesi.sep2 import model as sep


class AbstractDevice(SubscribableResource):
    """DOC"""

    ConfigurationLink: sep.ConfigurationLink | None = None
    DERListLink: sep.DERListLink | None = None
    deviceCategory: DeviceCategoryType | None = None
    DeviceInformationLink: sep.DeviceInformationLink | None = None
    DeviceStatusLink: sep.DeviceStatusLink | None = None
    FileStatusLink: sep.FileStatusLink | None = None
    IPInterfaceListLink: sep.IPInterfaceListLink | None = None
    lFDI: HexBinary160 | None = None
    LoadShedAvailabilityListLink: sep.LoadShedAvailabilityListLink | None = None
    LogEventListLink: sep.LogEventListLink | None = None
    phase: Annotated[PhaseCode | None, IEEE_2023] = None
    PowerStatusLink: sep.PowerStatusLink | None = None
    sFDI: SFDIType


class DeviceStatus(Resource):
    """DOC"""

    changedTime: TimeType
    onCount: UInt16 | None = None
    opState: UInt8 | None = None
    opTime: UInt32 | None = None
    Temperature: tuple[sep.Temperature, ...] = ()
    TimeLink: sep.TimeLink | None = None
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class EndDevice(AbstractDevice):
    """DOC"""

    changedTime: TimeType
    enabled: Boolean | None = None
    FlowReservationRequestListLink: sep.FlowReservationRequestListLink | None = None
    FlowReservationResponseListLink: sep.FlowReservationResponseListLink | None = None
    FunctionSetAssignmentsListLink: sep.FunctionSetAssignmentsListLink | None = None
    postRate: UInt32 | None = None
    RegistrationLink: sep.RegistrationLink | None = None
    SubscriptionListLink: sep.SubscriptionListLink | None = None
    ConnectionPointLink: Annotated[sep.ConnectionPointLink | None, CSIP_AUS_12] = None


class EndDeviceList(SubscribableList):
    """DOC"""

    EndDevice: tuple[sep.EndDevice, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class Registration(Resource):
    """DOC"""

    dateTimeRegistered: TimeType
    pIN: PINType
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class SelfDevice(AbstractDevice):
    """DOC"""

    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class Temperature(Sep):
    """DOC"""

    multiplier: PowerOfTenMultiplierType
    subject: UInt8
    value: Int16
