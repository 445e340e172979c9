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
    """What EndDevice and SelfDevice share: who the device is, and links to what is known of it."""

    ConfigurationLink: sep.ConfigurationLink | None = None
    DERListLink: sep.DERListLink | None = None
    # bits of enums.DeviceCategory; none where the device obeys no events
    deviceCategory: DeviceCategoryType | None = None
    DeviceInformationLink: sep.DeviceInformationLink | None = None
    DeviceStatusLink: sep.DeviceStatusLink | None = None
    FileStatusLink: sep.FileStatusLink | None = None
    IPInterfaceListLink: sep.IPInterfaceListLink | None = None
    lFDI: HexBinary160 | None = None  # left 160 bits of the SHA-256 of its certificate; who the device is
    LoadShedAvailabilityListLink: sep.LoadShedAvailabilityListLink | None = None
    LogEventListLink: sep.LogEventListLink | None = None
    phase: Annotated[PhaseCode | None, IEEE_2023] = None
    PowerStatusLink: sep.PowerStatusLink | None = None
    sFDI: SFDIType  # short form of lFDI with a check digit: too short to grant access by


class DeviceStatus(Resource):
    """How a device fares: operating state, hours, temperatures."""

    changedTime: TimeType
    onCount: UInt16 | None = None  # how often it was switched on
    opState: UInt8 | None = None  # enums.OperatingState
    opTime: UInt32 | None = None  # seconds in operation
    Temperature: tuple[sep.Temperature, ...] = ()
    TimeLink: sep.TimeLink | None = None
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class EndDevice(AbstractDevice):
    """A client device as a server knows it. Its list is ordered by changedTime, newest first."""

    changedTime: TimeType  # when this representation last changed
    enabled: Boolean | None = None  # absent is true; false announces that the server will drop the device
    FlowReservationRequestListLink: sep.FlowReservationRequestListLink | None = None
    FlowReservationResponseListLink: sep.FlowReservationResponseListLink | None = None
    FunctionSetAssignmentsListLink: sep.FunctionSetAssignmentsListLink | None = None
    # seconds between the device's posts; the device proposes, the server decides
    postRate: UInt32 | None = None
    RegistrationLink: sep.RegistrationLink | None = None
    SubscriptionListLink: sep.SubscriptionListLink | None = None
    ConnectionPointLink: Annotated[sep.ConnectionPointLink | None, CSIP_AUS_12] = None


class EndDeviceList(SubscribableList):
    """The end devices that the reader may see: itself, and those it manages."""

    EndDevice: tuple[sep.EndDevice, ...] = ()
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class Registration(Resource):
    """The PIN by which a device knows its server: where it is not its own, the device leaves."""

    dateTimeRegistered: TimeType
    pIN: PINType  # six digits, the last a check digit; zeros in front are lost, so print with %06d
    pollRate: Annotated[UInt32 | None, Attribute("900")] = None  # seconds; deprecated in 2023


class SelfDevice(AbstractDevice):
    """The server's own device: what it is and how it fares."""

    pollRate: Annotated[UInt32 | None, Attribute("900")] = None


class Temperature(Sep):
    """A temperature in degrees Celsius: value x 10^multiplier."""

    multiplier: PowerOfTenMultiplierType
    subject: UInt8  # enums.TemperatureSubject
    value: Int16
