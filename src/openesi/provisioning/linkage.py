"""How provisioning uses the payloads: what is put where in controls, events and linkages.

The standard's profile has no field for a provisioning state, so these are conventions; the words are here,
once.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Final

from openesi.provisioning.cim.codes import (
    EVENT_EXPIRED,
    EVENT_JOIN_FAILED,
    EVENT_JOINED,
    EVENT_KEY_ESTABLISHED,
    EVENT_KEY_FAILED,
    EVENT_MISMATCHED,
    EVENT_NOT_AUTHORIZED,
    EVENT_PROVISIONED,
    EVENT_REMOVED,
    EVENT_WINDOW_CLOSED,
    EVENT_WINDOW_OPENED,
    WINDOW_CLOSE,
    WINDOW_OPEN,
    CimError,
)
from openesi.provisioning.cim.model import (
    ConfigurationEvent,
    ControlledDevice,
    ElectronicAddress,
    EndDeviceControl,
    EndDeviceControls,
    EndDeviceEvent,
    EndDeviceEvents,
    EndDeviceTiming,
    EventDetail,
    Identified,
    Interval,
    MasterDataLinkageConfig,
    Names,
    Payload,
    Status,
    TypeRef,
    moment,
    name_of,
    named,
)
from openesi.provisioning.se import eui64

# The types of names.
MAC: Final = "MAC"
LFDI: Final = "LFDI"
METER: Final = "MeterNumber"
PREMISE: Final = "PremiseID"
DEVICE_TYPE: Final = "EndDeviceType"
ENROLLMENT: Final = "DRProgramEnrollment"
PROGRAM: Final = "DRProgram"
# ConfigurationEvent.type and status.value
PROVISIONING: Final = "HANProvisioning"
JOIN: Final = "HANJoin"
PROVISIONED: Final = "Provisioned"
JOINED: Final = "Joined"
REMOVED: Final = "Removed"

# A state the meter reports -> (end-device event, severity)
EVENTS: Final = {
    "WindowOpen": (EVENT_WINDOW_OPENED, "INFO"),
    "WindowClosed": (EVENT_WINDOW_CLOSED, "INFO"),
    "Joined": (EVENT_JOINED, "INFO"),
    "KeyEstablished": (EVENT_KEY_ESTABLISHED, "INFO"),
    "Provisioned": (EVENT_PROVISIONED, "INFO"),
    "KeyFailed": (EVENT_KEY_FAILED, "WARNING"),
    "Expired": (EVENT_EXPIRED, "WARNING"),
    "NotAuthorized": (EVENT_NOT_AUTHORIZED, "ALARM"),
    "Failed": (EVENT_JOIN_FAILED, "ALARM"),
    "Mismatched": (EVENT_MISMATCHED, "ALARM"),
    "Removed": (EVENT_REMOVED, "INFO"),
}
STATES: Final = {code: state for state, (code, _) in EVENTS.items()}


@dataclass(frozen=True, slots=True)
class Window:
    """A pairing window for one device: the content of step 1. Times are Unix seconds.

    ``device`` is the MAC of a Zigbee device or the LFDI of a 2030.5 one; ``secret`` its install code or
    its PIN.
    """

    device: str
    device_type: str
    meter: str
    usage_point: str
    start: float
    end: float
    tracking: str
    secret: str = field(default="", repr=False)
    program: str = ""
    open: bool = True


def is_lfdi(device: str) -> bool:
    """Whether a device is named by an LFDI, 40 digits, and so is of IEEE 2030.5."""
    return len(device) == 40


def to_controls(window: Window, issuer: str) -> EndDeviceControls:
    """The control that opens (or closes) a window."""
    names: tuple[Names, ...] = (named(window.device_type, DEVICE_TYPE),)
    if is_lfdi(window.device):
        names += (named(window.device, LFDI, "IEEE 2030.5"),)
        address = ElectronicAddress(password=window.secret or None)
    else:
        address = ElectronicAddress(mac=window.device)
    if window.program:
        names += (named(window.program, PROGRAM),)
    code = None if is_lfdi(window.device) else window.secret or None
    minutes = round((window.end - window.start) / 60, 3)
    return EndDeviceControls(
        EndDeviceControl=(
            EndDeviceControl(
                issuerID=issuer,
                issuerTrackingID=window.tracking,
                reason="Open HAN provisioning window" if window.open else "Close HAN provisioning window",
                EndDeviceControlType=TypeRef(ref=WINDOW_OPEN if window.open else WINDOW_CLOSE),
                EndDevices=(
                    ControlledDevice(installCode=code, isPan=True, electronicAddress=address, Names=names),
                    ControlledDevice(isPan=False, Names=(named(window.meter, METER),)),
                ),
                primaryDeviceTiming=EndDeviceTiming(
                    duration=minutes,
                    durationIndefinite=False,
                    interval=Interval(end=moment(window.end), start=moment(window.start)),
                ),
                UsagePoints=(Identified(Names=(Names(name=window.usage_point),)),),
            ),
        )
    )


def from_control(control: EndDeviceControl, *, opens: bool, now: float) -> Window:
    """The window that a control stands for. Raises ``CimError`` with what is missing."""
    home = [device for device in control.EndDevices if device.isPan]
    meters = [device for device in control.EndDevices if not device.isPan]
    if len(home) != 1 or len(meters) != 1:
        raise CimError("1.7", "a control names one home device (isPan) and one meter")
    address = home[0].electronicAddress or ElectronicAddress()
    lfdi = _typed(home[0].Names, LFDI)
    device = lfdi.upper() if lfdi else _mac(address.mac)
    meter = name_of(meters[0].Names, METER)
    if meter is None:
        raise CimError("2.4", "the meter has no name of type MeterNumber")
    start, end = _times(control.primaryDeviceTiming, now) if opens else (now, now)
    points = control.UsagePoints[0].Names if control.UsagePoints else ()
    return Window(
        device=device,
        device_type=_typed(home[0].Names, DEVICE_TYPE) or "",
        meter=meter,
        usage_point=points[0].name if points else "",
        start=start,
        end=end,
        tracking=control.issuerTrackingID or "",
        secret=(address.password if lfdi else home[0].installCode) or "",
        program=_typed(home[0].Names, PROGRAM) or "",
        open=opens,
    )


def _mac(text: str | None) -> str:
    if not text:
        raise CimError("1.7", "the home device has no electronicAddress/mac")
    try:
        return eui64.serialize(eui64.parse(text))
    except eui64.AddressError as error:
        raise CimError("2.29", str(error)) from None


def _times(timing: EndDeviceTiming | None, now: float) -> tuple[float, float]:
    if timing is None:
        raise CimError("1.7", "a window needs a primaryDeviceTiming")
    interval = timing.interval or Interval()
    start = interval.start.timestamp() if interval.start else now
    if interval.end is not None:
        return start, interval.end.timestamp()
    if timing.duration is None:
        raise CimError("1.7", "a window needs an end or a duration in minutes")
    return start, start + timing.duration * 60


def _typed(names: tuple[Names, ...], kind: str) -> str | None:
    return next((one.name for one in names if one.NameType is not None and one.NameType.name == kind), None)


def device_names(device: str) -> Identified:
    """A device by its MAC or LFDI."""
    if is_lfdi(device):
        return Identified(Names=(named(device, LFDI, "IEEE 2030.5"),))
    return Identified(Names=(named(device, MAC, "IEEE EUI-64"),))


def find_device(objects: tuple[Identified, ...]) -> str:
    """The one device that a linkage is about. Raises ``CimError``."""
    for one in objects:
        name = _typed(one.Names, LFDI) or name_of(one.Names, MAC)
        if name:
            return name.upper() if is_lfdi(name) else _mac(name)
    raise CimError("1.7", "the linkage names no EndDevice by its MAC or LFDI")


@dataclass(frozen=True, slots=True)
class Linkage:
    """The content of steps 13 and 14: a device, its state, and what it belongs to."""

    device: str
    state: str
    at: float
    reason: str = ""
    meter: str = ""
    usage_point: str = ""
    premise: str = ""
    agreement: str = ""
    device_type: str = ""


def to_linkage(linkage: Linkage, *, kind: str, by: str, now: float) -> MasterDataLinkageConfig:
    """The payload that says so."""
    device = device_names(linkage.device)
    if linkage.device_type:
        device = Identified(Names=(*device.Names, named(linkage.device_type, DEVICE_TYPE)))

    def objects(name: str, kind: str | None, authority: str | None = None) -> tuple[Identified, ...]:
        if not name:
            return ()
        return (Identified(Names=(named(name, kind, authority) if kind else Names(name=name),)),)

    return MasterDataLinkageConfig(
        ConfigurationEvent=ConfigurationEvent(
            createdDateTime=moment(now),
            effectiveDateTime=moment(linkage.at),
            modifiedBy=by,
            reason="HAN device provisioning",
            type=kind,
            status=Status(dateTime=moment(linkage.at), reason=linkage.reason or None, value=linkage.state),
        ),
        CustomerAgreement=objects(linkage.agreement, ENROLLMENT),
        EndDevice=(device,),
        Meter=objects(linkage.meter, METER),
        ServiceLocation=objects(linkage.premise, PREMISE, "CIS"),
        UsagePoint=objects(linkage.usage_point, None),
    )


def from_linkage(payload: MasterDataLinkageConfig, now: float) -> Linkage:
    """What a payload says. Raises ``CimError`` with what is missing."""
    event = payload.ConfigurationEvent
    if event is None or event.status is None or not event.status.value:
        raise CimError("1.7", "the linkage has no ConfigurationEvent/status/value")
    at = event.status.dateTime or event.effectiveDateTime or event.createdDateTime

    def first(objects: tuple[Identified, ...], kind: str) -> str:
        return next((name for one in objects if (name := name_of(one.Names, kind))), "")

    return Linkage(
        device=find_device(payload.EndDevice),
        state=event.status.value,
        at=at.timestamp() if at else now,
        reason=event.status.reason or "",
        meter=first(payload.Meter, METER),
        usage_point=first(payload.UsagePoint, "UsagePoint"),
        premise=first(payload.ServiceLocation, PREMISE),
        agreement=first(payload.CustomerAgreement, ENROLLMENT),
    )


@dataclass(frozen=True, slots=True)
class Happening:
    """One end-device event: a device, the state the meter reported, and why."""

    device: str
    state: str
    at: float
    reason: str = ""
    tracking: str = ""
    usage_point: str = ""


def to_events(happening: Happening, *, issuer: str, now: float) -> EndDeviceEvents:
    """The payload that tells of it."""
    state = "Mismatched" if happening.reason.startswith("Mismatched") else happening.state
    code, severity = EVENTS[state]
    point = Identified(Names=(Names(name=happening.usage_point),)) if happening.usage_point else None
    return EndDeviceEvents(
        EndDeviceEvent=(
            EndDeviceEvent(
                createdDateTime=moment(happening.at),
                issuerID=issuer,
                issuerTrackingID=happening.tracking or None,
                reason=happening.reason or None,
                severity=severity,
                Assets=device_names(happening.device),
                EndDeviceEventDetails=(EventDetail(name="HANDeviceMAC", value=happening.device),),
                EndDeviceEventType=TypeRef(ref=code),
                UsagePoint=point,
            ),
        )
    )


def from_event(event: EndDeviceEvent) -> Happening:
    """What an event says. Raises ``CimError`` where it is none of provisioning."""
    code = event.EndDeviceEventType.ref
    # Senders that know the kind of device put its type first: 16 and 19 for 12.
    general = code if code.startswith("7.") else f"12.{code.partition('.')[2]}"
    if general not in STATES:
        raise CimError("1.8", f"the event type {code[:32]} is none of provisioning")
    details = {detail.name: detail.value for detail in event.EndDeviceEventDetails}
    device = details.get("HANDeviceMAC") or ""
    if event.Assets is not None and event.Assets.Names:
        device = find_device((event.Assets,))
    if not is_lfdi(device):
        device = _mac(device)
    return Happening(
        device=device,
        state=STATES[general],
        at=event.createdDateTime.timestamp(),
        reason=event.reason or "",
        tracking=event.issuerTrackingID or "",
    )


def subject_of(payload: Payload | None) -> str:
    """The device a payload is about, for a journal; empty where it names none that can be read."""
    with contextlib.suppress(CimError):
        match payload:
            case MasterDataLinkageConfig():
                return find_device(payload.EndDevice)
            case EndDeviceControls() if payload.EndDeviceControl:
                control = payload.EndDeviceControl[0]
                return from_control(control, opens=False, now=0).device
            case EndDeviceEvents() if payload.EndDeviceEvent:
                return from_event(payload.EndDeviceEvent[0]).device
    return ""
