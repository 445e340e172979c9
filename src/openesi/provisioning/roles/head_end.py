"""The AMI head-end: routes the DR application's windows to meters, and brings states back; steps 2 and 13."""

from __future__ import annotations

from typing import Final

import msgspec

from openesi.provisioning import ami, linkage
from openesi.provisioning.cim import xml
from openesi.provisioning.cim.codes import CimError, Verb, is_window_close, is_window_open
from openesi.provisioning.cim.model import (
    EndDeviceControls,
    Kind,
    MasterDataLinkageConfig,
    Message,
    Reply,
    Result,
    moment,
)
from openesi.provisioning.cim.model import Error as ReplyError
from openesi.provisioning.cim.model import Header as MessageHeader
from openesi.provisioning.device_types import BY_NAME
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.roles.base import RETRY_FOR_S, Transient
from openesi.provisioning.roles.cim_role import CimRole
from openesi.provisioning.roles.network import HEAD_END, NETWORK
from openesi.provisioning.se.install_code import InstallCode, InstallCodeError
from openesi.provisioning.state import State

MAX_WINDOW_S: Final = 30 * 86_400.0  # the longest window commercial head-ends offer
MAX_CONTROLS: Final = 1000  # in one message; each becomes a command into the network

# States that end a request; the first three answer step 1's asynchronous reply.
_ENDS: Final = ("Provisioned", "Failed", "Expired", "WindowClosed", "Removed")


class Meter(msgspec.Struct, frozen=True):
    """A meter in service, its usage point, and the key only it shares with the head-end."""

    number: str
    usage_point: str
    key: bytes
    in_service: bool = True


class Order(msgspec.Struct):
    """A window on its way; under the device's MAC, and there is one per device."""

    mac: str
    meter: str
    usage_point: str
    correlation: str
    tracking: str
    source: str
    start: float
    end: float
    state: str = "Queued"
    at: float = 0.0
    awaits_reply: str = ""  # MessageID of the request, while its result is still to be sent


class HeadEnd(CimRole):
    """Controls the network, and keeps what it reads until it is fetched."""

    def __init__(self, state: State, *, peers: frozenset[str], name: str = HEAD_END) -> None:
        super().__init__(name, state, peers=peers)

    def add_meter(self, meter: Meter) -> None:
        """Register a meter."""
        with self.shelf.state.transaction():
            self.shelf.insert(meter.number, meter)

    def orders(self) -> list[Order]:
        """All requests, by device."""
        return self.shelf.select_all(Order)

    def order(self, mac: str) -> Order | None:
        """The request for one device."""
        return self.shelf.select(Order, mac)

    # -- step 1 arrives, step 2 leaves

    def _create_controls(self, message: Message, letter: Letter, now: float) -> Reply | None:
        if not isinstance(message.payload, EndDeviceControls) or not message.payload.EndDeviceControl:
            raise CimError("1.7", "there is no EndDeviceControl")
        if len(message.payload.EndDeviceControl) > MAX_CONTROLS:
            raise CimError("3.1", f"at most {MAX_CONTROLS} controls in one message")
        for control in message.payload.EndDeviceControl:
            code = control.EndDeviceControlType.ref
            if is_window_open(code):
                self._open(linkage.from_control(control, opens=True, now=now), message, letter, now)
            elif is_window_close(code):
                self._close(linkage.from_control(control, opens=False, now=now), letter, now)
            else:
                raise CimError("1.8", f"the control type {code[:32]} is none of provisioning")
        return (
            Reply(Result=Result.OK, Error=(ReplyError(code="0.3"),)) if message.head.AsyncReplyFlag else None
        )

    def _open(self, window: linkage.Window, message: Message, letter: Letter, now: float) -> None:
        meter = self._check_window(window, now)
        if linkage.is_lfdi(window.device):
            raise CimError(
                "2.29", "a meter lets devices in by their MAC, not their LFDI", subject=window.device
            )
        try:
            key = InstallCode.parse(window.secret).link_key
        except InstallCodeError as error:
            raise CimError("2.29", str(error), subject=window.device) from None
        kind = BY_NAME.get(window.device_type)
        if kind is None:
            raise CimError(
                "2.29", f"device type {window.device_type[:64]!r} is not known", subject=window.device
            )
        if self.overloaded():
            raise CimError("3.2", "the queue to the network is full")
        order = Order(
            window.device,
            window.meter,
            meter.usage_point,
            letter.correlation or message.head.CorrelationID or letter.id,
            window.tracking,
            letter.source,
            window.start,
            window.end,
            at=now,
            awaits_reply=letter.id if message.head.AsyncReplyFlag else "",
        )
        self.shelf.insert(window.device, order)
        command = ami.OpenWindow(
            window.meter,
            window.device,
            kind.zigbee,
            ami.seal(key, meter.key, meter=window.meter, mac=window.device),
            window.start,
            window.end,
            order.correlation,
        )
        self._send(command, due=max(now, window.start), give_up=window.end, step=2, now=now)

    def _check_window(self, window: linkage.Window, now: float) -> Meter:
        meter = self.shelf.select(Meter, window.meter)
        if meter is None or not meter.in_service:
            what = "is not registered" if meter is None else "is out of service"
            raise CimError("2.4", f"meter {window.meter[:64]} {what}", subject=window.meter)
        if window.usage_point and window.usage_point != meter.usage_point:
            raise CimError("2.13", f"meter {meter.number} is not at {window.usage_point[:64]}")
        if window.end <= window.start:
            raise CimError("1.8", "the window ends before it starts")
        if window.end <= now:
            raise CimError("4.1", "the window's end has passed")
        if window.end - window.start > MAX_WINDOW_S:
            raise CimError("7.7", f"a window is at most {MAX_WINDOW_S / 86_400:.0f} days long")
        return meter

    def _close(self, window: linkage.Window, letter: Letter, now: float) -> None:
        order = self.shelf.select(Order, window.device)
        if order is None or order.meter != window.meter:
            raise CimError(
                "2.29", "no window was requested for this device at this meter", subject=window.device
            )
        command = ami.CloseWindow(order.meter, order.mac, order.correlation)
        self._send(command, due=now, give_up=now + RETRY_FOR_S, step=0, now=now)

    def _close_linkage(self, message: Message, letter: Letter, now: float) -> Reply | None:
        """Put a device out of the home network."""
        if not isinstance(message.payload, MasterDataLinkageConfig):
            raise CimError("1.7")
        said = linkage.from_linkage(message.payload, now)
        order = self.shelf.select(Order, said.device)
        if order is None:
            raise CimError("2.29", "the device is not linked to a meter here", subject=said.device)
        command = ami.RemoveDevice(order.meter, order.mac, order.correlation)
        self._send(command, due=now, give_up=now + RETRY_FOR_S, step=0, now=now)
        return None

    def _send(self, command: ami.Command, *, due: float, give_up: float, step: int, now: float) -> None:
        label = {
            ami.OpenWindow: "han.window.open",
            ami.CloseWindow: "han.window.close",
            ami.RemoveDevice: "han.device.remove",
        }[type(command)]
        self.post(
            NETWORK,
            Language.AMI,
            ami.serialize(command),
            label=label,
            now=now,
            step=step,
            correlation=command.correlation,
            subject=command.mac,
            due=due,
            give_up=give_up,
        )

    # -- step 12 arrives, step 13 leaves

    def _handle(self, letter: Letter, now: float) -> tuple[bytes, bool]:
        if letter.language is Language.CIM:
            return super()._handle(letter, now)
        try:
            command = ami.parse(letter.body)
        except ami.AmiError as error:
            return ami.serialize(ami.Ack(ok=False, reason=str(error))), True
        if not isinstance(command, ami.HanState):
            return ami.serialize(ami.Ack(ok=False, reason="the head-end takes states only")), True
        self._take_state(command, letter, now)
        return ami.serialize(ami.Ack()), True

    def _take_state(self, report: ami.HanState, letter: Letter, now: float) -> None:
        # A meter's clock that is ahead must not make all later news old, nor one that is off stop us.
        report = msgspec.structs.replace(report, at=min(max(0.0, report.at), now))
        order = self.shelf.select(Order, report.mac)
        meter = self.shelf.select(Meter, report.meter)
        if order is None or meter is None or (report.correlation and report.correlation != order.correlation):
            self._tell(report, order, "" if order is None else order.source, now)
            return
        # States go by the time at the meter, not by arrival; what is older than what we know is not kept.
        if report.at >= order.at:
            order.state, order.at = report.state, report.at
        if report.state == "Provisioned":
            said = linkage.Linkage(
                report.mac,
                linkage.PROVISIONED,
                report.at,
                reason=report.detail,
                meter=report.meter,
                usage_point=order.usage_point,
            )
            payload = linkage.to_linkage(said, kind=linkage.PROVISIONING, by=f"ESI {report.meter}", now=now)
            step = 13 if letter.step == 12 else 0
            self.ask(
                order.source,
                Verb.CREATE,
                payload,
                now=now,
                step=step,
                correlation=order.correlation,
                subject=report.mac,
                identifier=f"{letter.id}>",
            )
        elif order.awaits_reply and report.state in ("WindowOpen", "Failed", "Expired"):
            self._send_result(order, report, now)
        else:
            self._tell(report, order, order.source, now)
        self.shelf.insert(order.mac, order)

    def _send_result(self, order: Order, report: ami.HanState, now: float) -> None:
        """What became of step 1, as the asynchronous reply it asked for."""
        if report.state == "WindowOpen":
            reply = Reply(Result=Result.OK, Error=(ReplyError(code="0.0"),))
        else:
            code = "4.1" if report.state == "Expired" else "5.3"
            reason = CimError(code, report.detail).reason
            reply = Reply(Result=Result.FAILED, Error=(ReplyError(code=code, reason=reason),))
        header = MessageHeader(
            Verb=Verb.REPLY,
            Noun="EndDeviceControls",
            Timestamp=moment(now),
            Source=self.name,
            MessageID=f"{order.awaits_reply}<",
            CorrelationID=order.correlation,
        )
        body = xml.serialize(Message(kind=Kind.RESPONSE, header=header, reply=reply))
        label = "EndDeviceControlsResponseMessage"
        self.post(
            order.source,
            Language.CIM,
            body,
            label=label,
            now=now,
            correlation=order.correlation,
            subject=order.mac,
            identifier=f"{order.awaits_reply}<",
        )
        order.awaits_reply = ""

    def _tell(self, report: ami.HanState, order: Order | None, target: str, now: float) -> None:
        """Tell the DR application of a state that has no message of its own in the use case."""
        if report.state not in linkage.EVENTS:
            return
        targets = [target] if target else sorted(self._peers)
        reason = report.detail if order else f"unsolicited: {report.detail or report.state}"
        happening = linkage.Happening(
            report.mac,
            report.state,
            report.at,
            reason=reason,
            tracking=order.tracking if order else "",
            usage_point=order.usage_point if order else "",
        )
        correlation = order.correlation if order else report.correlation or report.mac
        for one in targets:
            payload = linkage.to_events(happening, issuer=self.name, now=now)
            self.ask(one, Verb.CREATED, payload, now=now, correlation=correlation, subject=report.mac)

    def _on_reply(self, letter: Letter, reply: bytes, now: float) -> None:
        if letter.language is Language.CIM:
            super()._on_reply(letter, reply, now)
            return
        try:
            ack = ami.parse(reply)
        except ami.AmiError as error:
            raise Transient(str(error)) from error
        if isinstance(ack, ami.Ack) and not ack.ok:
            self._command_failed(letter, ack.reason, "Failed", now)

    def _on_dead(self, letter: Letter, now: float) -> None:
        if letter.language is Language.AMI:
            self._command_failed(letter, "the network did not take the command in time", "Expired", now)

    def _command_failed(self, letter: Letter, reason: str, state: str, now: float) -> None:
        command = ami.parse(letter.body)
        if isinstance(command, ami.OpenWindow):
            report = ami.HanState(command.meter, command.mac, state, now, command.correlation, reason)
            self._take_state(report, letter, now)

    HANDLERS = {
        (Verb.CREATE, "EndDeviceControls"): _create_controls,
        (Verb.CLOSE, "MasterDataLinkageConfig"): _close_linkage,
    }
