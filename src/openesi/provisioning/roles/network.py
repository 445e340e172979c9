"""Between head-end and meter: the AMI network, and the network interface card (NIC) in the meter.

Both take commands, keep them, and hand them on until the next one has them (steps 2 to 4, and 10 to 12
upwards).
"""

from __future__ import annotations

from typing import Final

from openesi.errors import PeerError
from openesi.provisioning import ami
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.roles.base import RETRY_FOR_S, Role, Transient
from openesi.provisioning.state import State

NETWORK: Final = "AMI-NETWORK"
HEAD_END: Final = "AMI-HEADEND"


def nic_name(meter: str) -> str:
    """The role name of a meter's NIC."""
    return f"NIC {meter}"


def esi_name(meter: str) -> str:
    """The role name of a meter's ESI."""
    return f"ESI {meter}"


class AmiRole(Role):
    """A role that speaks the network's commands. ``_act`` says what a command means to it."""

    def _handle(self, letter: Letter, now: float) -> tuple[bytes, bool]:
        try:
            command = ami.parse(letter.body)
            if isinstance(command, ami.Ack):
                raise ami.AmiError("an acknowledgment is no command")
            self._act(command, letter, now)
        except PeerError as error:
            self.shelf.note(now, "refused", subject=letter.subject, step=letter.step, detail=str(error))
            return ami.serialize(ami.Ack(ok=False, reason=str(error))), True
        return ami.serialize(ami.Ack()), True

    def _act(self, command: ami.Command, letter: Letter, now: float) -> None:
        raise NotImplementedError

    def _refuse_reuse(self, letter: Letter, now: float) -> bytes:
        return ami.serialize(ami.Ack(ok=False, reason="this id was used for another command"))

    def _on_reply(self, letter: Letter, reply: bytes, now: float) -> None:
        try:
            ack = ami.parse(reply)
        except ami.AmiError as error:
            raise Transient(str(error)) from error
        if isinstance(ack, ami.Ack) and not ack.ok:
            self._tell_failure(letter, ack.reason, now, state="Failed")

    def _on_dead(self, letter: Letter, now: float) -> None:
        self._tell_failure(letter, "the meter was not reached in time", now, state="Expired")

    def send(
        self,
        target: str,
        command: ami.Command,
        *,
        now: float,
        step: int,
        identifier: str = "",
        due: float | None = None,
    ) -> None:
        """Hand a command on; an open window is worth it until its end, the rest for days."""
        give_up = command.end if isinstance(command, ami.OpenWindow) else now + RETRY_FOR_S
        self.post(
            target,
            Language.AMI,
            ami.serialize(command),
            label=_label(command),
            now=now,
            step=step,
            correlation=command.correlation,
            subject=command.mac,
            identifier=identifier,
            due=due,
            give_up=give_up,
        )

    def _tell_failure(self, letter: Letter, reason: str, now: float, *, state: str) -> None:
        """A command downwards ended here: tell the head-end, as the meter would."""
        command = ami.parse(letter.body)
        if isinstance(command, ami.OpenWindow):
            report = ami.HanState(command.meter, command.mac, state, now, command.correlation, reason)
            self._report_up(report, now)

    def _report_up(self, report: ami.HanState, now: float) -> None:
        raise NotImplementedError


class AmiNetwork(AmiRole):
    """Routes commands to NICs and states to the head-end (steps 3 and 12)."""

    def __init__(self, state: State, *, name: str = NETWORK) -> None:
        super().__init__(name, state)

    def _act(self, command: ami.Command, letter: Letter, now: float) -> None:
        if isinstance(command, ami.HanState):
            step = 12 if letter.step == 11 else 0
            self.send(HEAD_END, command, now=now, step=step, identifier=f"{letter.id}>")
        else:
            step = 3 if letter.step == 2 else 0
            self.send(nic_name(command.meter), command, now=now, step=step, identifier=f"{letter.id}>")

    def _report_up(self, report: ami.HanState, now: float) -> None:
        self.send(HEAD_END, report, now=now, step=0)


class Nic(AmiRole):
    """The meter's end of the network (steps 4 and 11)."""

    def __init__(self, meter: str, state: State) -> None:
        super().__init__(nic_name(meter), state)
        self._meter = meter

    def _act(self, command: ami.Command, letter: Letter, now: float) -> None:
        if command.meter != self._meter:
            raise ami.AmiError(f"this is meter {self._meter}, not {command.meter}: was the meter replaced?")
        if isinstance(command, ami.HanState):
            step = 11 if letter.step == 10 else 0
            self.send(NETWORK, command, now=now, step=step, identifier=f"{letter.id}>")
        elif isinstance(command, ami.OpenWindow) and now >= command.end:
            self._tell_failure(letter, "the command arrived after the window's end", now, state="Expired")
        else:
            step = 4 if letter.step == 3 else 0
            self.send(esi_name(self._meter), command, now=now, step=step, identifier=f"{letter.id}>")

    def _report_up(self, report: ami.HanState, now: float) -> None:
        self.send(NETWORK, report, now=now, step=0)


def _label(command: ami.Command) -> str:
    match command:
        case ami.OpenWindow():
            return "han.window.open"
        case ami.CloseWindow():
            return "han.window.close"
        case ami.RemoveDevice():
            return "han.device.remove"
        case ami.HanState():
            return f"han.state {command.state}"
