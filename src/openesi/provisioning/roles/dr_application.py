"""The demand-response application: devices, customers, programs, windows, and where each provisioning stands.

It starts step 1, takes step 13, and sends step 14. ``lifecycle`` has the states.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Final

import msgspec

from openesi.errors import LocalError
from openesi.provisioning import lifecycle, linkage
from openesi.provisioning.cim.codes import CimError, Verb
from openesi.provisioning.cim.model import (
    EndDeviceConfig,
    EndDeviceEvents,
    MasterDataLinkageConfig,
    Message,
    Reply,
    name_of,
)
from openesi.provisioning.device_types import BY_NAME
from openesi.provisioning.letters import Letter
from openesi.provisioning.lifecycle import Event
from openesi.provisioning.lifecycle import State as Stage
from openesi.provisioning.roles.cim_role import CimRole
from openesi.provisioning.roles.network import HEAD_END
from openesi.provisioning.se import eui64
from openesi.provisioning.se.install_code import InstallCode
from openesi.provisioning.state import State

NAME: Final = "DR-APPLICATION"
MIN_WINDOW_S: Final = 60.0
MAX_WINDOW_S: Final = 30 * 86_400.0
# A window's end is told by the meter, through network and head-end. After this we wait for it no longer.
NEWS_S: Final = 900.0
MAX_BATCH: Final = 1000  # devices in one EndDeviceConfig
# How the DR application is told the result of step 1 once the meter has it.
REPLY_ADDRESS: Final = "ReplyEndDeviceControls"


class Program(msgspec.Struct, frozen=True):
    """A rate or demand-response program. A customer on real-time prices takes part in no other."""

    name: str
    real_time_prices: bool = False
    active: bool = True


class Customer(msgspec.Struct, frozen=True):
    """A customer at a premise, the meter there, and the agreements by program."""

    account: str
    premise: str
    meter: str
    usage_point: str
    agreements: dict[str, str] = {}  # program -> agreement


class Device(msgspec.Struct, frozen=True):
    """A home device as imported.

    ``device`` is its MAC or, for IEEE 2030.5, its LFDI; ``secret`` its install code or PIN.
    """

    device: str
    device_type: str
    secret: str
    account: str = ""
    program: str = ""

    def __repr__(self) -> str:
        return f"Device({self.device}, {self.device_type})"


class Provisioning(msgspec.Struct):
    """Where a device stands, and since when. ``at`` is the time of the newest news, by its sender's clock."""

    device: str
    state: Stage = Stage.IMPORTED
    at: float = 0.0
    reason: str = ""
    correlation: str = ""
    tracking: str = ""
    window_end: float = 0.0
    request: str = ""  # MessageID of step 1
    told: dict[str, str] = {}  # subscriber -> what it said to step 14


class Request(msgspec.Struct, frozen=True):
    """Which device a correlation id is about."""

    device: str


class Silence(msgspec.Struct, frozen=True):
    """When a device is held to be expired if nothing is heard of it before."""

    device: str
    at: float

    @property
    def key(self) -> str:
        """The soonest comes first."""
        return f"{self.at:017.3f} {self.device}"


class Subscribers(msgspec.Struct, frozen=True):
    """Who gets step 14."""

    names: tuple[str, ...]


class DrApplication(CimRole):
    """``subscribers`` get step 14, and each has to accept it.

    They are remembered; where none are given it is those of the last time, at first the CIS alone.
    """

    def __init__(
        self,
        state: State,
        *,
        peers: frozenset[str],
        subscribers: tuple[str, ...] = (),
        sep2_head_end: str = "SEP2-HEADEND",
        name: str = NAME,
    ) -> None:
        super().__init__(name, state, peers=peers)
        known = self.shelf.select(Subscribers, "step 14")
        self._subscribers = subscribers or (known.names if known else ("CIS",))
        if subscribers and (known is None or known.names != subscribers):
            with state.transaction():
                self.shelf.insert("step 14", Subscribers(subscribers))
        self._sep2_head_end = sep2_head_end

    # -- what is known beforehand

    def add_program(self, program: Program) -> None:
        """Make a program known."""
        with self.shelf.state.transaction():
            self.shelf.insert(program.name, program)

    def add_customer(self, customer: Customer) -> None:
        """Make a customer known."""
        with self.shelf.state.transaction():
            self.shelf.insert(customer.account, customer)

    def add_device(self, device: Device, now: float) -> Device:
        """Import a device. Its install code is checked now, when somebody can still look at the label.

        Where it names no account or no program, those it is linked to stay.
        """
        if device.device_type not in BY_NAME:
            raise LocalError(f"device type {device.device_type!r} is not known; known: {', '.join(BY_NAME)}")
        if not linkage.is_lfdi(device.device):
            code = InstallCode.parse(device.secret).printed
            device = msgspec.structs.replace(device, device=_mac(device.device), secret=code)
        else:
            device = msgspec.structs.replace(device, device=device.device.upper())
        if (known := self.shelf.select(Device, device.device)) is not None:
            account, program = device.account or known.account, device.program or known.program
            device = msgspec.structs.replace(device, account=account, program=program)
        with self.shelf.state.transaction():
            self.shelf.insert(device.device, device)
            if self.shelf.select(Provisioning, device.device) is None:
                self.shelf.insert(device.device, Provisioning(device.device, at=now))
                self.shelf.note(now, Stage.IMPORTED, subject=device.device, detail=device.device_type)
        return device

    # -- what the operator does

    def open_window(
        self, device: str, now: float, *, duration_s: float = 3600.0, start: float | None = None
    ) -> str:
        """Start step 1 for a device; returns the correlation id of all that follows.

        While a window for the device is requested or open the same request extends it. Raises
        ``LocalError`` where a pre-condition of the use case is not met.
        """
        if not MIN_WINDOW_S <= duration_s <= MAX_WINDOW_S:
            raise LocalError(f"a window is {MIN_WINDOW_S:.0f} s to {MAX_WINDOW_S / 86_400:.0f} days long")
        known, customer = self._preconditions(device)
        provisioning = self._provisioning(known.device)
        extends = provisioning.state in (Stage.REQUESTED, Stage.ACCEPTED, Stage.WINDOW_OPEN)
        if not extends:
            lifecycle.require(provisioning.state, Event.REQUEST)
        begin = now if start is None else start
        with self.shelf.state.transaction():
            if not extends:
                provisioning.correlation, provisioning.told = str(uuid.uuid4()), {}
                provisioning.tracking = f"PROV-{provisioning.correlation[:8]}"
                self._move(provisioning, Event.REQUEST, now, now, step=1)
                self.shelf.insert(provisioning.correlation, Request(known.device))
            self.shelf.delete(Silence, _silence(provisioning).key)
            provisioning.window_end = begin + duration_s
            self.shelf.insert(_silence(provisioning).key, _silence(provisioning))
            window = self._window(known, customer, provisioning, begin)
            provisioning.request = self.ask(
                self._head_end(known.device),
                Verb.CREATE,
                linkage.to_controls(window, self.name),
                now=now,
                step=1,
                correlation=provisioning.correlation,
                subject=known.device,
                reply_address=REPLY_ADDRESS,
                give_up=provisioning.window_end,
            )
            self.shelf.insert(known.device, provisioning)
        return provisioning.correlation

    def cancel_window(self, device: str, now: float) -> None:
        """Close a window that nobody came through."""
        known, customer = self._preconditions(device)
        provisioning = self._provisioning(known.device)
        lifecycle.require(provisioning.state, Event.CANCEL)
        with self.shelf.state.transaction():
            self._move(provisioning, Event.CANCEL, now, now)
            window = replace(self._window(known, customer, provisioning, now), secret="", open=False)
            self.ask(
                self._head_end(known.device),
                Verb.CREATE,
                linkage.to_controls(window, self.name),
                now=now,
                correlation=provisioning.correlation,
                subject=known.device,
            )
            self.shelf.insert(known.device, provisioning)

    def remove(self, device: str, now: float) -> None:
        """Put a device out of the home, and end its enrolment everywhere."""
        known, customer = self._preconditions(device, active=False)
        provisioning = self._provisioning(known.device)
        lifecycle.require(provisioning.state, Event.REMOVE)
        with self.shelf.state.transaction():
            self._move(provisioning, Event.REMOVE, now, now)
            said = self._linkage(known, customer, linkage.REMOVED, now)
            payload = linkage.to_linkage(said, kind=linkage.JOIN, by=self.name, now=now)
            for target in (self._head_end(known.device), *self._subscribers):
                self.ask(
                    target,
                    Verb.CLOSE,
                    payload,
                    now=now,
                    correlation=provisioning.correlation or known.device,
                    subject=known.device,
                )
            self.shelf.insert(known.device, provisioning)

    def retry(self, device: str, now: float) -> None:
        """Send step 14 again to those that did not accept it."""
        known, customer = self._preconditions(device, active=False)
        provisioning = self._provisioning(known.device)
        if provisioning.state not in (Stage.REPORTED, Stage.UNCONFIRMED):
            raise lifecycle.NotNow(f"there is nothing to send again while {provisioning.state}")
        with self.shelf.state.transaction():
            self._tell_subscribers(known, customer, provisioning, now)
            self.shelf.insert(known.device, provisioning)

    def devices(self) -> list[Provisioning]:
        """Where every device stands."""
        return self.shelf.select_all(Provisioning)

    def status(self, device: str) -> Provisioning:
        """Where one device stands; raises ``LocalError`` for one that was never imported."""
        return self._provisioning(device if linkage.is_lfdi(device) else _mac(device))

    # -- the clock

    def next_deadline(self) -> float | None:
        """When a letter is due, or a window has been over for so long that its end should have been told."""
        first = self.shelf.select_first(Silence)
        due = [one for one in (super().next_deadline(), first.at if first else None) if one is not None]
        return min(due, default=None)

    def tick(self, now: float) -> None:
        """Give up what nothing is heard of: a head-end that is gone for good tells no end."""
        while (first := self.shelf.select_first(Silence)) is not None and first.at <= now:
            with self.shelf.state.transaction():
                provisioning = self._provisioning(first.device)
                reason = f"{self._head_end(first.device)} did not tell what became of the window"
                self._move(provisioning, Event.EXPIRE, now, now, reason=reason)
                self.shelf.insert(first.device, provisioning)
                self.shelf.delete(Silence, first.key)

    # -- what others say

    def _receive_linkage(self, message: Message, letter: Letter, now: float) -> Reply | None:
        """Step 13."""
        if not isinstance(message.payload, MasterDataLinkageConfig):
            raise CimError("1.7")
        said = linkage.from_linkage(message.payload, now)
        known = self.shelf.select(Device, said.device)
        if known is None:
            raise CimError("2.4", f"the device {said.device} was never imported", subject=said.device)
        if said.state not in (linkage.PROVISIONED, linkage.JOINED):
            raise CimError("1.8", f"the state {said.state[:32]!r} is none of Provisioned, Joined")
        self._check_teller(said.device, letter)
        provisioning = self._provisioning(known.device)
        customer = self.shelf.select(Customer, known.account)
        if customer is None or (said.meter and said.meter != customer.meter):
            raise CimError(
                "2.29", f"the device is not expected at meter {said.meter[:64]}", subject=said.device
            )
        if self._move(provisioning, Event.REPORT, said.at, now, step=13, reason=said.reason):
            self._tell_subscribers(known, customer, provisioning, now)
        self.shelf.insert(known.device, provisioning)
        return None

    def _receive_events(self, message: Message, letter: Letter, now: float) -> Reply | None:
        if not isinstance(message.payload, EndDeviceEvents):
            raise CimError("1.7")
        for event in message.payload.EndDeviceEvent:
            happening = linkage.from_event(event)
            self._check_teller(happening.device, letter)
            provisioning = self.shelf.select(Provisioning, happening.device)
            if provisioning is None or happening.state not in _EVENTS:
                self.shelf.note(now, happening.state, subject=happening.device, detail=happening.reason)
                continue
            move, step = _EVENTS[happening.state]
            self._move(provisioning, move, happening.at, now, step=step, reason=happening.reason)
            self.shelf.insert(happening.device, provisioning)
        return None

    def _receive_config(self, message: Message, letter: Letter, now: float) -> Reply | None:
        """Devices to be known, from the system that sold or registered them."""
        if not isinstance(message.payload, EndDeviceConfig):
            raise CimError("1.7")
        if len(message.payload.EndDevice) > MAX_BATCH:
            raise CimError("3.1", f"at most {MAX_BATCH} devices in one message")
        for one in message.payload.EndDevice:
            mac = one.electronicAddress.mac if one.electronicAddress else None
            kind = one.type or name_of(one.Names, linkage.DEVICE_TYPE) or ""
            if not mac or not one.installCode:
                raise CimError("1.7", "a device needs electronicAddress/mac and installCode")
            try:
                self.add_device(Device(mac, kind, one.installCode), now)
            except (LocalError, eui64.AddressError) as error:
                raise CimError("2.29", str(error), subject=mac) from None
        return None

    def _on_accepted(self, letter: Letter, reply: Reply, now: float) -> None:
        provisioning = self.shelf.select(Provisioning, letter.subject)
        if provisioning is None:
            return
        if letter.id == provisioning.request:
            self._move(provisioning, Event.ACCEPT, now, now, step=1)
        elif letter.step == 14 and provisioning.state in lifecycle.DONE:
            provisioning.told[letter.target] = "accepted"
            if all(provisioning.told.get(one) == "accepted" for one in self._subscribers):
                self._move(provisioning, Event.CONFIRM, now, now, step=14)
        self.shelf.insert(provisioning.device, provisioning)

    def _on_refused(self, letter: Letter, reply: Reply, now: float) -> None:
        self._not_accepted(letter, Event.REJECT, f"{letter.target}: {reply.code} {reply.reason}", now)

    def _on_dead(self, letter: Letter, now: float) -> None:
        self._not_accepted(letter, Event.EXPIRE, f"{letter.target} did not answer", now)

    def _not_accepted(self, letter: Letter, event: Event, reason: str, now: float) -> None:
        """Step 1 ends with ``event``; step 14 is refused, by whom and why is kept for ``retry``."""
        provisioning = self.shelf.select(Provisioning, letter.subject)
        if provisioning is None:
            return
        if letter.id == provisioning.request:
            self._move(provisioning, event, now, now, step=1, reason=reason)
        elif letter.step == 14:
            provisioning.told[letter.target] = reason
            self._move(provisioning, Event.REFUSE, now, now, step=14, reason=reason)
        self.shelf.insert(provisioning.device, provisioning)

    def _on_late_reply(self, message: Message, letter: Letter, now: float) -> None:
        """The result of step 1: the meter has the window, or will not have it."""
        provisioning = self.shelf.select(Provisioning, letter.subject) if letter.subject else None
        if provisioning is None:
            provisioning = self._by_correlation(message.head.CorrelationID or "")
        if provisioning is None or message.reply is None:
            raise CimError("2.15", "no request with this CorrelationID is known")
        self._check_teller(provisioning.device, letter)
        if message.reply.ok:
            self._move(provisioning, Event.OPEN, now, now, step=4)
        else:
            event = Event.EXPIRE if message.reply.code == "4.1" else Event.FAIL
            self._move(provisioning, event, now, now, step=4, reason=message.reply.reason)
        self.shelf.insert(provisioning.device, provisioning)

    # -- helpers

    def _preconditions(self, device: str, *, active: bool = True) -> tuple[Device, Customer]:
        """What the use case asks for before step 1."""
        identifier = device.upper() if linkage.is_lfdi(device) else _mac(device)
        known = self.shelf.select(Device, identifier)
        if known is None:
            raise LocalError(f"device {identifier} was never imported: `openesi provision import` it first")
        customer = self.shelf.select(Customer, known.account)
        if customer is None:
            raise LocalError(f"device {identifier} is not linked to a customer")
        program = self.shelf.select(Program, known.program)
        if active:
            if program is None or not program.active:
                raise LocalError(f"device {identifier} is not linked to an active program")
            if program.name not in customer.agreements:
                raise LocalError(f"customer {customer.account} is not enrolled in {program.name}")
            enrolled = [self.shelf.select(Program, name) for name in customer.agreements]
            if any(one is not None and one.real_time_prices for one in enrolled):
                raise LocalError(
                    f"customer {customer.account} is on real-time prices, and so not on demand response"
                )
        return known, customer

    def _provisioning(self, device: str) -> Provisioning:
        found = self.shelf.select(Provisioning, device)
        if found is None:
            raise LocalError(f"device {device} was never imported: `openesi provision import` it first")
        return found

    def _by_correlation(self, correlation: str) -> Provisioning | None:
        request = self.shelf.select(Request, correlation)
        return self.shelf.select(Provisioning, request.device) if request else None

    def _head_end(self, device: str) -> str:
        return self._sep2_head_end if linkage.is_lfdi(device) else HEAD_END

    def _check_teller(self, device: str, letter: Letter) -> None:
        """What became of a device is told by the head-end it was asked of, and by no other peer."""
        if letter.source != self._head_end(device):
            raise CimError("7.5", f"{letter.source} does not speak for this device", subject=device)

    def _window(
        self, known: Device, customer: Customer, provisioning: Provisioning, start: float
    ) -> linkage.Window:
        return linkage.Window(
            known.device,
            known.device_type,
            customer.meter,
            customer.usage_point,
            start,
            max(provisioning.window_end, start),
            provisioning.tracking,
            known.secret,
            known.program,
        )

    def _linkage(self, known: Device, customer: Customer, state: str, at: float) -> linkage.Linkage:
        return linkage.Linkage(
            known.device,
            state,
            at,
            meter=customer.meter,
            usage_point=customer.usage_point,
            premise=customer.premise,
            agreement=customer.agreements.get(known.program, ""),
        )

    def _tell_subscribers(
        self, known: Device, customer: Customer, provisioning: Provisioning, now: float
    ) -> None:
        """Step 14."""
        said = self._linkage(known, customer, linkage.JOINED, provisioning.at)
        said = replace(said, meter="", usage_point="")
        payload = linkage.to_linkage(said, kind=linkage.JOIN, by=self.name, now=now)
        for subscriber in self._subscribers:
            if provisioning.told.get(subscriber) != "accepted":
                self.ask(
                    subscriber,
                    Verb.CREATE,
                    payload,
                    now=now,
                    step=14,
                    correlation=provisioning.correlation,
                    subject=known.device,
                )

    def _move(
        self,
        provisioning: Provisioning,
        event: Event,
        at: float,
        now: float,
        *,
        step: int = 0,
        reason: str = "",
    ) -> bool:
        """Walk the table; news older than what is known are written down and change nothing."""
        at = min(at, now)  # a clock that is ahead must not make all later news old
        old = provisioning.state
        new = lifecycle.step(old, event)
        if new is not old and old in lifecycle.RECOVERY and at < provisioning.at:
            new = old
        if new is old:
            how = "was not asked for" if old in lifecycle.STARTABLE else "came late"
            self.shelf.note(now, f"{event} {how}", subject=provisioning.device, step=step, detail=reason)
            return False
        provisioning.state, provisioning.reason = new, reason
        provisioning.at = max(at, provisioning.at)
        if new not in lifecycle.UNDER_WAY:
            self.shelf.delete(Silence, _silence(provisioning).key)
        self.shelf.note(now, new, subject=provisioning.device, step=step, detail=reason)
        return True

    HANDLERS = {
        (Verb.CREATE, "MasterDataLinkageConfig"): _receive_linkage,
        (Verb.CREATED, "MasterDataLinkageConfig"): _receive_linkage,
        (Verb.CREATED, "EndDeviceEvents"): _receive_events,
        (Verb.CREATE, "EndDeviceConfig"): _receive_config,
    }


# A state an event tells of -> (what it does to the provisioning, step of the use case)
_EVENTS: Final = {
    "WindowOpen": (Event.OPEN, 4),
    "WindowClosed": (Event.CANCEL, 0),
    "Joined": (Event.JOIN, 6),
    "KeyEstablished": (Event.KEY, 8),
    "Expired": (Event.EXPIRE, 0),
    "Failed": (Event.FAIL, 0),
    "Mismatched": (Event.FAIL, 7),
    "Removed": (Event.REMOVE, 0),
}


def _silence(provisioning: Provisioning) -> Silence:
    return Silence(provisioning.device, provisioning.window_end + NEWS_S)


def _mac(text: str) -> str:
    return eui64.serialize(eui64.parse(text))
