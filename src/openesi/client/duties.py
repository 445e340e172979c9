"""What a device does at its server, one duty each: find itself, keep time, learn programs, report, answer.

A duty's ``turn`` talks to the server once and returns in how many seconds it is due again. What one learns
the others find in ``Shared``; ``Shared.wake`` names those that are due at once because of it. Errors are
left to the loop in ``openesi.client.agent``.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from openesi.client.backoff import MOST_EVENT_POLL_S, RandomSource, poll_s
from openesi.client.clock import Sample, ServerClock
from openesi.client.device import DERDevice, Device, Meter, MeteredDevice, PoweredDevice, Quantity
from openesi.client.errors import AnswerError, BadAnswer, NotThere, Refused
from openesi.client.scheduler import Answer
from openesi.client.session import Client, find_end_device
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import QualityFlag, to_bits

log = logging.getLogger(__name__)

TIME_POLL_S = 900.0  # a clock that is set is compared no more often (IEEE 2030.5-2018, clause 9.2.3)
MAX_WAITING = 1_000  # responses that wait for a server to come back; the oldest make room
POST_RATE_S = 300  # CSIP: where the server gives no postRate
REGISTRATION_POLL_S = 48 * 3600.0  # a device shows itself at least so often (clause 8.5.3)


class WrongPIN(Refused):
    """The server holds another PIN for this device: it is not the server it was registered with."""


@dataclass(slots=True)
class Shared:
    """What the duties of one device share. ``local`` is the local clock, which never goes back."""

    esi: Client
    device: Device
    local: Callable[[], float]
    random: RandomSource
    clock: ServerClock
    pin: int | None = None
    register: bool = True
    capability: sep.DeviceCapability | None = None
    end_device: sep.EndDevice | None = None
    assignments: tuple[sep.FunctionSetAssignments, ...] = ()
    outbox: deque[Answer] = field(default_factory=lambda: deque(maxlen=MAX_WAITING))
    wake: set[str] = field(default_factory=set)
    responses_sent: int = 0

    @property
    def now(self) -> int:
        """The server's time, in whole seconds."""
        return int(self.clock.at(self.local()))

    def answer(self, answers: Iterable[Answer]) -> None:
        """Put answers into the outbox."""
        for one in answers:
            self.outbox.append(one)
            self.wake.add(Responses.name)


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
        if found is not shared.capability:
            shared.capability = found
            shared.wake |= {EndDevice.name, Mirrors.name}
        return poll_s(found.pollRate)


class Time:
    """The server's clock: that of the assignments if they link one, for their events follow it."""

    name = "time"

    async def turn(self, shared: Shared) -> float:
        """Compare clocks."""
        links = targets(shared.assignments, "TimeLink")
        if shared.capability is not None and shared.capability.TimeLink is not None:
            links.append(shared.capability.TimeLink.href)
        if not links:
            raise NotThere("the server links no Time: its events cannot be obeyed", status=404)
        sent = shared.local()
        time = await shared.esi.fetch(links[0], sep.Time)
        sample = shared.clock.accept(time.currentTime, sent=sent, received=shared.local())
        if sample is Sample.REFUSED:
            raise BadAnswer(f"the server says it is {time.currentTime} s after 1970; its time is not taken")
        if sample is Sample.ADJUSTED:
            log.info("clock set offset=%.1f", shared.clock.offset_s)
        return max(TIME_POLL_S, poll_s(time.pollRate))


class EndDevice:
    """This device as the server knows it: found by LFDI, registered in band if it is not there."""

    name = "end device"

    def __init__(self) -> None:
        self._checked: str | None = None
        self._informed: sep.DeviceInformation | None = None

    async def turn(self, shared: Shared) -> float:
        """Find this device, check the PIN, tell what it is."""
        capability = shared.capability
        if capability is None:
            return 1.0
        if capability.EndDeviceListLink is None:
            raise NotThere("the server links no EndDeviceList for us", status=404)
        listed = await shared.esi.fetch_list(capability.EndDeviceListLink, sep.EndDeviceList)
        found = find_end_device(listed, shared.esi.lfdi)
        if found is None:
            found = await self._register(shared, capability.EndDeviceListLink.href)
        if found is not None and found.enabled is False:
            log.warning("the server has disabled this device")
            found = None
        if found is None:
            shared.end_device, shared.assignments = None, ()
            return poll_s(listed.pollRate)
        await self._check_pin(shared, found)
        if found != shared.end_device:
            shared.end_device = found
            shared.wake |= {Assignments.name, Reports.name, PowerStatuses.name, "flow reservations"}
        await self._inform(shared, found)
        return poll_s(listed.pollRate, most_s=REGISTRATION_POLL_S)

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
        shared.wake.add(DeviceCapability.name)  # whoever is known may be shown more
        if location is not None:
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
        link = device.DeviceInformationLink
        information = shared.device.information(shared.esi.lfdi)
        if link is not None and information != self._informed:
            await shared.esi.put(link.href, information)
            self._informed = information


class Assignments:
    """Which instances of function sets this device is to use."""

    name = "assignments"

    async def turn(self, shared: Shared) -> float:
        """Read them."""
        device = shared.end_device
        if device is None or device.FunctionSetAssignmentsListLink is None:
            return MOST_EVENT_POLL_S
        listed = await shared.esi.fetch_list(
            device.FunctionSetAssignmentsListLink, sep.FunctionSetAssignmentsList
        )
        before, after = shared.assignments, listed.FunctionSetAssignments
        shared.assignments = after
        for link, duty in WOKEN_BY.items():
            if targets(before, link) != targets(after, link):
                shared.wake.add(duty)
        return poll_s(listed.pollRate)


WOKEN_BY = {
    "TimeLink": Time.name,
    "DERProgramListLink": "programs",
    "DemandResponseProgramListLink": "load controls",
    "TariffProfileListLink": "prices",
    "MessagingProgramListLink": "messages",
}
"""Which duty is due when the assignments link something else."""


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
        device, now, esi = self._device, shared.now, shared.esi
        await self._put_changed(esi, resource.DERCapabilityLink, device.capability())
        await self._put_changed(esi, resource.DERSettingsLink, device.settings())
        status = device.status(now)
        if resource.DERStatusLink is not None:
            await esi.put(resource.DERStatusLink.href, status)
        availability = device.availability(now)
        if resource.DERAvailabilityLink is not None and availability is not None:
            await esi.put(resource.DERAvailabilityLink.href, availability)
        self._told = _state(status)
        return poll_s(listed.pollRate)

    def tick(self, shared: Shared) -> None:
        """See whether the device is in another state than was told."""
        if self._told and _state(self._device.status(shared.now)) != self._told:
            self._told = ()
            shared.wake.add(self.name)

    async def _put_changed(self, esi: Client, link: sep.Link | None, document: sep.Sep) -> None:
        if link is not None and self._sent.get(link.href) != document:
            await esi.put(link.href, document)
            self._sent[link.href] = document


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


class Mirrors:
    """Readings of the device's meters, posted to mirrors at the server (clause 10.11)."""

    name = "mirrors"

    def __init__(self, device: MeteredDevice) -> None:
        self._device = device
        self._hrefs: dict[str, str] = {}
        self._rate_s = float(POST_RATE_S)

    async def turn(self, shared: Shared) -> float:
        """Make the mirrors that are not there, and post to each."""
        capability = shared.capability
        if capability is None or capability.MirrorUsagePointListLink is None or shared.end_device is None:
            return MOST_EVENT_POLL_S  # whatever changes that wakes this duty
        for meter in self._device.meters:
            if meter.name not in self._hrefs:
                await self._create(shared, capability.MirrorUsagePointListLink.href, meter)
            await self._post(shared, meter)
        return self._rate_s

    async def _create(self, shared: Shared, href: str, meter: Meter) -> None:
        lfdi = shared.esi.lfdi
        mirror = sep.MirrorUsagePoint(
            mRID=identity.derive_mrid(0, lfdi, meter.name),
            description=meter.name,
            roleFlags=to_bits(meter.role, 2),
            serviceCategoryKind=0,
            status=1,
            deviceLFDI=lfdi,
            MirrorMeterReading=tuple(
                sep.MirrorMeterReading(
                    mRID=_reading_mrid(lfdi, meter, one), description=one.name, ReadingType=one.reading_type()
                )
                for one in meter.quantities
            ),
        )
        location = await shared.esi.post(href, mirror)
        if location is None:
            raise BadAnswer("the server made a mirror and does not say where")
        self._hrefs[meter.name] = location
        try:
            made = await shared.esi.fetch(location, sep.MirrorUsagePoint)
        except AnswerError:
            made = mirror  # reading a mirror back is optional for servers
        self._rate_s = poll_s(made.postRate or POST_RATE_S)

    async def _post(self, shared: Shared, meter: Meter) -> None:
        readings = self._device.readings(meter.name)
        now, lfdi = shared.now, shared.esi.lfdi
        posted = tuple(
            sep.MirrorMeterReading(
                mRID=_reading_mrid(lfdi, meter, one),
                Reading=sep.Reading(
                    qualityFlags=to_bits(QualityFlag.VALID, 2),
                    timePeriod=sep.DateTimeInterval(duration=0, start=now),
                    value=round(readings[one.name] / 10**one.power_of_ten),
                ),
            )
            for one in meter.quantities
            if one.name in readings
        )
        if not posted:
            return
        document = sep.MirrorMeterReadingList(all=len(posted), results=len(posted), MirrorMeterReading=posted)
        try:
            await shared.esi.post(self._hrefs[meter.name], document)
        except NotThere:
            del self._hrefs[meter.name]  # the server let it expire: it is made again
            raise


def _reading_mrid(lfdi: bytes, meter: Meter, quantity: Quantity) -> bytes:
    return identity.derive_mrid(0, lfdi, meter.name, quantity.name)


class Responses:
    """Answers to events, in the order they came to pass, each until the server has it."""

    name = "responses"

    async def turn(self, shared: Shared) -> float:
        """Post what waits. An answer that the server refuses is not sent again."""
        while shared.outbox:
            answer = shared.outbox[0]
            event = answer.occurrence.event
            if event.replyTo is None:
                log.warning("answers wanted and no replyTo mrid=%s", answer.occurrence.mrid.hex())
            else:
                try:
                    await shared.esi.post(event.replyTo, response_to(answer, shared.esi.lfdi))
                    shared.responses_sent += 1
                except AnswerError as error:
                    if error.is_temporary:
                        raise
                    log.warning("response refused mrid=%s reason=%s", answer.occurrence.mrid.hex(), error)
            shared.outbox.popleft()
        return MOST_EVENT_POLL_S


_RESPONSES: dict[str, type[sep.Response]] = {
    "DERControl": sep.DERControlResponse,
    "EndDeviceControl": sep.DrResponse,
    "TimeTariffInterval": sep.PriceResponse,
    "TextMessage": sep.TextResponse,
    "FlowReservationResponse": sep.FlowReservationResponseResponse,
}


def response_to(answer: Answer, lfdi: bytes) -> sep.Response:
    """Return the document that says so for the device of this LFDI."""
    kind = _RESPONSES[type(answer.occurrence.event).__name__]
    return kind(
        createdDateTime=answer.at,
        endDeviceLFDI=lfdi,
        status=answer.status,
        subject=answer.occurrence.mrid,
    )
