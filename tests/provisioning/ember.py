"""An EmberZNet co-processor for the tests: ASH and EZSP at a TCP port, as bellows speaks them to a dongle.

ASH is bellows' own protocol class, which is the same at both ends but for the reset. Commands and their
layouts are bellows' own tables; what is not in ``Ncp`` below is answered with zeros, which is success.
At its antenna is the simulated air.
"""

from __future__ import annotations

import asyncio
from typing import Any

import bellows.types as t
from bellows.ash import AshProtocol, RStackFrame, RstFrame
from bellows.ezsp.v4.commands import COMMANDS as FIRST_COMMANDS
from bellows.ezsp.v13.commands import COMMANDS

from openesi.provisioning.se import aps, eui64, zdo
from openesi.provisioning.se.coordinator import SimulatedCoordinator
from openesi.provisioning.se.memory import Entry, Memory
from openesi.provisioning.se.radio import Ether, Frame
from openesi.provisioning.se.stack import Address

VERSION = 13
OK, NOT_FOUND = 0, 0x2D
BY_ID = {number: (name, tx, rx) for name, (number, tx, rx) in COMMANDS.items()}
FIRMWARE_ANSWERS = frozenset({zdo.NODE_DESC, zdo.SIMPLE_DESC, zdo.ACTIVE_EP, zdo.MATCH_DESC, zdo.BIND})


class Line(AshProtocol):
    """The co-processor's end of ASH: it is reset where the host resets."""

    def rst_frame_received(self, frame: RstFrame) -> None:
        super().rst_frame_received(frame)
        self._tx_seq = self._rx_seq = 0
        self._write_frame(RStackFrame(version=2, reset_code=t.NcpResetCode.RESET_SOFTWARE))
        self._ezsp_protocol.reset()


class Antenna:
    """What firmware does by itself: the network in the air, who may join it, device objects.

    ``now`` is the time in the air. Subclasses pass on what is for the host, in their own form.
    """

    def __init__(self, own: bytes, now: float) -> None:
        self.eui64, self.now = own, now
        self.ether = Ether()
        self.ether.place(self)
        self.table = Memory(network_key=bytes(16), pan=0x1A62)
        self.coordinator = SimulatedCoordinator(own, self.table)
        self.permitted_until = 0.0
        self.descriptor: zdo.SimpleDescriptor | None = None
        self.keys: dict[bytes, bytes] = {}  # link keys that the host wrote
        self.removed: list[bytes] = []

    # for the host

    def admit(self, device: bytes, key: bytes) -> None:
        short = len(self.table.entries) + 0x1001
        self.table.entries.setdefault(_mac(device), Entry(key, 0, 0.0, short))
        self.coordinator.admit(device, key, 254)

    def write_key(self, device: bytes, key: bytes) -> None:
        self.keys[device] = key
        self.coordinator.trust(device, (key,))

    def put_out(self, device: bytes) -> None:
        self.removed.append(device)
        entry = self.table.entries.pop(_mac(device))
        self.ether.transmit(self.coordinator.expel(Address(device, entry.short)), self.now)

    def say(self, short: int, data: aps.ApsData) -> None:
        for mac, entry in self.table.entries.items():
            if entry.short == short:
                to = Address(eui64.parse(mac), short)
                self.ether.transmit(self.coordinator.send(to, data, "", 0), self.now)

    def has_joined(self, device: bytes, short: int) -> None:
        raise NotImplementedError

    def has_said(self, short: int, data: aps.ApsData) -> None:
        raise NotImplementedError

    # a station of the air

    def receive(self, frame: Frame, now: float) -> list[Frame]:
        return self.coordinator.receive(frame, self, now)

    def tick(self, now: float) -> list[Frame]:
        return []

    def next_deadline(self) -> float | None:
        return None

    # what the simulated coordinator asks, in place of an ESI

    def permits_joining(self, now: float) -> bool:
        return now < self.permitted_until

    def asks_to_join(self, device: bytes, now: float) -> bool:
        entry = self.table.entries.get(_mac(device))
        if entry is None or not self.permits_joining(now):
            return False
        self.has_joined(device, entry.short)
        return True

    def take(self, device: bytes, data: aps.ApsData, now: float, *, key: bytes | None) -> list[Frame]:
        entry = self.table.entries.get(_mac(device))
        if entry is None:
            return []
        self.has_said(entry.short, data)
        answer = self.answer(data)
        return self.coordinator.send(Address(device, entry.short), answer, "", 7) if answer else []

    def answer(self, data: aps.ApsData) -> aps.ApsData | None:
        if data.profile != zdo.PROFILE or data.cluster not in FIRMWARE_ANSWERS:
            return None
        assert self.descriptor is not None
        said = zdo.answer(data.cluster, data.payload, nwk=0, descriptor=self.descriptor, max_buffer=82)
        assert said is not None
        return aps.ApsData(data.cluster | zdo.RESPONSE, said, 0, 0, 0)


class Ncp(Antenna):
    """The firmware behind a line; ``commands`` are the names of all that it was asked."""

    def __init__(self, own: bytes, now: float) -> None:
        super().__init__(own, now)
        self.commands: list[str] = []
        self.asked: dict[str, list[dict[str, Any]]] = {}
        self._line: Line | None = None
        self._extended = False
        self._last = 0
        self._sending: set[asyncio.Task[None]] = set()

    # the line

    def connection_made(self, line: Line) -> None:
        self._line = line

    def connection_lost(self, exc: Exception | None) -> None: ...
    def eof_received(self) -> None: ...
    def reset_received(self, code: Any) -> None: ...
    def error_received(self, code: Any) -> None: ...

    def reset(self) -> None:
        self._extended = False

    def data_received(self, octets: bytes) -> None:
        if not self._extended:  # the first question is in the form of the first version
            self._extended = True
            rx = FIRST_COMMANDS["version"][2]
            self._send(bytes([octets[0], 0x80, 0x00]) + _encode(rx, self.version()))
            return
        self._last, number = octets[0], int.from_bytes(octets[3:5], "little")
        name, tx, rx = BY_ID[number]
        asked, _ = t.deserialize_dict(octets[5:], tx)
        self.commands.append(name)
        self.asked.setdefault(name, []).append(asked)
        answer = getattr(self, name, lambda **asked: {})(**asked)
        said = answer if isinstance(answer, bytes) else _encode(rx, answer or {})
        self._send(bytes([octets[0], 0x80, 0x01]) + octets[3:5] + said)

    def call_back(self, name: str, **values: Any) -> None:
        number, _, rx = COMMANDS[name]
        self._send(bytes([self._last, 0x90, 0x01]) + number.to_bytes(2, "little") + _encode(rx, values))

    async def idle(self) -> bool:
        """Wait until the host has all that was sent to it; False if there was nothing."""
        sending = list(self._sending)
        await asyncio.gather(*sending)
        return bool(sending)

    def _send(self, octets: bytes) -> None:
        assert self._line is not None
        task = asyncio.get_running_loop().create_task(self._line.send_data(octets))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    # commands that are more than zeros

    def version(self, **asked: Any) -> dict[str, Any]:
        return {"protocolVersion": VERSION, "stackType": 2, "stackVersion": 0x7400}

    def getValue(self, valueId: Any) -> dict[str, Any]:
        return {"value": bytes(8)}

    def getTokenData(self, token: int, index: int) -> bytes:
        return bytes([t.EmberStatus.ERR_FATAL, 0])

    def networkState(self) -> dict[str, Any]:
        return {"status": t.EmberNetworkStatus.JOINED_NETWORK}

    def getNetworkParameters(self) -> dict[str, Any]:
        return {"nodeType": t.EmberNodeType.COORDINATOR}

    def getEui64(self) -> dict[str, Any]:
        return {"eui64": t.EUI64(self.eui64[::-1])}

    def getCurrentSecurityState(self) -> dict[str, Any]:
        ours = t.EUI64(self.eui64[::-1])
        return {"state": t.EmberCurrentSecurityState(bitmask=0, trustCenterLongAddress=ours)}

    def getNetworkKeyInfo(self) -> dict[str, Any]:
        info = t.SecurityManagerNetworkKeyInfo.deserialize(b"\x01" + bytes(20))[0]
        return {"network_key_info": info}

    def addEndpoint(self, **asked: Any) -> None:
        clusters = tuple(map(int, (*asked["inputClusterList"], *asked["outputClusterList"])))
        taken = int(asked["inputClusterCount"])
        numbers = (int(asked[name]) for name in ("endpoint", "profileId", "deviceId"))
        self.descriptor = zdo.SimpleDescriptor(*numbers, clusters[:taken], clusters[taken:])

    def permitJoining(self, duration: int) -> None:
        self.permitted_until = self.now + duration

    def importTransientKey(self, eui64: Any, plaintext_key: Any, flags: Any) -> None:
        self.admit(_device(eui64), plaintext_key.serialize())

    def findKeyTableEntry(self, address: Any, linkKey: Any) -> dict[str, Any]:
        return {"index": 0xFF}

    def exportLinkKeyByIndex(self, index: int) -> dict[str, Any]:
        return {"status": t.sl_Status.NOT_FOUND}

    def importLinkKey(self, index: int, address: Any, key: Any) -> None:
        self.write_key(_device(address), key.serialize())

    def removeDevice(self, destShort: Any, destLong: Any, targetLong: Any) -> None:
        self.put_out(_device(targetLong))

    def sendUnicast(
        self, type: Any, indexOrDestination: int, apsFrame: Any, messageTag: int, messageContents: bytes
    ) -> dict[str, Any]:
        data = aps.ApsData(
            int(apsFrame.clusterId),
            bytes(messageContents),
            int(apsFrame.profileId),
            int(apsFrame.sourceEndpoint),
            int(apsFrame.destinationEndpoint),
            secure=t.EmberApsOption.APS_OPTION_ENCRYPTION in apsFrame.options,
        )
        self.say(indexOrDestination, data)
        loop = asyncio.get_running_loop()
        sent = {
            "type": type,
            "indexOrDestination": indexOrDestination,
            "apsFrame": apsFrame,
            "messageTag": messageTag,
            "status": t.EmberStatus.SUCCESS,
        }
        loop.call_soon(lambda: self.call_back("messageSentHandler", **sent))
        if indexOrDestination == 0 and (
            answer := self.answer(data)
        ):  # the host asks its own radio what it is
            loop.call_soon(self.has_said, 0, answer)
        return {"sequence": 1}

    # what the air has for the host

    def has_joined(self, device: bytes, short: int) -> None:
        self.call_back(
            "trustCenterJoinHandler",
            newNodeId=short,
            newNodeEui64=t.EUI64(device[::-1]),
            status=t.EmberDeviceUpdate.STANDARD_SECURITY_UNSECURED_JOIN,
            policyDecision=t.EmberJoinDecision.USE_PRECONFIGURED_KEY,
            parentOfNewNodeId=0,
        )

    def has_said(self, short: int, data: aps.ApsData) -> None:
        option = t.EmberApsOption
        frame = t.EmberApsFrame(
            profileId=data.profile,
            clusterId=data.cluster,
            sourceEndpoint=data.source_endpoint,
            destinationEndpoint=data.destination_endpoint,
            options=option.APS_OPTION_ENCRYPTION if data.secure else option.APS_OPTION_NONE,
            groupId=0,
            sequence=0,
        )
        self.call_back(
            "incomingMessageHandler",
            type=t.EmberIncomingMessageType.INCOMING_UNICAST,
            apsFrame=frame,
            sender=short,
            messageContents=data.payload,
        )


async def serve(ncp: Ncp) -> asyncio.Server:
    """Listen for a host; give ``socket://127.0.0.1:PORT`` to it as the radio."""
    return await asyncio.get_running_loop().create_server(lambda: Line(ncp), "127.0.0.1", 0)


def _encode(schema: dict[str, Any], values: dict[str, Any]) -> bytes:
    assert values.keys() <= schema.keys(), values
    zeros = {name: kind.deserialize(bytes(200))[0] for name, kind in schema.items() if name not in values}
    return bytes(t.serialize_dict((), {**zeros, **values}, schema))


def _device(ieee: Any) -> bytes:
    return bytes(ieee.serialize())[::-1]


def _mac(device: bytes) -> str:
    return eui64.serialize(device)
