"""A home device that joins: thermostat or load-control switch, without I/O.

    OFF -> SCANNING -> ASSOCIATING -> AWAITING_KEY -> COMMISSIONING -> ESTABLISHING_KEY -> READING -> ACTIVE

``WAIT_S`` says how long each state waits for its answer and ``TRIES`` how often it asks. When a state has
asked in vain the device leaves and scans again, ``ROUNDS`` times; then it is GAVE_UP until somebody presses
its button (or by itself, after ``rejoin_s``, if it was made so).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final

from openesi.provisioning.se import aps, clusters, nwk, zcl, zdo
from openesi.provisioning.se import octets as wire
from openesi.provisioning.se.clusters import Cluster, DeviceClass, DeviceId
from openesi.provisioning.se.handshake import NAMES, Handshake, Status, Trust
from openesi.provisioning.se.handshake import State as KeyState
from openesi.provisioning.se.radio import Frame, Kind
from openesi.provisioning.se.security import FrameError
from openesi.provisioning.se.stack import Address, Stack

ENDPOINT: Final = 10
MAX_BUFFER_BYTES: Final = 82  # what fits one radio packet without fragmentation
ROUNDS: Final = 3
MAX_BEACONS: Final = 16  # neighbours heard in one scan; a jammer could send more
KEY_ATTEMPTS: Final = 3


class State(Enum):
    """Where a device stands."""

    OFF = "off"
    SCANNING = "scanning"
    ASSOCIATING = "associating"
    AWAITING_KEY = "awaiting the network key"
    COMMISSIONING = "commissioning"
    ESTABLISHING_KEY = "establishing its key"
    READING = "reading"
    ACTIVE = "active"
    GAVE_UP = "gave up"


# How long a state waits for its answer, in seconds, and how often it asks.
WAIT_S: Final = {
    State.SCANNING: 1.0,
    State.ASSOCIATING: 3.0,
    State.AWAITING_KEY: 5.0,
    State.COMMISSIONING: 30.0,
    State.ESTABLISHING_KEY: 8.0,
    State.READING: 30.0,
}
TRIES: Final = {
    State.ASSOCIATING: 3,
    State.COMMISSIONING: 4,
    State.ESTABLISHING_KEY: 4,
    State.READING: 4,
}


@dataclass(frozen=True, slots=True)
class Model:
    """What kind of device it is."""

    device: DeviceId
    device_class: DeviceClass
    in_clusters: tuple[int, ...] = (Cluster.BASIC, Cluster.IDENTIFY, Cluster.KEY_ESTABLISHMENT)
    out_clusters: tuple[int, ...] = (
        Cluster.KEY_ESTABLISHMENT,
        Cluster.TIME,
        Cluster.DRLC,
        Cluster.PRICE,
        Cluster.MESSAGING,
        Cluster.METERING,
    )


THERMOSTAT: Final = Model(DeviceId.THERMOSTAT, DeviceClass.HVAC)
LOAD_CONTROL_SWITCH: Final = Model(DeviceId.LOAD_CONTROL, DeviceClass.WATER_HEATER | DeviceClass.POOL_PUMP)


@dataclass(frozen=True, slots=True)
class _Message:
    """What to say; it is secured anew each time it is said, since a repeated frame counter is a replay."""

    label: str
    step: int
    data: aps.ApsData


@dataclass(frozen=True, slots=True)
class _Request:
    message: _Message
    answered: Callable[[bytes], None]


class HanDevice:
    """One device. ``readings`` holds what it learned in step 9, by the specification's names."""

    def __init__(
        self, trust: Trust, link_key: bytes, *, model: Model = THERMOSTAT, rejoin_s: float | None = None
    ) -> None:
        self.eui64 = trust.identity.certificate.subject
        self.model = model
        self.state = State.OFF
        self.reason = ""
        self.readings: dict[str, object] = {}
        self.max_buffer = MAX_BUFFER_BYTES
        self._trust = trust
        self._preconfigured = link_key
        self._rejoin_s = rejoin_s
        self._deadline: float | None = None
        self._asked = 0
        self._round = 0
        self._beacons: dict[bytes, int] = {}  # ESI -> PAN
        self._refused: set[bytes] = set()
        self._esi = Address(bytes(8), nwk.COORDINATOR)
        self._pan = 0xFFFF
        self._stack = Stack(self.eui64)
        self._queue: deque[_Request] = deque()
        self._last: list[Frame | _Message] = []
        self._handshake: Handshake | None = None
        self._key_attempts = 0
        self._tsn = 0
        self._esi_endpoint = 0
        self._offered: tuple[int, ...] = ()

    def press_button(self, now: float) -> list[Frame]:
        """Start to join. Pressed again while joining, it changes nothing."""
        if self.state not in (State.OFF, State.GAVE_UP, State.ACTIVE):
            return []
        self._round, self._refused = 0, set()
        return self._scan(now)

    def next_deadline(self) -> float | None:
        """When ``tick`` has to be called next."""
        return self._deadline

    def tick(self, now: float) -> list[Frame]:
        """The answer that was waited for has not come."""
        if self._deadline is None or now < self._deadline:
            return []
        if self.state is State.GAVE_UP:
            self._round, self._refused = 0, set()
            return self._scan(now)
        if self.state is State.SCANNING:
            return self._associate(now)
        if self.state is State.ESTABLISHING_KEY and self._handshake is None:
            return self._start_key(now)
        if self._asked < TRIES.get(self.state, 1):
            return self._ask(now)
        return self._leave(f"no answer while {self.state.value}", now)

    def receive(self, frame: Frame, now: float) -> list[Frame]:
        """Take a frame; what is not for the present state, or cannot be opened, is dropped."""
        match frame.kind, self.state:
            case Kind.BEACON, State.SCANNING:
                if frame.payload == b"\x01" and len(self._beacons) < MAX_BEACONS:
                    self._beacons[frame.source] = frame.pan
            case Kind.ASSOCIATION_RESPONSE, State.ASSOCIATING if frame.source == self._esi.eui64:
                return self._associated(frame.payload, now)
            case Kind.DATA, _:
                try:
                    received = self._stack.receive(frame.payload)
                    return self._take(received.content, now)
                except FrameError as error:
                    self.reason = str(error)
        return []

    def _scan(self, now: float) -> list[Frame]:
        self._stack = Stack(self.eui64, counter=self._stack.counter)
        self._beacons, self._queue, self._handshake, self._key_attempts = {}, deque(), None, 0
        return self._enter(
            State.SCANNING,
            [Frame(Kind.BEACON_REQUEST, self.eui64, None, 0xFFFF, b"\x07", "Beacon request", 5)],
            now,
        )

    def _associate(self, now: float) -> list[Frame]:
        choice = next((esi for esi in self._beacons if esi not in self._refused), None)
        if choice is None:
            self._refused.clear()
            return self._leave("no network in range lets devices join", now)
        self._esi, self._pan = Address(choice, nwk.COORDINATOR), self._beacons[choice]
        # Mains powered, receiver on when idle, allocate an address.
        request = Frame(
            Kind.ASSOCIATION_REQUEST, self.eui64, choice, self._pan, b"\x01\x8e", "Association request", 5
        )
        return self._enter(State.ASSOCIATING, [request], now)

    def _associated(self, payload: bytes, now: float) -> list[Frame]:
        if len(payload) != 4 or payload[3] != 0:
            self._refused.add(self._esi.eui64)
            return self._leave("the network refused the association", now)
        self._stack.short = int.from_bytes(payload[1:3], "little")
        self._stack.link_keys[self._esi.eui64] = (self._preconfigured,)
        return self._enter(State.AWAITING_KEY, [], now)

    def _take(self, content: aps.ApsData | aps.TransportKey | aps.RemoveDevice, now: float) -> list[Frame]:
        match content:
            case aps.TransportKey() if self.state is State.AWAITING_KEY and content.destination == self.eui64:
                self._stack.network_key = content.network_key
                return self._announce(now)
            case aps.RemoveDevice() if content.device == self.eui64 and self.state is not State.OFF:
                self._refused.add(self._esi.eui64)
                return self._leave("the meter removed the device", now)
            case aps.ApsData(profile=zdo.PROFILE) if content.cluster & zdo.RESPONSE:
                return self._answered(content.cluster, content.payload[:1], content.payload, now)
            case aps.ApsData(profile=zdo.PROFILE):
                return self._serve(content)
            case aps.ApsData(cluster=Cluster.KEY_ESTABLISHMENT):
                return self._take_key(zcl.parse(content.payload), now)
            case aps.ApsData() if content.secure:
                return self._answered(content.cluster, content.payload[1:2], content.payload, now)
        return []

    def _announce(self, now: float) -> list[Frame]:
        payload = wire.encode(
            zdo.ANNOUNCE,
            {"tsn": self._next_tsn(), "nwk": self._stack.short, "eui64": self.eui64, "capability": 0x8E},
        )
        announcement = _Message("Device_annce", 6, self._device_object(zdo.DEVICE_ANNCE, payload))
        self._queue = deque([self._ask_node(), self._ask_match()])
        return self._enter(State.COMMISSIONING, [announcement, self._queue[0].message], now)

    # -- step 7: what the ESI offers, and binding to it --------------------------------------------

    def _ask_node(self) -> _Request:
        body = {"tsn": self._next_tsn(), "nwk": nwk.COORDINATOR}
        data = self._device_object(zdo.NODE_DESC, wire.encode(zdo.ADDRESSED, body))
        return _Request(_Message("Node_Desc_req", 7, data), self._learn_buffer)

    def _learn_buffer(self, payload: bytes) -> None:
        node = wire.decode(zdo.NODE_RESPONSE, payload)
        self.max_buffer = min(MAX_BUFFER_BYTES, wire.number(node, "max_buffer"))

    def _ask_match(self) -> _Request:
        head = bytes([self._next_tsn(), 0, 0]) + clusters.PROFILE.to_bytes(2, "little")
        body = head + zdo.encode_list((Cluster.KEY_ESTABLISHMENT,)) + zdo.encode_list(())
        data = self._device_object(zdo.MATCH_DESC, body)
        return _Request(_Message("Match_Desc_req", 7, data), self._learn_endpoint)

    def _learn_endpoint(self, payload: bytes) -> None:
        if len(payload) < 6:
            raise FrameError("the network has no energy services interface")
        self._esi_endpoint = payload[5]
        body = {"tsn": self._next_tsn(), "nwk": nwk.COORDINATOR, "endpoint": self._esi_endpoint}
        data = self._device_object(zdo.SIMPLE_DESC, wire.encode(zdo.SIMPLE_REQUEST, body))
        self._queue.append(_Request(_Message("Simple_Desc_req", 7, data), self._learn_clusters))

    def _learn_clusters(self, payload: bytes) -> None:
        descriptor = zdo.parse_simple_descriptor(payload[5:])
        self._offered = tuple(
            cluster
            for cluster in self.model.out_clusters
            if cluster in descriptor.in_clusters and cluster not in clusters.NETWORK_KEY_ONLY
        )
        for cluster in self._offered:
            body: wire.Values = {
                "tsn": self._next_tsn(),
                "source": self.eui64,
                "endpoint": ENDPOINT,
                "cluster": cluster,
                "mode": 3,
                "target": self._esi.eui64,
                "to": self._esi_endpoint,
            }
            data = self._device_object(zdo.BIND, wire.encode(zdo.BIND_REQUEST, body))
            label = f"Bind_req {Cluster(cluster).name}"
            self._queue.append(_Request(_Message(label, 7, data), lambda _: None))

    def _serve(self, data: aps.ApsData) -> list[Frame]:
        descriptor = zdo.SimpleDescriptor(
            ENDPOINT, clusters.PROFILE, self.model.device, self.model.in_clusters, self.model.out_clusters
        )
        answer = zdo.answer(
            data.cluster,
            data.payload,
            nwk=self._stack.short,
            descriptor=descriptor,
            max_buffer=MAX_BUFFER_BYTES,
        )
        if answer is None:
            return []
        label = f"{zdo.NAMES[data.cluster]}_rsp"
        return [self._encode(_Message(label, 7, self._device_object(data.cluster | zdo.RESPONSE, answer)))]

    # -- step 8: the application link key ----------------------------------------------------------

    def _start_key(self, now: float) -> list[Frame]:
        self._handshake = Handshake(self._trust, self._esi.eui64, initiator=True)
        return self._enter(State.ESTABLISHING_KEY, self._key_messages(self._handshake.start()), now)

    def _key_messages(self, replies: list[tuple[int, bytes]]) -> list[Frame | _Message]:
        return [
            _Message(NAMES[command], 8, self._cluster_data(Cluster.KEY_ESTABLISHMENT, command, payload))
            for command, payload in replies
        ]

    def _take_key(self, frame: zcl.ZclFrame, now: float) -> list[Frame]:
        if self._handshake is None or not frame.from_server:
            return []
        replies = self._key_messages(self._handshake.receive(frame.command, frame.payload))
        if self._handshake.state is KeyState.TERMINATED:
            said = [self._encode(reply) for reply in replies]
            return [*said, *self._key_failed(now)]
        if self._handshake.state is KeyState.DONE and self._handshake.keys is not None:
            self._stack.link_keys[self._esi.eui64] = (self._handshake.keys.key_data,)
            self._handshake = None
            self._queue = deque(self._reads())
            return (
                self._enter(State.READING, [self._queue[0].message], now) if self._queue else self._finish()
            )
        return self._enter(State.ESTABLISHING_KEY, replies, now) if replies else []

    def _key_failed(self, now: float) -> list[Frame]:
        failure = self._handshake.failure if self._handshake else None
        self.reason = f"key establishment ended with {(failure or Status.BAD_MESSAGE).name}"
        self._key_attempts += 1
        if self._key_attempts >= KEY_ATTEMPTS:
            return self._leave(self.reason, now)
        self._handshake = None  # tick starts the next attempt when the wait is over
        return self._enter(State.ESTABLISHING_KEY, [], now)

    # -- step 9: what the utility has for the device now -------------------------------------------

    def _reads(self) -> list[_Request]:
        asks = {
            Cluster.TIME: partial(self._ask_attributes, Cluster.TIME, (0x0000, 0x0001)),
            Cluster.MESSAGING: partial(
                self._ask_command, clusters.GET_LAST_MESSAGE, clusters.DISPLAY_MESSAGE
            ),
            Cluster.PRICE: partial(
                self._ask_command, clusters.GET_CURRENT_PRICE, clusters.PUBLISH_PRICE, commandOptions=0
            ),
            Cluster.DRLC: partial(
                self._ask_command,
                clusters.GET_SCHEDULED_EVENTS,
                clusters.LOAD_CONTROL_EVENT,
                startTime=0,
                numberOfEvents=0,
            ),
            Cluster.METERING: partial(
                self._ask_attributes, Cluster.METERING, (0x0000, 0x0300, 0x0301, 0x0302, 0x0400)
            ),
        }
        reads = [ask() for cluster, ask in asks.items() if cluster in self._offered]
        if Cluster.TIME in self._offered:  # apart from the rest: together they do not fit one packet
            reads.insert(1, self._ask_attributes(Cluster.TIME, tuple(range(0x0002, 0x0008))))
        return reads

    def _ask_attributes(self, cluster: Cluster, identifiers: tuple[int, ...]) -> _Request:
        def learn(payload: bytes) -> None:
            self.readings |= zcl.decode_read_response(payload[3:], clusters.SERVER_ATTRIBUTES[cluster])

        data = self._cluster_data(cluster, zcl.READ_ATTRIBUTES, zcl.encode_read(identifiers), specific=False)
        return _Request(_Message(f"Read attributes {cluster.name}", 9, data), learn)

    def _ask_command(self, ask: clusters.Command, answer: clusters.Command, **values: int) -> _Request:
        def learn(payload: bytes) -> None:
            frame = zcl.parse(payload)
            if not frame.specific or frame.command != answer.identifier:
                return  # a default response: there is nothing now, which is normal
            found = wire.decode(answer.fields, frame.payload)
            wanted = found.get("deviceClass", self.model.device_class)
            if isinstance(wanted, int) and wanted & self.model.device_class:
                self.readings[answer.name] = found

        data = self._cluster_data(ask.cluster, ask.identifier, wire.encode(ask.fields, values))
        return _Request(_Message(ask.name, 9, data), learn)

    # -- asking and being answered -----------------------------------------------------------------

    def _answered(self, cluster: int, number: bytes, payload: bytes, now: float) -> list[Frame]:
        if not self._queue:
            return []
        request = self._queue[0]
        asked = request.message.data
        place = slice(0, 1) if asked.profile == zdo.PROFILE else slice(1, 2)
        if number != asked.payload[place] or cluster & ~zdo.RESPONSE != asked.cluster:
            return []
        request.answered(payload)
        self._queue.popleft()
        if self._queue:
            return self._enter(self.state, [self._queue[0].message], now)
        return self._start_key(now) if self.state is State.COMMISSIONING else self._finish()

    def _finish(self) -> list[Frame]:
        self.state, self._deadline, self.reason = State.ACTIVE, None, ""
        return []

    def _enter(self, state: State, said: list[Frame | _Message], now: float) -> list[Frame]:
        self.state, self._asked, self._last = state, 0, said
        return self._ask(now)

    def _ask(self, now: float) -> list[Frame]:
        self._asked += 1
        self._deadline = now + WAIT_S[self.state]
        return [self._encode(item) for item in self._last]

    def _leave(self, reason: str, now: float) -> list[Frame]:
        self.reason = reason
        self._round += 1
        if self._round < ROUNDS:
            return self._scan(now)
        self.state = State.GAVE_UP
        self._deadline = now + self._rejoin_s if self._rejoin_s is not None else None
        return []

    def _encode(self, said: Frame | _Message) -> Frame:
        if isinstance(said, Frame):
            return said
        octets = self._stack.send_data(self._esi, said.data)
        return Frame(Kind.DATA, self.eui64, self._esi.eui64, self._pan, octets, said.label, said.step)

    def _device_object(self, cluster: int, payload: bytes) -> aps.ApsData:
        return aps.ApsData(cluster, payload, zdo.PROFILE, zdo.ENDPOINT, zdo.ENDPOINT)

    def _cluster_data(
        self, cluster: Cluster, command: int, payload: bytes, *, specific: bool = True
    ) -> aps.ApsData:
        frame = zcl.ZclFrame(command, payload, self._next_tsn(), specific=specific)
        secure = cluster not in clusters.NETWORK_KEY_ONLY
        return aps.ApsData(
            cluster, zcl.serialize(frame), clusters.PROFILE, ENDPOINT, self._esi_endpoint, secure
        )

    def _next_tsn(self) -> int:
        self._tsn = self._tsn + 1 & 0xFF
        return self._tsn
