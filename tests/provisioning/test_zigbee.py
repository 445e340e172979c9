"""A real radio's adapter, from the library's side: an application of zigpy's, and EZSP frames of bellows'.

There is no radio here. The application below does in Python what a co-processor does in firmware, behind the
interface that zigpy asks of every radio library.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import zigpy.device
import zigpy.endpoint
import zigpy.exceptions
import zigpy.types as t
import zigpy.zdo.types as zdo_t
from bellows.ezsp.v8 import EZSPv8
from bellows.ezsp.v13 import EZSPv13
from bellows.types import EzspDecisionBitmask
from zigpy.application import ControllerApplication

from openesi.errors import LocalError, Unreachable
from openesi.provisioning import ami, zigbee
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.roles.meter_esi import MeterEsi
from openesi.provisioning.roles.network import nic_name
from openesi.provisioning.se import aps, cbke, esi, eui64, handshake, zdo
from openesi.provisioning.se.device import HanDevice
from openesi.provisioning.se.device import State as DeviceState
from openesi.provisioning.se.install_code import InstallCode
from openesi.provisioning.se.memory import Entry, Stage
from openesi.provisioning.simulation import default_services
from openesi.provisioning.state import State
from provisioning import ember

METER, DEVICE, STRANGER = (
    bytes.fromhex(mac) for mac in ("000D6F00000000A1", "000D6F0000123456", "000D6F00000000FF")
)
MAC = eui64.serialize(DEVICE)
CODE = InstallCode.parse("83FED3407A939723A5C639B26916D505C3B5")
METER_KEY = bytes(range(16))
OK, NOT_FOUND = bytes(4), b"\x2d\x00\x00\x00"  # sl_Status
START, HOUR_S = 1_790_000_000.0, 3600.0
AUTHORITY = cbke.CertificateAuthority.generate(b"OPENESI0")


def trust(mac: bytes) -> handshake.Trust:
    return handshake.Trust(AUTHORITY.issue(eui64=mac), AUTHORITY.public, AUTHORITY.name)


class Firmware(ember.Antenna, ControllerApplication):
    """A co-processor with its firmware, as zigpy sees it; at its antenna the simulated air."""

    own = METER

    def __init__(self, config: dict[str, Any]) -> None:
        ControllerApplication.__init__(self, config)
        ember.Antenna.__init__(self, self.own, START)

    # what zigpy asks of a library

    async def connect(self) -> None:
        await self.register_endpoints()

    async def disconnect(self) -> None: ...

    async def load_network_info(self, *, load_devices: bool = False) -> None:
        self.state.node_info.ieee = t.EUI64(self.own[::-1])
        self.state.node_info.nwk = t.NWK(0)

    async def start_network(self) -> None:
        device = self.add_device(self.state.node_info.ieee, t.NWK(0))
        device.endpoints[1] = zigpy.endpoint.Endpoint(device, 1)

    async def write_network_info(self, *, network_info: Any, node_info: Any) -> None: ...
    async def reset_network_info(self) -> None: ...

    async def add_endpoint(self, descriptor: zdo_t.SimpleDescriptor) -> None:
        self.descriptor = zdo.SimpleDescriptor(
            descriptor.endpoint,
            descriptor.profile,
            descriptor.device_type,
            tuple(descriptor.input_clusters),
            tuple(descriptor.output_clusters),
        )

    async def permit_ncp(self, time_s: int = 60) -> None:
        self.permitted_until = self.now + time_s

    async def permit_with_link_key(self, node: t.EUI64, link_key: t.KeyData, time_s: int = 60) -> None:
        self.admit(node.serialize()[::-1], link_key.serialize())
        await self.permit_ncp(time_s)

    async def force_remove(self, dev: zigpy.device.Device) -> None:
        self.put_out(dev.ieee.serialize()[::-1])

    async def send_packet(self, packet: t.ZigbeePacket) -> None:
        if packet.dst.addr_mode is t.AddrMode.NWK:  # broadcasts are zigpy's own: permit joining, green power
            secure = t.TransmitOptions.APS_Encryption in packet.tx_options
            payload, ends = packet.data.serialize(), (packet.src_ep, packet.dst_ep)
            data = aps.ApsData(packet.cluster_id, payload, packet.profile_id, *ends, secure=secure)
            self.say(int(packet.dst.address), data)

    # what the air has for the host

    def has_joined(self, device: bytes, short: int) -> None:
        self.handle_join(t.NWK(short), t.EUI64(device[::-1]), t.NWK(0))

    def has_said(self, short: int, data: aps.ApsData) -> None:
        self.packet_received(
            t.ZigbeePacket(
                src=t.AddrModeAddress(addr_mode=t.AddrMode.NWK, address=t.NWK(short)),
                dst=t.AddrModeAddress(addr_mode=t.AddrMode.NWK, address=t.NWK(0)),
                src_ep=data.source_endpoint,
                dst_ep=data.destination_endpoint,
                profile_id=data.profile,
                cluster_id=data.cluster,
                data=t.SerializableBytes(data.payload),
                tx_options=t.TransmitOptions.APS_Encryption if data.secure else t.TransmitOptions.NONE,
            )
        )


async def write_key(firmware: Firmware, ieee: t.EUI64, key: t.KeyData) -> None:
    firmware.write_key(ieee.serialize()[::-1], key.serialize())


class House:
    """A meter whose ESI sits on the radio, and the devices around it."""

    def __init__(self, state: State, *, firmware: type[Firmware] = Firmware) -> None:
        self.state = state
        self.firmware = self.make_firmware(firmware)
        self.radio = zigbee.ZigbeeRadio(clock=lambda: self.firmware.now)
        self.meter = MeterEsi(
            "M-1",
            state,
            trust=trust(METER),
            meter_key=METER_KEY,
            services=default_services(),
            coordinator=self.radio,
        )

    def make_firmware(self, library: type[Firmware]) -> Any:
        made: Any = zigbee.application_class(library)
        return made(zigbee.configuration("/dev/null"))

    async def settle(self) -> None:
        """Wait until the radio has done what it was asked, and told what it heard."""
        await self.radio.idle()

    async def start(self, devices: dict[bytes, int] | None = None) -> None:
        await self.radio.start(self.firmware, self.meter, write_key=write_key, devices=devices or {})

    async def open_window(self, duration_s: float = HOUR_S) -> None:
        now = self.firmware.now
        sealed = ami.seal(CODE.link_key, METER_KEY, meter="M-1", mac=MAC)
        command = ami.OpenWindow("M-1", MAC, 0x0503, sealed, now, now + duration_s, "c-1")
        letter = Letter(
            str(uuid.uuid4()), nic_name("M-1"), self.meter.name, Language.AMI, ami.serialize(command), "open"
        )
        assert ami.parse(self.meter.receive(letter, now)) == ami.Ack()
        await self.settle()

    def install(self, mac: bytes = DEVICE, code: InstallCode = CODE) -> HanDevice:
        device = HanDevice(trust(mac), code.link_key)
        self.firmware.ether.place(device)
        self.firmware.ether.transmit(device.press_button(self.firmware.now), self.firmware.now)
        return device

    async def run(self, seconds: float) -> None:
        """Let simulated time pass; the radio gets to do what it was asked at each moment of it."""
        end = self.firmware.now + seconds
        while True:
            await self.settle()
            dues = [self.firmware.ether.next_deadline(), self.meter.next_air_deadline()]
            due = min((one for one in dues if one is not None), default=end)
            if due > end:
                break
            self.firmware.now = max(self.firmware.now, due)
            self.meter.tick_air(self.firmware.now)
            self.firmware.ether.run(self.firmware.now)
            if due == end:
                break
        self.firmware.now = end

    @property
    def entry(self) -> Entry:
        return self.meter.esi.memory.entries[MAC]

    def states(self) -> list[str]:
        return [
            one.event for one in self.state.select_journal(subject=MAC) if one.step or one.event == "Failed"
        ]


def play(act: Callable[[House], Awaitable[None]], path: Path, **options: Any) -> None:
    async def live() -> None:
        state = State(path / "state.db")
        house = House(state, **options)
        try:
            await act(house)
        finally:
            await house.radio.close()
            state.close()

    asyncio.run(live())


def test_a_device_goes_all_the_way_over_a_radio_library(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.start()
        await house.open_window()
        device = house.install()
        await house.run(120)

        assert device.state is DeviceState.ACTIVE
        assert house.entry.stage is Stage.ACTIVE
        assert house.states() == [
            "WindowOpen",
            "Seen",
            "Joined",
            "Commissioned",
            "KeyEstablished",
            "Provisioned",
        ]
        assert house.firmware.keys == {DEVICE: house.entry.link_key}
        assert "LoadControlEvent" in device.readings
        assert house.firmware.descriptor == esi.DESCRIPTOR

    play(act, tmp_path)


def test_a_wrong_install_code_ends_as_in_the_simulation(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.start()
        await house.open_window()
        house.install(code=InstallCode.parse("83FED3407A939738C552"))
        await house.run(120)

        assert house.entry.stage is Stage.FAILED
        assert house.states()[-1] == "Failed"
        assert house.firmware.keys == {}

    play(act, tmp_path)


def test_permission_to_join_is_renewed_until_the_window_ends(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.start()
        await house.open_window(duration_s=600)
        for _ in range(5):
            await house.run(110)
            assert house.firmware.permits_joining(house.firmware.now)
        await house.run(300)

        assert not house.firmware.permits_joining(house.firmware.now)
        assert house.entry.stage is Stage.EXPIRED

    play(act, tmp_path)


def test_a_window_that_is_closed_lets_nobody_in_from_then_on(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.start()
        await house.open_window()
        house.meter.esi.close_window(DEVICE, house.firmware.now)
        await house.settle()

        assert not house.firmware.permits_joining(house.firmware.now)

    play(act, tmp_path)


def test_a_device_that_the_firmware_lets_in_and_the_meter_does_not_is_put_out(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.start()
        await house.open_window()
        await house.firmware.permit_with_link_key(t.EUI64(STRANGER[::-1]), t.KeyData(CODE.link_key), 200)
        device = house.install(STRANGER)
        await house.run(60)

        assert house.firmware.removed == [STRANGER]
        assert device.state is not DeviceState.ACTIVE
        told = [one.event for one in house.state.select_journal(subject=eui64.serialize(STRANGER))]
        assert told[0] == "NotAuthorized"

    play(act, tmp_path)


def test_devices_known_before_a_restart_are_heard_after_it(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.start()
        await house.open_window()
        device = house.install()
        await house.run(120)
        again = House(house.state)
        again.firmware.ether, again.firmware.coordinator = house.firmware.ether, house.firmware.coordinator
        again.firmware.table, again.firmware.now = house.firmware.table, house.firmware.now
        again.firmware.ether.place(again.firmware)
        await again.start({DEVICE: again.entry.short})
        device.readings.clear()
        again.firmware.ether.transmit(device.press_button(again.firmware.now), again.firmware.now)
        await again.open_window()
        await again.run(120)

        assert device.state is DeviceState.ACTIVE
        assert "CurrentSummationDelivered" in device.readings
        await again.radio.close()

    play(act, tmp_path)


class Other(Firmware):
    """The radio of another meter."""

    own = STRANGER


class Silent(Firmware):
    """Nothing at the other end of the line."""

    async def connect(self) -> None:
        raise zigpy.exceptions.TransientConnectionError("no answer")


def test_a_radio_without_the_certificates_address_is_not_used(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        with pytest.raises(LocalError, match="an ESI needs a certificate for the address of its radio"):
            await house.start()

    play(act, tmp_path, firmware=Other)


def test_no_radio_is_a_clear_error(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        with pytest.raises(Unreachable, match="the radio does not answer: no answer"):
            await house.start()

    play(act, tmp_path, firmware=Silent)


def test_frames_the_radio_makes_up_harm_nothing(tmp_path: Path) -> None:
    async def act(house: House) -> None:
        await house.start()
        await house.open_window()
        device = house.install()
        await house.run(120)
        for profile, cluster in ((0, 0x0013), (0, 0x8005), (0, 0x8004), (0x0109, 0x0800), (0x0109, 0x0700)):
            for payload in (b"", b"\x00", bytes(3), b"\xff" * 90):
                data = aps.ApsData(cluster, payload, profile, 10, 1)
                house.firmware.take(DEVICE, data, house.firmware.now, key=None)
        await house.run(10)

        assert house.entry.stage is Stage.ACTIVE
        assert device.state is DeviceState.ACTIVE

    play(act, tmp_path)


class EmberHouse(House):
    """The same, with bellows itself between the ESI and a co-processor at a TCP port."""

    def make_firmware(self, library: type[Firmware]) -> Any:
        return ember.Ncp(METER, START)

    async def start(self, devices: dict[bytes, int] | None = None) -> None:
        self.server = await ember.serve(self.firmware)
        port = self.server.sockets[0].getsockname()[1]
        # Without a thread of its own for the line: the test's loop is in no hurry.
        settings = zigbee.configuration(f"socket://127.0.0.1:{port}") | {"use_thread": False}
        made: Any = zigbee.application_class()
        await self.radio.start(
            made(settings), self.meter, write_key=zigbee.write_ember_key, devices=devices or {}
        )

    async def settle(self) -> None:
        await self.radio.idle()
        while await self.firmware.idle():
            await self.radio.idle()


def test_a_device_goes_all_the_way_over_a_co_processor(tmp_path: Path) -> None:
    async def live() -> None:
        state = State(tmp_path / "state.db")
        house = EmberHouse(state)
        try:
            await house.start()
            await house.open_window()
            device = house.install()
            await house.run(120)

            assert device.state is DeviceState.ACTIVE
            assert house.entry.stage is Stage.ACTIVE
            assert house.states()[-1] == "Provisioned"
            assert "LoadControlEvent" in device.readings
            policy = house.firmware.asked["setPolicy"][-1]["decisionId"]
            assert policy & EzspDecisionBitmask.JOINS_USE_INSTALL_CODE_KEY
            (known,) = house.firmware.asked["importTransientKey"]  # and no well-known one for everybody
            assert known["eui64"].serialize() == DEVICE[::-1]
            assert known["plaintext_key"].serialize() == CODE.link_key
            assert house.firmware.keys == {DEVICE: house.entry.link_key}
        finally:
            await house.radio.close()
            house.server.close()
            state.close()

    asyncio.run(live())


class Line:
    """The serial line below bellows' EZSP: takes frames, and answers from a script."""

    def __init__(self, answers: dict[str, list[bytes]]) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.answers = answers
        self.protocol: Any = None

    async def send_data(self, data: bytes) -> None:
        sequence, number, rest = self.protocol._ezsp_frame_rx(data)
        name = self.protocol.COMMANDS_BY_ID[number][0]
        self.sent.append((name, rest))
        head = self.protocol._ezsp_frame_tx(name)
        answer = bytes([sequence]) + head[1:] + self.answers[name].pop(0)
        asyncio.get_running_loop().call_soon(self.protocol, answer)


class Ember:
    """What ``write_ember_key`` reaches into: a bellows application with its EZSP."""

    def __init__(self, protocol: type, version: int, answers: dict[str, list[bytes]]) -> None:
        self.line = Line(answers)
        self._ezsp = self.line.protocol = protocol(lambda *args: None, self.line)
        self._ezsp.ezsp_version = version

    def write(self) -> None:
        asyncio.run(zigbee.write_ember_key(self, t.EUI64(DEVICE[::-1]), t.KeyData(CODE.link_key)))


def test_a_key_goes_into_the_table_of_older_firmware() -> None:
    ember = Ember(EZSPv8, 8, {"addOrUpdateKeyTableEntry": [b"\x00"]})

    ember.write()

    assert ember.line.sent == [("addOrUpdateKeyTableEntry", DEVICE[::-1] + b"\x01" + CODE.link_key)]


def test_a_key_goes_into_the_first_free_place_of_newer_firmware() -> None:
    entry = STRANGER[::-1] + bytes(16 + 12)  # address, key, and what is known of it
    taken, free = entry + OK, entry + NOT_FOUND
    ember = Ember(
        EZSPv13,
        13,
        {"findKeyTableEntry": [b"\xff"], "exportLinkKeyByIndex": [taken, free], "importLinkKey": [OK]},
    )

    ember.write()

    assert ember.line.sent[-1] == ("importLinkKey", b"\x01" + DEVICE[::-1] + CODE.link_key)


def test_a_key_that_the_firmware_does_not_take_is_an_error() -> None:
    ember = Ember(EZSPv13, 13, {"findKeyTableEntry": [b"\x03"], "importLinkKey": [NOT_FOUND]})

    with pytest.raises(LocalError, match="did not take the link key"):
        ember.write()
