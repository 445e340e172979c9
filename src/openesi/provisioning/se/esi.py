"""The energy services interface in the meter: trust centre, and server of the clusters; without I/O.

For each device that the utility lets in there is an ``Entry``; its ``stage`` goes

    OPEN -> SEEN -> JOINED -> COMMISSIONED -> PROVISIONED -> ACTIVE

and ends in EXPIRED or FAILED when the window closes too early or the device is not the one announced. What
happened is told in ``Report``s, which the caller takes from ``reports``. Everything that has to survive
is in ``memory``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from openesi.provisioning.se import aps, clusters, eui64, nwk, zcl, zdo
from openesi.provisioning.se import octets as wire
from openesi.provisioning.se.clusters import Cluster, DeviceId
from openesi.provisioning.se.coordinator import Coordinator, SimulatedCoordinator
from openesi.provisioning.se.handshake import NAMES, Handshake, Trust
from openesi.provisioning.se.handshake import State as KeyState
from openesi.provisioning.se.memory import ENDED, WAITING, Entry, Memory, Stage
from openesi.provisioning.se.radio import Frame
from openesi.provisioning.se.security import FrameError
from openesi.provisioning.se.stack import Address
from openesi.sep2.daylight import saving_at, saving_period, standard_offset

ENDPOINT: Final = 1
MAX_BUFFER_BYTES: Final = 128
MAX_DEVICES: Final = 10  # what enhanced meters hold; a key table in a meter's flash is small
MAX_STRANGERS: Final = 32  # MACs remembered as refused; a roaming attacker could show thousands
PERMIT_S: Final = 254  # the longest time one permit-join may say
INTERVIEW_S: Final = 30.0
INTERVIEW_TRIES: Final = 4
KEYLESS_JOINS: Final = 3  # associations that end without a sign of the network key: the install code is wrong
KEYLESS_S: Final = 15.0
FINISH_S: Final = 300.0  # a join that runs when the window closes is let finish, for so long
READ_GRACE_S: Final = 30.0  # after the key is established, the report waits this long for step 9

SERVED: Final = (
    Cluster.BASIC,
    Cluster.KEY_ESTABLISHMENT,
    Cluster.PRICE,
    Cluster.DRLC,
    Cluster.MESSAGING,
    Cluster.TIME,
    Cluster.METERING,
)
DESCRIPTOR: Final = zdo.SimpleDescriptor(
    ENDPOINT, clusters.PROFILE, DeviceId.ENERGY_SERVICES_INTERFACE, SERVED, (Cluster.KEY_ESTABLISHMENT,)
)


# Reports for the meter's own journal: the utility has no use for them.
INNER: Final = frozenset({"Seen", "Commissioned"})


@dataclass(frozen=True, slots=True)
class Report:
    """Something happened to a device. ``state`` is a word of the ``han.state`` message, or of ``INNER``."""

    device: bytes
    state: str
    detail: str
    at: float
    short: int = 0


@dataclass(frozen=True, slots=True)
class Services:
    """What the utility has for devices at the moment; None where there is nothing."""

    message: wire.Values | None = None
    price: wire.Values | None = None
    event: wire.Values | None = None
    summation_wh: int = 0
    demand_w: int = 0
    zone: ZoneInfo | None = None  # of the meter's place; None: devices are told UTC alone


class Esi:
    """The meter's end of the air. Without a ``coordinator`` of its own it sits on a simulated one."""

    def __init__(
        self,
        trust: Trust,
        memory: Memory,
        *,
        services: Services | None = None,
        coordinator: Coordinator | None = None,
    ) -> None:
        self.eui64 = trust.identity.certificate.subject
        self.memory = memory
        self.services = services or Services()
        self.reports: list[Report] = []
        self._trust = trust
        self._simulated = SimulatedCoordinator(self.eui64, memory)
        self._coordinator: Coordinator = coordinator or self._simulated
        self._handshakes: dict[bytes, Handshake] = {}
        self._strangers: set[bytes] = set()
        self._permit_until = 0.0
        self._tsn = 0
        for mac, entry in memory.entries.items():
            if entry.link_key is not None:
                self._coordinator.trust(eui64.parse(mac), (entry.link_key, entry.preconfigured_key))
            else:
                self._coordinator.trust(eui64.parse(mac), (entry.preconfigured_key,))

    # -- what the meter is told --------------------------------------------------------------------

    def open_window(
        self, device: bytes, link_key: bytes, *, device_type: int, until: float, now: float
    ) -> None:
        """Let one device in until ``until``. A device that is in already starts anew, with this key."""
        mac = eui64.serialize(device)
        entries = self.memory.entries
        if mac not in entries and len(entries) >= MAX_DEVICES:
            self._drop_ended()
        if mac not in entries and len(entries) >= MAX_DEVICES:
            self._report(device, "Failed", f"the meter's key table is full ({MAX_DEVICES} devices)", now)
            return
        old = entries.get(mac)
        if old is not None and old.stage in WAITING and old.preconfigured_key == link_key:
            old.window_end = max(old.window_end, until)  # the same request again extends the window
        else:
            entries[mac] = Entry(link_key, device_type, until, old.short if old else self._next_short())
            self._coordinator.forget(device)
            self._handshakes.pop(device, None)
        self._strangers.discard(device)
        self._permit_until = max(self._permit_until, min(until, now + PERMIT_S))
        self._coordinator.admit(device, link_key, self._permit_until - now)
        self._report(device, "WindowOpen", "", now)

    def close_window(self, device: bytes, now: float) -> None:
        """Let a device in no longer; one that is in stays in."""
        entry = self.memory.entries.get(eui64.serialize(device))
        if entry is not None and entry.stage in WAITING:
            self._forget(device)
        self._shut_if_nobody_waits(now)
        self._report(device, "WindowClosed", "", now)

    def remove(self, device: bytes, now: float) -> list[Frame]:
        """Put a device out of the network and forget its keys."""
        frames = self._expel(device) if eui64.serialize(device) in self.memory.entries else []
        self._forget(device)
        self._shut_if_nobody_waits(now)
        self._report(device, "Removed", "", now)
        return frames

    # -- the clock ---------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When ``tick`` has to be called next."""
        times = [time for entry in self.memory.entries.values() for time in _deadlines(entry)]
        if any(
            _unfinished(entry) and self._permit_until < entry.window_end
            for entry in self.memory.entries.values()
        ):
            times.append(self._permit_until)
        return min(times, default=None)

    def tick(self, now: float) -> list[Frame]:
        """Renew permit-join, ask again, close windows that have ended."""
        frames: list[Frame] = []
        if now >= self._permit_until:
            self._renew_permit(now)
        for mac, entry in list(self.memory.entries.items()):
            device = eui64.parse(mac)
            if entry.stage in WAITING and now >= entry.window_end:
                self._expire(device, entry, now)
            elif entry.stage is Stage.SEEN and now >= _verdict_at(entry):
                entry.stage = Stage.FAILED
                detail = f"{entry.joins} times the device could not read the network key: wrong install code?"
                self._report(device, "Failed", detail, now)
            elif _unfinished(entry) and now >= entry.window_end + FINISH_S:
                frames += self._fail(
                    device, entry, "the device joined, but did not get through to its key", now
                )
            elif entry.interview_at is not None and now >= entry.interview_at:
                frames += self._interview(device, entry, now)
            elif _grace_end(entry) is not None and now >= (_grace_end(entry) or now):
                self._report_provisioned(device, entry, now)
        self._shut_if_nobody_waits(now)
        return frames

    def _shut_if_nobody_waits(self, now: float) -> None:
        if self.permits_joining(now) and not any(map(_unfinished, self.memory.entries.values())):
            self._permit_until = now
            self._coordinator.shut()

    def _renew_permit(self, now: float) -> None:
        open_ones = {mac: entry for mac, entry in self.memory.entries.items() if _unfinished(entry)}
        ends = [entry.window_end for entry in open_ones.values()]
        self._permit_until = max(self._permit_until, min(max(ends, default=0.0), now + PERMIT_S))
        for mac, entry in open_ones.items():
            if entry.stage in WAITING and now < self._permit_until:
                device = eui64.parse(mac)
                self._coordinator.admit(device, entry.preconfigured_key, self._permit_until - now)

    def _expire(self, device: bytes, entry: Entry, now: float) -> None:
        seen = entry.stage is Stage.SEEN
        reason = "the device asked to join but never held the network key: is the install code right?"
        entry.stage = Stage.EXPIRED
        self._report(device, "Expired", reason if seen else "the device was not heard", now)

    # -- steps 5 and 6: the network ----------------------------------------------------------------

    def receive(self, frame: Frame, now: float) -> list[Frame]:
        """Take a frame of the simulated air."""
        return self._simulated.receive(frame, self, now)

    def permits_joining(self, now: float) -> bool:
        """Whether anybody is let in now."""
        return now < self._permit_until

    def asks_to_join(self, device: bytes, now: float, *, short: int | None = None) -> bool:
        """Step 5: whether a device may have the network key; ``short`` if the radio gave it an address."""
        entry = self.memory.entries.get(eui64.serialize(device))
        if entry is None:
            self._refuse(device, now)
        if entry is not None and short is not None:
            entry.short = short
            if entry.stage not in {*WAITING, *ENDED}:
                return True  # the radio does not say if it lost the network or only moved; its key decides
        if entry is None or entry.stage in ENDED or not self.permits_joining(now):
            return False
        if entry.stage not in WAITING:
            self._readmit(device, entry)
            return True
        if entry.stage is Stage.OPEN:
            self._report(device, "Seen", "the device asks to join", now)
        entry.stage = Stage.SEEN
        entry.joins, entry.joined_at = entry.joins + 1, now
        return True

    def _readmit(self, device: bytes, entry: Entry) -> None:
        """A device that is in has lost the network: it joins again, from its label's key."""
        self._coordinator.forget(device)
        self._coordinator.trust(device, (entry.preconfigured_key,))
        self._handshakes.pop(device, None)
        entry.link_key, entry.established_at, entry.asked = None, None, []

    def _refuse(self, device: bytes, now: float) -> None:
        if device in self._strangers or len(self._strangers) >= MAX_STRANGERS:
            return
        self._strangers.add(device)
        self._report(device, "NotAuthorized", "no window is open for this device", now)

    def take(self, device: bytes, data: aps.ApsData, now: float, *, key: bytes | None) -> list[Frame]:
        """Take a message of a device in the network; ``key`` is the link key it was secured with, if any."""
        try:
            return self._take(device, data, key, now)
        except FrameError:
            return []

    def _take(self, device: bytes, data: aps.ApsData, key: bytes | None, now: float) -> list[Frame]:
        entry = self.memory.entries.get(eui64.serialize(device))
        if entry is None or entry.stage in ENDED:
            return []
        frames: list[Frame] = []
        if entry.stage in WAITING:  # whatever it says: it holds the network key
            entry.stage = Stage.JOINED
            self._report(device, "Joined", "", now)
            frames = self._interview(device, entry, now)
        if key is not None and key == entry.link_key:
            self._coordinator.trust(device, (key,))  # the new key is in use: the old one is void
        if data.profile == zdo.PROFILE:
            return frames + self._take_object(device, entry, data, now)
        if data.cluster == Cluster.KEY_ESTABLISHMENT:
            return frames + self._take_key(device, entry, data, now)
        return frames + self._take_cluster(device, entry, data, now)

    # -- step 7: descriptors and binding -----------------------------------------------------------

    def _interview(self, device: bytes, entry: Entry, now: float) -> list[Frame]:
        if entry.described:
            entry.interview_at = None
            return []
        entry.interviews += 1
        if entry.interviews > INTERVIEW_TRIES:
            return self._fail(device, entry, "the device does not say what it is", now)
        entry.interview_at = now + INTERVIEW_S
        body = {"tsn": self._next_tsn(), "nwk": entry.short}
        return self._send_object(device, entry, zdo.ACTIVE_EP, wire.encode(zdo.ADDRESSED, body))

    def _take_object(self, device: bytes, entry: Entry, data: aps.ApsData, now: float) -> list[Frame]:
        if data.cluster == zdo.ACTIVE_EP | zdo.RESPONSE:
            if len(data.payload) < 6 or entry.described:
                return []
            body = {"tsn": self._next_tsn(), "nwk": entry.short, "endpoint": data.payload[5]}
            return self._send_object(device, entry, zdo.SIMPLE_DESC, wire.encode(zdo.SIMPLE_REQUEST, body))
        if data.cluster == zdo.SIMPLE_DESC | zdo.RESPONSE:
            return self._check(device, entry, zdo.parse_simple_descriptor(data.payload[5:]), now)
        answer = zdo.answer(
            data.cluster,
            data.payload,
            nwk=nwk.COORDINATOR,
            descriptor=DESCRIPTOR,
            max_buffer=MAX_BUFFER_BYTES,
        )
        if answer is None:
            return []
        return self._send_object(device, entry, data.cluster | zdo.RESPONSE, answer)

    def _check(self, device: bytes, entry: Entry, found: zdo.SimpleDescriptor, now: float) -> list[Frame]:
        offered = {*found.in_clusters, *found.out_clusters}
        if found.profile != clusters.PROFILE or Cluster.KEY_ESTABLISHMENT not in offered:
            return self._fail(device, entry, "the device is none of Smart Energy", now)
        if Cluster.METERING not in offered:
            return self._fail(device, entry, "the device does not support the metering cluster", now)
        if entry.device_type and found.device != entry.device_type:
            found_name, wanted_name = _device_name(found.device), _device_name(entry.device_type)
            detail = f"Mismatched: the device is {found_name}, not {wanted_name}"
            return self._fail(device, entry, detail, now)
        if not entry.described:
            self._report(
                device, "Commissioned", f"{_device_name(found.device)}, {len(offered)} clusters", now
            )
        entry.described, entry.interview_at = True, None
        if entry.stage is Stage.JOINED:
            entry.stage = Stage.COMMISSIONED
        return []

    # -- step 8: the application link key ----------------------------------------------------------

    def _take_key(self, device: bytes, entry: Entry, data: aps.ApsData, now: float) -> list[Frame]:
        frame = zcl.parse(data.payload)
        if frame.from_server:
            return []
        if not frame.specific:
            return self._answer_read(device, entry, data, frame, {"KeyEstablishmentSuite": 1})
        handshake = self._handshakes.get(device)
        if handshake is None or (
            frame.command == 0 and handshake.state in (KeyState.DONE, KeyState.TERMINATED)
        ):
            handshake = self._handshakes[device] = Handshake(self._trust, device, initiator=False)
        before = handshake.state
        replies = handshake.receive(frame.command, frame.payload)
        if handshake.state is KeyState.DONE and before is not KeyState.DONE and handshake.keys is not None:
            entry.link_key = handshake.keys.key_data
            # Both are good until the new one is seen in use: the device may not have our confirmation.
            self._coordinator.trust(device, (entry.link_key, entry.preconfigured_key))
            entry.established_at = now
            entry.stage = Stage.PROVISIONED
            self._report(device, "KeyEstablished", "", now)
        elif handshake.state is KeyState.TERMINATED and before is not KeyState.TERMINATED:
            failure = handshake.failure.name if handshake.failure else "no reason"
            self._report(device, "KeyFailed", f"key establishment ended with {failure}", now)
        return [
            sent
            for command, payload in replies
            for sent in self._send_cluster(
                device, entry, data, command, payload, number=frame.sequence, label=NAMES[command]
            )
        ]

    # -- step 9: time, price, messages, events, readings -------------------------------------------

    def _take_cluster(self, device: bytes, entry: Entry, data: aps.ApsData, now: float) -> list[Frame]:
        frame = zcl.parse(data.payload)
        if frame.from_server or (not frame.specific and frame.command != zcl.READ_ATTRIBUTES):
            return []
        if data.cluster not in SERVED:
            return self._default(device, entry, data, frame, zcl.UNSUPPORTED_COMMAND)
        if data.cluster not in clusters.NETWORK_KEY_ONLY and (not data.secure or entry.link_key is None):
            return self._default(device, entry, data, frame, zcl.NOT_AUTHORIZED)
        if not frame.specific:
            frames = self._answer_read(device, entry, data, frame, self._attributes(data.cluster, now))
        else:
            frames = self._answer_command(device, entry, data, frame, now)
        if data.cluster not in entry.asked:
            entry.asked.append(data.cluster)
        if Cluster.METERING in entry.asked and not entry.reported:
            self._report_provisioned(device, entry, now)
        return frames

    def _attributes(self, cluster: int, now: float) -> dict[str, int]:
        if cluster == Cluster.TIME:
            return self._time(int(now))
        if cluster == Cluster.METERING:
            return {
                "CurrentSummationDelivered": self.services.summation_wh,
                "InstantaneousDemand": self.services.demand_w,
                "UnitOfMeasure": 0,  # kWh and kW, binary
                "Multiplier": 1,
                "Divisor": 1000,
            }
        return {}

    def _time(self, now: int) -> dict[str, int]:
        utc = now - clusters.EPOCH_S
        if self.services.zone is None:
            return {"Time": utc, "TimeStatus": clusters.TIME_MASTER}
        offset = standard_offset(now, self.services.zone)
        start, end, shift = saving_period(now, self.services.zone)
        return {
            "Time": utc,
            "TimeStatus": clusters.TIME_MASTER | clusters.TIME_MASTER_ZONE,
            "TimeZone": offset,
            "DstStart": max(0, start - clusters.EPOCH_S),
            "DstEnd": max(0, end - clusters.EPOCH_S),
            "DstShift": shift,
            "StandardTime": utc + offset,
            "LocalTime": utc + offset + saving_at(now, self.services.zone),
        }

    def _answer_command(
        self, device: bytes, entry: Entry, data: aps.ApsData, frame: zcl.ZclFrame, now: float
    ) -> list[Frame]:
        offers = {
            clusters.GET_LAST_MESSAGE: (clusters.DISPLAY_MESSAGE, self.services.message),
            clusters.GET_CURRENT_PRICE: (clusters.PUBLISH_PRICE, self.services.price),
            clusters.GET_SCHEDULED_EVENTS: (clusters.LOAD_CONTROL_EVENT, self.services.event),
        }
        for ask, (command, values) in offers.items():
            if (ask.cluster, ask.identifier) != (data.cluster, frame.command):
                continue
            if values is None:
                return self._default(device, entry, data, frame, zcl.NOT_FOUND)
            if "currentTime" in values:
                values = {**values, "currentTime": int(now) - clusters.EPOCH_S}
            payload = wire.encode(command.fields, values)
            number, label = frame.sequence, command.name
            return self._send_cluster(
                device, entry, data, command.identifier, payload, number=number, label=label
            )
        return self._default(device, entry, data, frame, zcl.UNSUPPORTED_COMMAND)

    def _answer_read(
        self, device: bytes, entry: Entry, data: aps.ApsData, frame: zcl.ZclFrame, values: dict[str, int]
    ) -> list[Frame]:
        table = clusters.SERVER_ATTRIBUTES.get(Cluster(data.cluster), ())
        payload = zcl.encode_read_response(zcl.decode_read(frame.payload), table, values)
        return self._send_cluster(
            device,
            entry,
            data,
            zcl.READ_RESPONSE,
            payload,
            number=frame.sequence,
            label=f"Read response {Cluster(data.cluster).name}",
            specific=False,
        )

    def _default(
        self, device: bytes, entry: Entry, data: aps.ApsData, frame: zcl.ZclFrame, status: int
    ) -> list[Frame]:
        label = "Default response (nothing now)" if status == zcl.NOT_FOUND else "Default response (refused)"
        payload = bytes([frame.command, status])
        number = frame.sequence
        return self._send_cluster(
            device, entry, data, zcl.DEFAULT_RESPONSE, payload, number=number, label=label, specific=False
        )

    # -- telling, and ending -----------------------------------------------------------------------

    def _report(self, device: bytes, state: str, detail: str, now: float) -> None:
        entry = self.memory.entries.get(eui64.serialize(device))
        self.reports.append(Report(device, state, detail, now, entry.short if entry else 0))

    def _report_provisioned(self, device: bytes, entry: Entry, now: float) -> None:
        if not entry.described:
            return  # the interview still runs; it ends in a report or a failure
        entry.reported, entry.stage = True, Stage.ACTIVE
        self._report(device, "Provisioned", "CBKE complete", now)

    def _fail(self, device: bytes, entry: Entry, detail: str, now: float) -> list[Frame]:
        entry.stage, entry.interview_at = Stage.FAILED, None
        self._report(device, "Failed", detail, now)
        return self._expel(device)

    def _expel(self, device: bytes) -> list[Frame]:
        entry = self.memory.entries[eui64.serialize(device)]
        return self._coordinator.expel(Address(device, entry.short))

    def _forget(self, device: bytes) -> None:
        self.memory.entries.pop(eui64.serialize(device), None)
        self._handshakes.pop(device, None)
        self._coordinator.forget(device)

    def _drop_ended(self) -> None:
        for mac in [mac for mac, entry in self.memory.entries.items() if entry.stage in ENDED]:
            self._forget(eui64.parse(mac))

    # -- frames ------------------------------------------------------------------------------------

    def _send_object(self, device: bytes, entry: Entry, cluster: int, payload: bytes) -> list[Frame]:
        suffix = "rsp" if cluster & zdo.RESPONSE else "req"
        label = f"{zdo.NAMES[cluster & ~zdo.RESPONSE]}_{suffix}"
        data = aps.ApsData(cluster, payload, zdo.PROFILE, zdo.ENDPOINT, zdo.ENDPOINT)
        return self._send(device, entry, data, label, 7)

    def _send_cluster(
        self,
        device: bytes,
        entry: Entry,
        asked: aps.ApsData,
        command: int,
        payload: bytes,
        *,
        number: int,
        label: str,
        specific: bool = True,
    ) -> list[Frame]:
        frame = zcl.ZclFrame(command, payload, number, specific=specific, from_server=True)
        data = aps.ApsData(
            asked.cluster,
            zcl.serialize(frame),
            clusters.PROFILE,
            ENDPOINT,
            asked.source_endpoint,
            secure=asked.secure,
        )
        step = 8 if asked.cluster == Cluster.KEY_ESTABLISHMENT else 9
        return self._send(device, entry, data, label, step)

    def _send(self, device: bytes, entry: Entry, data: aps.ApsData, label: str, step: int) -> list[Frame]:
        return self._coordinator.send(Address(device, entry.short), data, label, step)

    def _next_short(self) -> int:
        self.memory.next_short = self.memory.next_short % 0xFFF6 + 1
        return self.memory.next_short

    def _next_tsn(self) -> int:
        self._tsn = self._tsn + 1 & 0xFF
        return self._tsn


def _unfinished(entry: Entry) -> bool:
    return entry.stage not in ENDED and not entry.reported


def _verdict_at(entry: Entry) -> float:
    """When a device that keeps asking without ever using the network key is given up."""
    return entry.joined_at + KEYLESS_S if entry.joins >= KEYLESS_JOINS else entry.window_end


def _grace_end(entry: Entry) -> float | None:
    if entry.established_at is None or entry.reported or not entry.described or entry.stage in ENDED:
        return None
    return entry.established_at + READ_GRACE_S


def _deadlines(entry: Entry) -> list[float]:
    if not _unfinished(entry):
        return []
    if entry.stage in WAITING:
        return [min(entry.window_end, _verdict_at(entry))]
    times = [entry.window_end + FINISH_S]
    times += [time for time in (entry.interview_at, _grace_end(entry)) if time is not None]
    return times


def _device_name(identifier: int) -> str:
    try:
        return DeviceId(identifier).name
    except ValueError:
        return f"0x{identifier:04X}"
