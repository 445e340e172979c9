"""The messages of provisioning: envelope, ``EndDeviceControls``, ``EndDeviceEvents``, ``EndDeviceConfig``,
``MasterDataLinkageConfig``.

Field names are the element names of the standard; see ``shape`` for how the declarations are read. Only what
provisioning uses is here; other elements are skipped when a message is parsed.
Sources: IEC 61968-100:2013 (envelope), IEC 61968-9 edition 2 (payloads).
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Annotated, Final

from openesi.provisioning.cim.codes import CODES, CimError, Verb
from openesi.provisioning.cim.shape import ATTRIBUTE, CONTENT, element

# -- envelope


@element
class ReplayDetection:
    """What makes a message unique in time."""

    Nonce: str
    Created: datetime


@element
class User:
    """On whose behalf a message is sent."""

    UserID: str
    Organization: str | None = None


@element
class Property:
    """A name and a value that the standard does not know."""

    Name: str
    Value: str | None = None


@element
class Header:
    """Who says what to be done with what, and how to answer."""

    Verb: Verb
    Noun: str
    Revision: str | None = None
    ReplayDetection: ReplayDetection | None = None
    Context: str | None = None
    Timestamp: datetime | None = None
    Source: str | None = None
    AsyncReplyFlag: bool | None = None
    ReplyAddress: str | None = None
    AckRequired: bool | None = None
    User: User | None = None
    MessageID: str | None = None
    CorrelationID: str | None = None
    Comment: str | None = None
    Property: tuple[Property, ...] = ()


@element
class ObjectId:
    """A reference to an object by one of its names."""

    value: Annotated[str, CONTENT]
    idType: Annotated[str | None, ATTRIBUTE] = None
    idAuthority: Annotated[str | None, ATTRIBUTE] = None
    kind: Annotated[str | None, ATTRIBUTE] = None
    objectType: Annotated[str | None, ATTRIBUTE] = None


@element
class Option:
    """A parameter of a request."""

    name: str
    value: str | None = None


@element
class Request:
    """The parameters of a request that has no payload."""

    StartTime: datetime | None = None
    EndTime: datetime | None = None
    Option: tuple[Option, ...] = ()
    ID: tuple[ObjectId, ...] = ()


class Result(StrEnum):
    """How it went."""

    OK = "OK"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class Level(StrEnum):
    """How bad an error is."""

    INFORM = "INFORM"
    WARNING = "WARNING"
    FATAL = "FATAL"
    CATASTROPHIC = "CATASTROPHIC"


@element
class Error:
    """One thing to say about a request, by reply code."""

    code: str
    level: Level | None = None
    reason: str | None = None
    details: str | None = None
    ID: ObjectId | None = None


@element
class Reply:
    """The answer to a request."""

    Result: Result
    Error: tuple[Error, ...] = ()
    ID: tuple[ObjectId, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the request was accepted in full."""
        return self.Result is Result.OK

    @property
    def code(self) -> str:
        """The first reply code; ``0.0`` where a success names none, ``5.4`` where a failure names none."""
        return self.Error[0].code if self.Error else "0.0" if self.ok else "5.4"

    @property
    def reason(self) -> str:
        """The first reason, for people."""
        first = self.Error[0] if self.Error else None
        return (first.reason if first else None) or CODES.get(self.code, self.code)


# -- what all payloads share


@element
class NameTypeAuthority:
    """Who gives names of a type."""

    description: str | None = None
    name: str


@element
class NameType:
    """What a name is: a MAC address, a premise, a meter number."""

    description: str | None = None
    name: str
    NameTypeAuthority: NameTypeAuthority | None = None


@element
class Names:
    """A name of an object."""

    name: str
    NameType: NameType | None = None


@element
class Identified:
    """An object, by its identifier or its names."""

    mRID: str | None = None
    Names: tuple[Names, ...] = ()


@element
class Status:
    """A state and since when."""

    dateTime: datetime | None = None
    reason: str | None = None
    remark: str | None = None
    value: str | None = None


@element
class ConfigurationEvent:
    """What changed in the linkage, when and why. The provisioned state is ``status.value``."""

    mRID: str | None = None
    createdDateTime: datetime | None = None
    effectiveDateTime: datetime | None = None
    modifiedBy: str | None = None
    reason: str | None = None
    remark: str | None = None
    severity: str | None = None
    type: str | None = None
    Names: tuple[Names, ...] = ()
    status: Status | None = None


@element
class MasterDataLinkageConfig:
    """Objects that belong together from now on (create), or no longer (close)."""

    AuxiliaryAgreement: tuple[Identified, ...] = ()
    ComModule: tuple[Identified, ...] = ()
    ConfigurationEvent: ConfigurationEvent | None = None
    Customer: tuple[Identified, ...] = ()
    CustomerAccount: tuple[Identified, ...] = ()
    CustomerAgreement: tuple[Identified, ...] = ()
    EndDevice: tuple[Identified, ...] = ()
    Meter: tuple[Identified, ...] = ()
    PricingStructure: tuple[Identified, ...] = ()
    ServiceLocation: tuple[Identified, ...] = ()
    ServiceSupplier: tuple[Identified, ...] = ()
    TransformerTank: tuple[Identified, ...] = ()
    UsagePoint: tuple[Identified, ...] = ()
    UsagePointLocation: tuple[Identified, ...] = ()


# -- EndDeviceControls


@element
class ElectronicAddress:
    """Where a device is reached; ``mac`` is its EUI-64. ``password`` carries a 2030.5 device's PIN."""

    lan: str | None = None
    mac: str | None = None
    password: str | None = None


@element
class ControlledDevice:
    """A device that a control is for: the home device (``isPan``), or the meter."""

    mRID: str | None = None
    installCode: str | None = None
    isPan: bool | None = None
    electronicAddress: ElectronicAddress | None = None
    Names: tuple[Names, ...] = ()


@element
class TypeRef:
    """A reference to an end-device control or event type, by its code."""

    ref: Annotated[str, ATTRIBUTE]


@element
class Interval:
    """From ``start`` to ``end``; the schema has them in this order."""

    end: datetime | None = None
    start: datetime | None = None


@element
class EndDeviceTiming:
    """When a control holds; ``duration`` in minutes."""

    duration: float | None = None
    durationIndefinite: bool | None = None
    interval: Interval | None = None


@element
class EndDeviceControl:
    """One control, such as opening the pairing window."""

    mRID: str | None = None
    issuerID: str | None = None
    issuerTrackingID: str | None = None
    reason: str | None = None
    EndDeviceControlType: TypeRef
    EndDevices: tuple[ControlledDevice, ...] = ()
    primaryDeviceTiming: EndDeviceTiming | None = None
    UsagePoints: tuple[Identified, ...] = ()


@element
class EndDeviceControls:
    """Controls for devices behind a meter."""

    EndDeviceControl: tuple[EndDeviceControl, ...] = ()


# -- EndDeviceEvents


@element
class EventDetail:
    """A name and a value that belong to an event."""

    name: str
    value: str | None = None


@element
class EndDeviceEvent:
    """Something that happened to a device."""

    mRID: str | None = None
    createdDateTime: datetime
    issuerID: str | None = None
    issuerTrackingID: str | None = None
    reason: str | None = None
    severity: str | None = None
    userID: str | None = None
    Assets: Identified | None = None
    EndDeviceEventDetails: tuple[EventDetail, ...] = ()
    EndDeviceEventType: TypeRef
    Names: tuple[Names, ...] = ()
    status: Status | None = None
    UsagePoint: Identified | None = None


@element
class EndDeviceEvents:
    """Things that happened."""

    EndDeviceEvent: tuple[EndDeviceEvent, ...] = ()


# -- EndDeviceConfig


@element
class ConfiguredDevice:
    """A home device as the DR application is told of it beforehand."""

    mRID: str | None = None
    installCode: str | None = None
    isPan: bool | None = None
    serialNumber: str | None = None
    type: str | None = None
    electronicAddress: ElectronicAddress | None = None
    Names: tuple[Names, ...] = ()


@element
class EndDeviceConfig:
    """Devices to be known."""

    EndDevice: tuple[ConfiguredDevice, ...] = ()


Payload = MasterDataLinkageConfig | EndDeviceControls | EndDeviceEvents | EndDeviceConfig
PAYLOADS: Final[dict[str, type[Payload]]] = {
    kind.__name__: kind
    for kind in (MasterDataLinkageConfig, EndDeviceControls, EndDeviceEvents, EndDeviceConfig)
}

# -- messages


class Kind(Enum):
    """The four messages of IEC 61968-100, by the name of their generic form."""

    REQUEST = "RequestMessage"
    RESPONSE = "ResponseMessage"
    EVENT = "EventMessage"
    FAULT = "FaultMessage"


@element
class Message:
    """A whole message. A fault has no header, for nothing could be read that one would answer."""

    kind: Kind
    header: Header | None = None
    request: Request | None = None
    reply: Reply | None = None
    payload: Payload | None = None

    @property
    def head(self) -> Header:
        """The header; raises ``CimError`` 1.5 in a message without one."""
        if self.header is None:
            raise CimError("1.5", "the message has no Header")
        return self.header

    @property
    def noun(self) -> str:
        """What it is about."""
        return self.head.Noun


def named(name: str, kind: str, authority: str | None = None) -> Names:
    """A name with its type, and who gives names of the type."""
    source = NameTypeAuthority(name=authority) if authority else None
    return Names(name=name, NameType=NameType(name=kind, NameTypeAuthority=source))


def name_of(names: tuple[Names, ...], kind: str) -> str | None:
    """The first name of a type; where none has a type at all, the first name."""
    for one in names:
        if one.NameType is not None and one.NameType.name == kind:
            return one.name
    untyped = [one.name for one in names if one.NameType is None]
    return untyped[0] if untyped else None


def moment(now: float) -> datetime:
    """A time as messages have it, from Unix seconds, to the millisecond."""
    return datetime.fromtimestamp(round(now, 3), UTC)
