"""A head-end for IEEE 2030.5 devices: the same messages as for Zigbee, the OpenESI server behind it.

What is a pairing window there is a registration here: the device's LFDI and PIN are made known to the
server, and it joins the server's group for the program it is enrolled in, which is its function set
assignment. When the device has been heard the DR application is told with the same
``MasterDataLinkageConfig``; when it has not come by the window's end, it is forgotten again, unless it was
in use before.

So a utility moves from Smart Energy 1.x to 2030.5 behind one interface. The server is reached through its
operator's API alone: letters in the language ``sep2``, which a shell turns into HTTP
(``transport.operator_api``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from openesi.provisioning import linkage
from openesi.provisioning.cim.codes import CimError, Verb, is_window_close, is_window_open
from openesi.provisioning.cim.model import EndDeviceControls, MasterDataLinkageConfig, Message, Reply
from openesi.provisioning.device_types import BY_NAME
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.roles.base import Transient
from openesi.provisioning.roles.cim_role import CimRole
from openesi.provisioning.state import State

NAME: Final = "SEP2-HEADEND"
SERVER: Final = "OPENESI-SERVER"
POLL_S: Final = 15.0  # how often the server is asked whether a registered device was heard
MAX_WINDOW_S: Final = 30 * 86_400.0
PIN_DIGITS: Final = 6


class Ask(StrEnum):
    """What the server is asked for."""

    REGISTER = "register"
    LOOK = "look"
    LEAVE = "leave"  # end the enrolment, keep the device
    FORGET = "forget"


_ENDS: Final = frozenset({Ask.LEAVE, Ask.FORGET})


class Question(msgspec.Struct, frozen=True):
    """A letter to the server. The answer is an ``Answer``."""

    ask: Ask
    lfdi: str
    pin: int = 0
    program: str = ""
    category: int = 0  # bits of DeviceCategoryType; 0: nobody knows


class Answer(msgspec.Struct, frozen=True):
    """What the server said; ``last_seen`` in Unix seconds, None for a device that was never heard."""

    ok: bool
    reason: str = ""
    last_seen: float | None = None


class Registration(msgspec.Struct):
    """A device that may come until ``end``."""

    lfdi: str
    source: str
    correlation: str
    tracking: str
    usage_point: str
    meter: str
    start: float
    end: float
    state: str = "Requested"
    polls: int = 0
    program: str = ""
    in_use: bool = False  # the server had heard it before: it is not ours to forget


class Sep2HeadEnd(CimRole):
    """Takes windows for devices named by an LFDI, whose PIN stands where an install code would."""

    def __init__(self, state: State, *, peers: frozenset[str], name: str = NAME) -> None:
        super().__init__(name, state, peers=peers)

    def registrations(self) -> list[Registration]:
        """All devices asked for."""
        return self.shelf.select_all(Registration)

    # -- what the DR application asks for

    def _create_controls(self, message: Message, letter: Letter, now: float) -> Reply | None:
        if not isinstance(message.payload, EndDeviceControls) or not message.payload.EndDeviceControl:
            raise CimError("1.7", "there is no EndDeviceControl")
        for control in message.payload.EndDeviceControl:
            code = control.EndDeviceControlType.ref
            if is_window_open(code):
                self._open(linkage.from_control(control, opens=True, now=now), letter, now)
            elif is_window_close(code):
                self._end(
                    self._known(linkage.from_control(control, opens=False, now=now).device),
                    "WindowClosed",
                    now,
                )
            else:
                raise CimError("1.8", f"the control type {code[:32]} is none of provisioning")
        return None

    def _open(self, window: linkage.Window, letter: Letter, now: float) -> None:
        if not linkage.is_lfdi(window.device) or not _is_hex(window.device):
            raise CimError("2.29", "a 2030.5 device is named by its LFDI, 40 hexadecimal digits")
        if not (window.secret.isascii() and window.secret.isdigit() and len(window.secret) <= PIN_DIGITS):
            raise CimError("2.29", "the PIN is a number of at most 6 digits", subject=window.device)
        if not window.start < window.end <= window.start + MAX_WINDOW_S:
            raise CimError("7.7", f"a window is at most {MAX_WINDOW_S / 86_400:.0f} days long")
        if window.end <= now:
            raise CimError("4.1", "the window's end has passed")
        registration = Registration(
            window.device,
            letter.source,
            letter.correlation,
            window.tracking,
            window.usage_point,
            window.meter,
            window.start,
            window.end,
            program=window.program,
        )
        self.shelf.insert(window.device, registration)
        due = max(now, window.start)
        kind = BY_NAME.get(window.device_type)
        category = kind.category if kind else 0
        question = Question(
            Ask.REGISTER, window.device, int(window.secret), program=window.program, category=category
        )
        self._question(registration, question, step=2, due=due, now=now)

    def _close_linkage(self, message: Message, letter: Letter, now: float) -> Reply | None:
        if not isinstance(message.payload, MasterDataLinkageConfig):
            raise CimError("1.7")
        self._end(self._known(linkage.from_linkage(message.payload, now).device), "Removed", now)
        return None

    def _known(self, lfdi: str) -> Registration:
        registration = self.shelf.select(Registration, lfdi)
        if registration is None:
            raise CimError("2.29", "no window was requested for this device", subject=lfdi)
        return registration

    # -- what the server says

    def _question(
        self, about: Registration, question: Question, *, step: int, due: float, now: float
    ) -> None:
        self.post(
            SERVER,
            Language.SEP2,
            msgspec.json.encode(question),
            label=f"{question.ask} device",
            now=now,
            step=step,
            correlation=about.correlation,
            subject=about.lfdi,
            due=due,
            give_up=None if question.ask in _ENDS else max(about.end, due) + POLL_S,
        )

    def _on_reply(self, letter: Letter, reply: bytes, now: float) -> None:
        if letter.language is Language.CIM:
            super()._on_reply(letter, reply, now)
            return
        question = msgspec.json.decode(letter.body, type=Question)
        registration = self.shelf.select(Registration, question.lfdi)
        if registration is None or question.ask in _ENDS:
            return
        try:
            answer = msgspec.json.decode(reply, type=Answer)
        except msgspec.DecodeError as error:
            raise Transient(f"the server's answer cannot be read: {error}") from error
        if question.ask is Ask.REGISTER:
            self._registered(registration, answer, now)
        else:
            self._looked(registration, answer, now)

    def _registered(self, registration: Registration, answer: Answer, now: float) -> None:
        if not answer.ok:
            registration.state = "Failed"
            self._tell(registration, "Failed", now, answer.reason)
        else:
            registration.state = "WindowOpen"
            self._tell(registration, "WindowOpen", now)
            self._look(registration, now)
        self.shelf.insert(registration.lfdi, registration)

    def _look(self, registration: Registration, now: float) -> None:
        registration.polls += 1
        due = min(now + POLL_S, max(registration.end, now))
        self._question(registration, Question(Ask.LOOK, registration.lfdi), step=0, due=due, now=now)

    def _looked(self, registration: Registration, answer: Answer, now: float) -> None:
        if registration.state != "WindowOpen":
            return
        if answer.last_seen is not None and answer.last_seen >= registration.start - 1:
            registration.state = linkage.PROVISIONED
            self._report(registration, answer.last_seen, now)
        elif now >= registration.end:
            registration.in_use = answer.last_seen is not None
            self._end(registration, "Expired", now)
        else:
            registration.in_use = answer.last_seen is not None
            self._look(registration, now)
        self.shelf.insert(registration.lfdi, registration)

    def _on_dead(self, letter: Letter, now: float) -> None:
        registration = self.shelf.select(Registration, letter.subject)
        if registration is not None and registration.state in ("Requested", "WindowOpen"):
            self._end(registration, "Expired", now, "the server did not answer")

    # -- what the DR application is told

    def _report(self, registration: Registration, at: float, now: float) -> None:
        """Step 13, the same message as for a Zigbee device."""
        said = linkage.Linkage(
            registration.lfdi,
            linkage.JOINED,
            at,
            reason="heard by the 2030.5 server",
            meter=registration.meter,
            usage_point=registration.usage_point,
        )
        self.ask(
            registration.source,
            Verb.CREATE,
            linkage.to_linkage(said, kind=linkage.PROVISIONING, by=self.name, now=now),
            now=now,
            step=13,
            correlation=registration.correlation,
            subject=registration.lfdi,
        )

    def _end(self, registration: Registration, state: str, now: float, reason: str = "") -> None:
        registration.state = state
        ask = Ask.LEAVE if registration.in_use and state != "Removed" else Ask.FORGET
        question = Question(ask, registration.lfdi, program=registration.program)
        self._question(registration, question, step=0, due=now, now=now)
        self._tell(
            registration, state, now, reason or ("the device was not heard" if state == "Expired" else "")
        )
        self.shelf.insert(registration.lfdi, registration)

    def _tell(self, registration: Registration, state: str, now: float, reason: str = "") -> None:
        happening = linkage.Happening(
            registration.lfdi,
            state,
            now,
            reason=reason,
            tracking=registration.tracking,
            usage_point=registration.usage_point,
        )
        self.ask(
            registration.source,
            Verb.CREATED,
            linkage.to_events(happening, issuer=self.name, now=now),
            now=now,
            correlation=registration.correlation,
            subject=registration.lfdi,
        )

    HANDLERS = {
        (Verb.CREATE, "EndDeviceControls"): _create_controls,
        (Verb.CLOSE, "MasterDataLinkageConfig"): _close_linkage,
    }


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789ABCDEF" for digit in text)
