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


class Ncp:
    """The firmware. ``now`` is the time in the air; ``commands`` are the names of all that it was asked."""

    def __init__(self, own: bytes, now: float) -> None:
        self.eui64, self.now = own, now
        self.ether = Ether()
        self.ether.place(self)
        self.table = Memory(network_key=bytes(16), pan=0x1A62)
        self.coordinator = SimulatedCoordinator(own, self.table)
        self.commands: list[str] = []
        self.asked: dict[str, list[dict[str, Any]]] = {}
        self.endpoints: dict[int, dict[str, Any]] = {}
        self.keys: dict[bytes, bytes] = {}
        self.permitted_until = 0.0
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
        self.endpoints[int(asked["endpoint"])] = asked

    def permitJoining(self, duration: int) -> None:
        self.permitted_until = self.now + duration

    def importTransientKey(self, eui64: Any, plaintext_key: Any, flags: Any) -> None:
        device, key = _device(eui64), plaintext_key.serialize()
        short = 0x1001 + len(self.table.entries)
        self.table.entries.setdefault(_mac(device), Entry(key, 0, 0.0, short))
        self.coordinator.admit(device, key, 254)

    def findKeyTableEntry(self, address: Any, linkKey: Any) -> dict[str, Any]:
        return {"index": 0xFF}

    def exportLinkKeyByIndex(self, index: int) -> dict[str, Any]:
        return {"status": t.sl_Status.NOT_FOUND}

    def importLinkKey(self, index: int, address: Any, key: Any) -> None:
        self.keys[_device(address)] = key.serialize()
        self.coordinator.trust(_device(address), (key.serialize(),))

    def removeDevice(self, destShort: Any, destLong: Any, targetLong: Any) -> None:
        device = _device(targetLong)
        entry = self.table.entries.pop(_mac(device))
        self.ether.transmit(self.coordinator.expel(Address(device, entry.short)), self.now)

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
        entries = [(mac, one) for mac, one in self.table.entries.items() if one.short == indexOrDestination]
        for mac, entry in entries:
            to = Address(eui64.parse(mac), entry.short)
            self.ether.transmit(self.coordinator.send(to, data, "", 0), self.now)
        loop = asyncio.get_running_loop()
        sent = {
            "type": type,
            "indexOrDestination": indexOrDestination,
            "apsFrame": apsFrame,
            "messageTag": messageTag,
            "status": t.EmberStatus.SUCCESS,
        }
        loop.call_soon(lambda: self.call_back("messageSentHandler", **sent))
        if indexOrDestination == 0:  # the host asks its own radio what it is
            loop.call_soon(self._answer_host, data)
        return {"sequence": 1}

    # the air

    def receive(self, frame: Frame, now: float) -> list[Frame]:
        return self.coordinator.receive(frame, self, now)

    def tick(self, now: float) -> list[Frame]:
        return []

    def next_deadline(self) -> float | None:
        return None

    def permits_joining(self, now: float) -> bool:
        return now < self.permitted_until

    def asks_to_join(self, device: bytes, now: float) -> bool:
        entry = self.table.entries.get(_mac(device))
        if entry is None or not self.permits_joining(now):
            return False
        self.call_back(
            "trustCenterJoinHandler",
            newNodeId=entry.short,
            newNodeEui64=t.EUI64(device[::-1]),
            status=t.EmberDeviceUpdate.STANDARD_SECURITY_UNSECURED_JOIN,
            policyDecision=t.EmberJoinDecision.USE_PRECONFIGURED_KEY,
            parentOfNewNodeId=0,
        )
        return True

    def take(self, device: bytes, data: aps.ApsData, now: float, *, key: bytes | None) -> list[Frame]:
        entry = self.table.entries.get(_mac(device))
        if entry is None:
            return []
        self._tell(entry.short, data)
        if data.profile != zdo.PROFILE or data.cluster not in FIRMWARE_ANSWERS:
            return []
        reply = aps.ApsData(data.cluster | zdo.RESPONSE, self._object(data), 0, 0, 0)
        return self.coordinator.send(Address(device, entry.short), reply, "", 7)

    def _answer_host(self, data: aps.ApsData) -> None:
        if data.profile == zdo.PROFILE and data.cluster in FIRMWARE_ANSWERS:
            self._tell(0, aps.ApsData(data.cluster | zdo.RESPONSE, self._object(data), 0, 0, 0))

    def _object(self, data: aps.ApsData) -> bytes:
        known = self.endpoints[1]
        clusters = tuple(map(int, (*known["inputClusterList"], *known["outputClusterList"])))
        taken = int(known["inputClusterCount"])
        descriptor = zdo.SimpleDescriptor(
            1, int(known["profileId"]), int(known["deviceId"]), clusters[:taken], clusters[taken:]
        )
        said = zdo.answer(data.cluster, data.payload, nwk=0, descriptor=descriptor, max_buffer=82)
        assert said is not None
        return said

    def _tell(self, short: int, data: aps.ApsData) -> None:
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
