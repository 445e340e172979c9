"""What a device does at its server, one duty each: find itself, keep time, learn programs, report, answer.

A duty's ``turn`` talks to the server once and returns in how many seconds it is due again. What one learns
the others find in ``Shared``; ``Shared.wake`` names those that are due at once because of it. Errors are
left to the loop in ``openesi.client.agent``.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from openesi.client.backoff import MOST_EVENT_POLL_S, RandomSource, poll_s
from openesi.client.clock import Sample, ServerClock
from openesi.client.device import DERDevice, Device, PoweredDevice, SheddingDevice
from openesi.client.errors import AnswerError, BadAnswer, NotThere, Refused
from openesi.client.scheduler import Answer
from openesi.client.session import Client, find_end_device
from openesi.errors import OpenESIError
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.editions import IEEE_2023
from openesi.sep2.enums import ResponseStatus, to_bits

log = logging.getLogger(__name__)

TIME_POLL_S = 900.0  # a clock that is set is compared no more often (IEEE 2030.5-2018, clause 9.2.3)
MAX_WAITING = 1_000  # responses that wait for a server to come back; the oldest make room
TIME_RETRY_S = 15.0  # between two attempts to set the clock (the same)
SETTINGS_LOOK_S = 60.0  # between two looks at whether a default control changed the settings
REGISTRATION_POLL_S = 48 * 3600.0  # a device shows itself at least so often (clause 8.5.3)


# Duties that others wake and that live in modules of their own.
MIRRORS, RESPONSES = "mirrors", "responses"
EVENTS = frozenset({"programs", "load controls", "prices", "messages", "flow reservations"})


class WrongPIN(Refused):
    """The server holds another PIN for this device: it is not the server it was registered with."""


@dataclass(slots=True)
class Shared:
    """What the duties of one device share. ``local`` is the local clock, which never goes back.

    ``wake`` names duties that are due at once, ``hasten`` those that are due as soon as is decent. ``reads``
    is what each duty read last of what others may change, ``told`` names the duties that are told of changes.
    ``outbox`` holds the answers that wait, ``doubtful`` those of them that may have arrived all the same.
    ``problems`` is what is not well, by duty or resource. ``remember`` writes down what is not to be lost.
    """

    esi: Client
    device: Device
    local: Callable[[], float]
    random: RandomSource
    clock: ServerClock
    pin: int | None = None
    register: bool = True
    public: bool = False
    connection_point: str | None = None
    capability: sep.DeviceCapability | None = None
    end_device: sep.EndDevice | None = None
    assignments: tuple[sep.FunctionSetAssignments, ...] = ()
    outbox: deque[Answer] = field(default_factory=lambda: deque(maxlen=MAX_WAITING))
    doubtful: set[tuple[bytes, int]] = field(default_factory=set)
    wake: set[str] = field(default_factory=set)
    hasten: set[str] = field(default_factory=set)
    reads: dict[str, dict[str, sep.Sep]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    problems: dict[str, OpenESIError] = field(default_factory=dict)
    responses_sent: int = 0
    log_events: int = 0  # told so far: the next one's number
    alarms: int = 0  # AlarmStatus, as it was last looked at
    load_programs: tuple[sep.DemandResponseProgram, ...] = ()
    remember: Callable[[], None] = lambda: None

    @property
    def now(self) -> int:
        """The server's time, in whole seconds."""
        return int(self.clock.at(self.local()))

    def rest_s(self, duty: str, rate_s: float) -> float:
        """Return how long a duty waits that would wait for ``rate_s``: longer where it is told of changes."""
        return max(rate_s, MOST_EVENT_POLL_S) if duty in self.told else rate_s

    def answer(self, answers: Iterable[Answer]) -> None:
        """Put answers into the outbox, with what the device can say of its load control by now."""
        for one in answers:
            self.outbox.append(replace(one, extras=_applied(self.device, one)))
            self.wake.add(RESPONSES)

    def doubt(self, answer: Answer) -> None:
        """Note that an answer is on its way, so that it is not sent again unseen, come what may."""
        self.doubtful.add(answer.key)
        self.remember()

    def done_with(self, answer: Answer) -> None:
        """Take an answer out of the outbox: it is there, or never will be."""
        self.doubtful.discard(answer.key)
        if answer in self.outbox:
            self.outbox.remove(answer)
        self.remember()


def _applied(device: Device, answer: Answer) -> dict[str, Any]:
    """Return the parts of a DrResponse that tell what a device applied; what it reached only at the end."""
    event = answer.occurrence.event
    if not isinstance(event, sep.EndDeviceControl) or not isinstance(device, SheddingDevice):
        return {}
    if answer.status not in _APPLIES:
        return {}
    applied = device.applied(event)
    found = {one.name: getattr(applied, one.name) for one in fields(applied)}
    if answer.status == ResponseStatus.STARTED:
        del found["AppliedTargetReduction"]
    return found


_APPLIES = (
    ResponseStatus.STARTED, ResponseStatus.COMPLETED, ResponseStatus.PARTIAL_OPT_OUT,
    ResponseStatus.PARTIAL_OPT_IN,
)  # fmt: skip


class Duty(Protocol):
    """One thing that a device does again and again."""

    name: str

    async def turn(self, shared: Shared) -> float:
        """Do it once; return in how many seconds it is due again."""
        ...


class DeviceCapability:
    """The entry point: which function sets there are."""

    name = "capability"

    async def turn(self, shared: Shared) -> float:
        """Read it."""
        found = await shared.esi.device_capability()
        before = shared.capability
        if found is not before:
            shared.capability = found
            shared.wake |= {"usage", EndDevice.name, MIRRORS}
            if before is None or found.TimeLink != before.TimeLink:
                shared.wake.add(Time.name)
        return poll_s(found.pollRate)


class Time:
    """The server's clock: that of the assignments if they link one, for their events follow it."""

    name = "time"

    async def turn(self, shared: Shared) -> float:
        """Compare clocks."""
        links = targets(shared.assignments, "TimeLink")
        if shared.capability is not None and shared.capability.TimeLink is not None:
            links.append(shared.capability.TimeLink.href)
        if not links and shared.end_device is None:
            return MOST_EVENT_POLL_S  # some servers show it to registered devices only; that wakes this duty
        if not links:
            raise NotThere("the server links no Time: its events cannot be obeyed", status=404)
        sent, time = await self._ask(shared, list(dict.fromkeys(links)))
        first = not shared.clock.is_set
        sample = shared.clock.accept(time.currentTime, sent=sent, received=shared.local())
        if sample is Sample.REFUSED:
            raise BadAnswer(f"the server says it is {time.currentTime} s after 1970; its time is not taken")
        if sample is Sample.ADJUSTED:
            log.info("clock set offset=%.1f", shared.clock.offset_s)
        if first:
            shared.wake |= EVENTS
        return max(TIME_POLL_S, poll_s(time.pollRate))

    async def _ask(self, shared: Shared, links: list[str]) -> tuple[float, sep.Time]:
        """Return the first Time that is there, and when it was asked for."""
        for place, href in enumerate(links):
            sent = shared.local()
            try:
                return sent, await shared.esi.fetch(href, sep.Time)
            except NotThere:
                if place + 1 == len(links):
                    raise
        raise AssertionError("there are links")


class EndDevice:
    """This device as the server knows it: found by LFDI, registered in band if it is not there."""

    name = "end device"

    def __init__(self) -> None:
        self._checked: str | None = None
        self._informed: dict[str, sep.Sep] = {}

    async def turn(self, shared: Shared) -> float:
        """Find this device, check the PIN, tell what it is."""
        capability = shared.capability
        if capability is None:
            return 1.0
        if capability.EndDeviceListLink is None:
            raise NotThere("the server links no EndDeviceList for us", status=404)
        href = capability.EndDeviceListLink.href
        # Of 2023 on a server picks it out of thousands; all others pass over the question.
        asked = f"{href}?sFDI={shared.esi.sfdi}" if shared.esi.edition is IEEE_2023 else href
        try:
            listed = await shared.esi.fetch_list(asked, sep.EndDeviceList)
        except NotThere:
            if not shared.register:
                raise
            listed = sep.EndDeviceList(all=0, results=0)  # some have no list for whom they do not know
        found = find_end_device(listed, shared.esi.lfdi)
        if found is None:
            found = await self._register(shared, href)
        if found is not None and found.enabled is False:
            log.warning("the server has disabled this device")
            found = None
        if found is None:
            shared.end_device, shared.assignments = None, ()
            return poll_s(listed.pollRate)
        await self._check_pin(shared, found)
        if found != shared.end_device:
            if shared.end_device is None:
                shared.wake.add(DeviceCapability.name)  # whoever is known may be shown more
            shared.end_device = found
            shared.wake |= WOKEN_BY_END_DEVICE
        await self._inform(shared, found)
        return shared.rest_s(self.name, poll_s(listed.pollRate, most_s=REGISTRATION_POLL_S))

    async def _register(self, shared: Shared, href: str) -> sep.EndDevice | None:
        if not shared.register:
            log.warning("not registered: wait for the server's operator")
            return None
        esi = shared.esi
        device = sep.EndDevice(
            deviceCategory=to_bits(shared.device.category, 4),
            lFDI=esi.lfdi,
            sFDI=esi.sfdi,
            changedTime=shared.now if shared.clock.is_set else 0,
        )
        location = await esi.post(href, device)
        if location is not None:
            with contextlib.suppress(NotThere):
                return await esi.fetch(location, sep.EndDevice)
        return find_end_device(await esi.fetch_list(href, sep.EndDeviceList), esi.lfdi)

    async def _check_pin(self, shared: Shared, device: sep.EndDevice) -> None:
        """Compare the PIN once for each registration. Raises WrongPIN."""
        link = device.RegistrationLink
        if link is None or shared.pin is None or link.href == self._checked:
            return
        registration = await shared.esi.fetch(link, sep.Registration)
        if registration.pIN != shared.pin:
            raise WrongPIN(
                f"the server holds PIN {identity.format_pin(registration.pIN)} for this device, not ours: "
                "it is another server than the one it was registered with"
            )
        self._checked = link.href

    async def _inform(self, shared: Shared, device: sep.EndDevice) -> None:
        information = shared.device.information(shared.esi.lfdi)
        await put_changed(shared, device.DeviceInformationLink, information, self._informed)
        if shared.connection_point is not None:  # CSIP-AUS
            point = sep.ConnectionPoint(connectionPointId=shared.connection_point)
            await put_changed(shared, device.ConnectionPointLink, point, self._informed)


class Assignments:
    """Which instances of function sets this device is to use.

    Where a server assigns none, ``Shared.public`` takes what it offers to everybody.
    """

    name = "assignments"

    async def turn(self, shared: Shared) -> float:
        """Read them."""
        device = shared.end_device
        if device is None:
            return MOST_EVENT_POLL_S
        listed = sep.FunctionSetAssignmentsList(all=0, results=0)
        if device.FunctionSetAssignmentsListLink is not None:
            listed = await shared.esi.fetch_list(
                device.FunctionSetAssignmentsListLink, sep.FunctionSetAssignmentsList
            )
        before, after = shared.assignments, listed.FunctionSetAssignments
        if not after and shared.public and shared.capability is not None:
            after = (_offered(shared.capability),)
        shared.assignments = after
        for link, duty in WOKEN_BY.items():
            if targets(before, link) != targets(after, link):
                shared.wake.add(duty)
        return shared.rest_s(self.name, poll_s(listed.pollRate))


WOKEN_BY_END_DEVICE = frozenset({
    Assignments.name, "reports", "power status", "flow reservations", "alarms", "load shedding",
})  # fmt: skip
"""Which duties are due when the server shows this device otherwise."""

WOKEN_BY = {
    "TimeLink": Time.name,
    "DERProgramListLink": "programs",
    "DemandResponseProgramListLink": "load controls",
    "TariffProfileListLink": "prices",
    "MessagingProgramListLink": "messages",
    "UsagePointListLink": "usage",
}
"""Which duty is due when the assignments link something else."""


def _offered(capability: sep.DeviceCapability) -> sep.FunctionSetAssignments:
    """Return what a server offers to everybody, as if it had assigned it."""
    links = {link: getattr(capability, link) for link in WOKEN_BY}
    return sep.FunctionSetAssignments(mRID=bytes(16), **links)


def targets(assignments: Iterable[sep.FunctionSetAssignments], link: str) -> list[str]:
    """Return where the links of this name lead to, in the order of the assignments."""
    links = (getattr(one, link) for one in assignments)
    return [one.href for one in links if one is not None]


class Reports:
    """What a DER tells of itself: nameplate and settings when they change, status and reserve regularly."""

    name = "reports"

    def __init__(self, device: DERDevice) -> None:
        self._device = device
        self._sent: dict[str, sep.Sep] = {}
        self._owner: str | None = None
        self._der: sep.DER | None = None
        self._told: tuple[object, ...] = ()
        self._settings: sep.DERSettings | None = None
        self._looked = float("-inf")

    async def turn(self, shared: Shared) -> float:
        """Put what changed, and the status."""
        own = shared.end_device
        if own is None or own.DERListLink is None:
            return MOST_EVENT_POLL_S
        listed = await shared.esi.fetch_list(own.DERListLink, sep.DERList)
        if not listed.DER:
            return poll_s(listed.pollRate)
        resource = listed.DER[0]
        if own.href != self._owner:
            self._owner, self._sent = own.href, {}
        device, now = self._device, shared.now
        status, self._settings = device.status(now), device.settings()
        await put_changed(shared, resource.DERCapabilityLink, device.capability(), self._sent)
        await put_changed(shared, resource.DERSettingsLink, self._settings, self._sent)
        await put_changed(shared, resource.DERStatusLink, status, {})
        await put_changed(shared, resource.DERAvailabilityLink, device.availability(now), {})
        self._told = _state(status)
        return poll_s(listed.pollRate)

    def see(self, status: sep.DERStatus, shared: Shared) -> None:
        """See whether the device is in another state than was told, or set up otherwise."""
        if not self._told:
            return
        changed = _state(status) != self._told
        if shared.local() - self._looked >= SETTINGS_LOOK_S:
            self._looked = shared.local()
            changed = changed or self._device.settings() != self._settings
        if changed:
            self._told = ()
            shared.wake.add(self.name)


async def put_changed(
    shared: Shared, link: sep.Link | None, document: sep.Sep | None, sent: dict[str, sep.Sep]
) -> None:
    """Put a document that is another than the one ``sent`` there.

    What is refused is noted, and left at that: the same would be refused again, and it is not to hold up
    what else there is to tell.
    """
    if link is None or document is None or sent.get(link.href) == document:
        return
    what = f"PUT {link.href}"
    try:
        await shared.esi.put(link.href, document)
    except AnswerError as error:
        if error.is_temporary:
            raise
        log.warning("report refused reason=%s", error)
        shared.problems[what] = error
    else:
        shared.problems.pop(what, None)
    sent[link.href] = document


def _state(status: sep.DERStatus) -> tuple[object, ...]:
    """Return what of a status is worth telling at once: not its times, nor the charge of a battery."""
    parts: list[Any] = [
        status.genConnectStatus, status.inverterStatus, status.operationalModeStatus,
        status.storConnectStatus, status.localControlModeStatus,
    ]  # fmt: skip
    return (status.alarmStatus, *(part.value if part is not None else None for part in parts))


class PowerStatuses:
    """Where a device's power comes from; a vehicle tells there what it needs."""

    name = "power status"

    def __init__(self, device: PoweredDevice) -> None:
        self._device = device

    async def turn(self, shared: Shared) -> float:
        """Put it."""
        own = shared.end_device
        if own is None or own.PowerStatusLink is None:
            return MOST_EVENT_POLL_S
        status = self._device.power_status(shared.now)
        await shared.esi.put(own.PowerStatusLink.href, status)
        return poll_s(shared.capability.pollRate if shared.capability else None)
