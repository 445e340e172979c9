"""Steps 5 to 9 in the air: a device and a meter that share nothing but the code on a label."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from openesi.provisioning.se import cbke, clusters, handshake, zcl
from openesi.provisioning.se.clusters import Cluster
from openesi.provisioning.se.device import LOAD_CONTROL_SWITCH, THERMOSTAT, HanDevice, Model, State, _Message
from openesi.provisioning.se.esi import KEYLESS_JOINS, MAX_DEVICES, Esi, Services
from openesi.provisioning.se.install_code import InstallCode
from openesi.provisioning.se.memory import Memory, Stage, form_network
from openesi.provisioning.se.radio import Ether, Frame, Kind

CODE = InstallCode.parse("83FED3407A939723A5C639B26916D505C3B5")
OTHER_CODE = InstallCode.parse("83FED3407A939738C552")
METER, DEVICE, SECOND = (
    bytes.fromhex(mac) for mac in ("000D6F00000000A1", "000D6F0000123456", "000D6F0000123457")
)
START = 1_790_000_000.0
HOUR_S = 3600.0
AUTHORITY = cbke.CertificateAuthority.generate(b"OPENESI0")
IDENTITIES = {mac: AUTHORITY.issue(eui64=mac) for mac in (METER, DEVICE, SECOND)}

PRICE = {field.name: 1 for field in clusters.PUBLISH_PRICE.fields} | {"rateLabel": b"Peak", "price": 2714}
EVENT = {field.name: 0 for field in clusters.LOAD_CONTROL_EVENT.fields} | {
    "issuerEventID": 7,
    "deviceClass": clusters.DeviceClass.HVAC,
    "durationInMinutes": 60,
}
MESSAGE = {
    "messageID": 3,
    "messageControl": 0,
    "startTime": 0,
    "durationInMinutes": 60,
    "message": b"Hot today",
}


def trust(mac: bytes) -> handshake.Trust:
    return handshake.Trust(IDENTITIES[mac], AUTHORITY.public, AUTHORITY.name)


class Home:
    """One meter, one ether, a clock, and everything that was heard."""

    def __init__(self, *, services: Services | None = None) -> None:
        self.now = START
        self.heard: list[Frame] = []
        self.ether = Ether(watch=lambda now, frame, lost: self.heard.append(frame), mac_tries=1)
        self.meter = Esi(trust(METER), form_network(), services=services)
        self.ether.place(self.meter)

    def open_window(self, device: bytes = DEVICE, code: InstallCode = CODE, *, kind: int = 0x0503) -> None:
        self.meter.open_window(device, code.link_key, device_type=kind, until=self.now + HOUR_S, now=self.now)

    def install(
        self, mac: bytes = DEVICE, code: InstallCode = CODE, *, model: Model = THERMOSTAT
    ) -> HanDevice:
        device = HanDevice(trust(mac), code.link_key, model=model)
        self.ether.place(device)
        self.ether.transmit(device.press_button(self.now), self.now)
        return device

    def run(self, *, until: float = START + 2 * HOUR_S) -> None:
        while (due := self.ether.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.ether.run(self.now)

    @property
    def states(self) -> list[str]:
        return [report.state for report in self.meter.reports]


def test_a_device_joins_gets_its_key_and_reads_what_there_is() -> None:
    home = Home(
        services=Services(message=MESSAGE, price=PRICE, event=EVENT, summation_wh=5_120_000, demand_w=740)
    )
    home.open_window()

    device = home.install()
    home.run()

    assert device.state is State.ACTIVE
    assert home.states == ["WindowOpen", "Seen", "Joined", "Commissioned", "KeyEstablished", "Provisioned"]
    assert device.readings["CurrentSummationDelivered"] == 5_120_000
    assert device.readings["Time"] == pytest.approx(home.now - clusters.EPOCH_S, abs=2)
    published, displayed, scheduled = (
        device.readings[name] for name in ("PublishPrice", "DisplayMessage", "LoadControlEvent")
    )
    assert isinstance(published, dict)
    assert published["price"] == 2714
    assert isinstance(displayed, dict)
    assert displayed["message"] == b"Hot today"
    assert isinstance(scheduled, dict)
    assert scheduled["issuerEventID"] == 7
    assert device.max_buffer == 82


def test_the_steps_come_in_the_order_of_the_use_case() -> None:
    home = Home()
    home.open_window()

    home.install()
    home.run()

    steps = [frame.step for frame in home.heard]
    assert steps == sorted(steps)
    assert set(steps) == {5, 6, 7, 8, 9}


def test_nothing_now_is_an_answer() -> None:
    home = Home()
    home.open_window()

    device = home.install()
    home.run()

    assert device.state is State.ACTIVE
    assert "PublishPrice" not in device.readings


def test_an_event_for_other_devices_is_ignored() -> None:
    home = Home(services=Services(event=EVENT | {"deviceClass": clusters.DeviceClass.POOL_PUMP}))
    home.open_window()

    device = home.install()
    home.run()

    assert device.state is State.ACTIVE
    assert "LoadControlEvent" not in device.readings


@pytest.mark.parametrize("seed", range(4))
def test_one_frame_in_ten_lost_costs_time_and_nothing_else(seed: int) -> None:
    dice = random.Random(seed)
    home = Home()
    home.ether.loss = lambda frame: dice.random() < 0.1
    home.open_window()

    device = home.install()
    home.run()

    assert device.state is State.ACTIVE, device.reason
    assert home.states[-1] == "Provisioned"


@pytest.mark.parametrize("step", [6, 7, 8, 9])
def test_the_first_answer_of_each_step_may_be_lost(step: int) -> None:
    lost: list[Frame] = []

    def lose_one(frame: Frame) -> bool:
        if not lost and frame.step == step and frame.source == METER:
            lost.append(frame)
            return True
        return False

    home = Home()
    home.ether.loss = lose_one
    home.open_window()

    device = home.install()
    home.run()

    assert lost
    assert device.state is State.ACTIVE


def test_a_lost_confirmation_leaves_no_side_without_a_key() -> None:
    """The meter holds the new key already, the device not yet: its repetition gets the same confirmation."""
    lost: list[Frame] = []

    def lose_confirmation(frame: Frame) -> bool:
        hit = frame.label == "Confirm Key" and frame.source == METER and len(lost) < 2
        if hit:
            lost.append(frame)
        return hit

    home = Home()
    home.ether.loss = lose_confirmation
    home.open_window()

    device = home.install()
    home.run()

    assert len(lost) == 2
    assert device.state is State.ACTIVE
    assert home.states.count("KeyEstablished") == 1


def test_devices_are_told_the_time_of_their_place() -> None:
    home = Home(services=Services(zone=ZoneInfo("America/New_York")))
    home.open_window()

    device = home.install()
    home.run()

    now = home.now - clusters.EPOCH_S
    told = device.readings
    assert told["TimeStatus"] == 0b0111
    assert (told["TimeZone"], told["DstShift"]) == (-5 * 3600, 3600)
    assert told["DstStart"] == unix("2026-03-08T07:00:00+00:00") - clusters.EPOCH_S
    assert told["DstEnd"] == unix("2026-11-01T06:00:00+00:00") - clusters.EPOCH_S
    assert told["StandardTime"] == pytest.approx(now - 5 * 3600, abs=5)
    assert told["LocalTime"] == pytest.approx(now - 4 * 3600, abs=5)


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_a_wrong_install_code_ends_with_the_reason() -> None:
    home = Home()
    home.open_window(code=OTHER_CODE)

    device = home.install()
    home.run()

    assert device.state is State.GAVE_UP
    assert home.states[-1] == "Failed"
    assert home.now < START + 60
    assert "wrong install code?" in home.meter.reports[-1].detail
    joins = [frame for frame in home.heard if frame.label.startswith("Transport-Key")]
    assert len(joins) == KEYLESS_JOINS


def test_after_the_right_code_is_given_the_same_device_joins() -> None:
    home = Home()
    home.open_window(code=OTHER_CODE)
    device = home.install()
    home.run()

    home.open_window()
    home.ether.transmit(device.press_button(home.now), home.now)
    home.run(until=home.now + HOUR_S)

    assert device.state is State.ACTIVE


def test_an_unknown_device_is_refused_and_reported_once() -> None:
    home = Home()
    home.open_window(SECOND)

    device = home.install(DEVICE)
    home.run(until=START + 600)

    assert device.state is State.GAVE_UP
    assert home.states.count("NotAuthorized") == 1
    assert not any(frame.label.startswith("Transport-Key") for frame in home.heard)


def test_the_window_closes_on_a_device_that_never_came() -> None:
    home = Home()
    home.open_window()

    home.run()
    device = home.install()
    home.run(until=home.now + 600)

    assert home.states[:2] == ["WindowOpen", "Expired"]
    assert home.meter.reports[1].at == START + HOUR_S
    assert device.state is State.GAVE_UP


def test_a_cancelled_window_lets_nobody_in() -> None:
    home = Home()
    home.open_window()
    home.meter.close_window(DEVICE, home.now)

    device = home.install()
    home.run()

    assert device.state is State.GAVE_UP


def test_a_device_of_another_kind_is_put_out() -> None:
    home = Home()
    home.open_window(kind=0x0503)

    device = home.install(model=LOAD_CONTROL_SWITCH)
    home.run()

    assert device.state is not State.ACTIVE
    assert "Mismatched: the device is LOAD_CONTROL, not THERMOSTAT" in home.meter.reports[-1].detail


def test_a_device_without_the_metering_cluster_is_put_out() -> None:
    bare = replace(THERMOSTAT, out_clusters=(Cluster.KEY_ESTABLISHMENT, Cluster.TIME, Cluster.PRICE))
    home = Home()
    home.open_window()

    home.install(model=bare)
    home.run()

    assert "metering cluster" in home.meter.reports[-1].detail


def test_two_devices_of_one_meter_do_not_disturb_each_other() -> None:
    home = Home()
    home.open_window(DEVICE)
    home.open_window(SECOND, OTHER_CODE, kind=0x0504)

    devices = [home.install(DEVICE), home.install(SECOND, OTHER_CODE, model=LOAD_CONTROL_SWITCH)]
    home.run()

    assert [device.state for device in devices] == [State.ACTIVE, State.ACTIVE]
    shorts = {report.short for report in home.meter.reports}
    assert len(shorts) == 2


def test_a_restarted_meter_knows_its_devices() -> None:
    home = Home()
    home.open_window()
    device = home.install()
    home.run()

    kept = msgspec.json.decode(msgspec.json.encode(home.meter.memory), type=Memory)
    restarted = Esi(trust(METER), kept, services=Services(price=PRICE))
    question = device._encode(_Message("", 9, device._cluster_data(Cluster.PRICE, 0, b"\x00")))
    answers = restarted.receive(question, home.now)
    device.receive(answers[0], home.now)

    assert kept.entries["000D6F0000123456"].stage is Stage.ACTIVE
    assert [answer.label for answer in answers] == ["PublishPrice"]
    assert device.reason == ""  # the answer's counter was newer than any the meter had used before


def test_the_key_table_has_an_end() -> None:
    home = Home()
    for number in range(MAX_DEVICES + 1):
        home.open_window(bytes(7) + bytes([number]))

    assert home.states[-1] == "Failed"
    assert "key table is full" in home.meter.reports[-1].detail


def test_a_repeated_request_extends_the_window_and_no_more() -> None:
    home = Home()
    home.open_window()
    home.now += 60
    home.open_window()

    assert len(home.meter.memory.entries) == 1
    assert home.meter.memory.entries["000D6F0000123456"].window_end == START + 60 + HOUR_S


def test_replayed_frames_are_dropped() -> None:
    home = Home()
    home.open_window()
    home.install()
    home.run()
    count = len(home.meter.reports)

    for frame in [frame for frame in home.heard if frame.source == DEVICE and frame.kind is Kind.DATA]:
        assert home.meter.receive(frame, home.now) == []

    assert len(home.meter.reports) == count


def test_secured_clusters_refuse_who_has_no_link_key() -> None:
    """A device that skips step 8 and asks for the price under the network key alone."""
    home = Home()
    home.open_window()
    device = home.install()
    home.run()
    data = device._cluster_data(Cluster.PRICE, 0, b"\x00")

    octets = device._stack.send_data(device._esi, replace(data, secure=False))
    answers = home.meter.receive(Frame(Kind.DATA, DEVICE, METER, 0, octets), home.now)

    assert [answer.label for answer in answers] == ["Default response (refused)"]


@pytest.mark.parametrize("octets", [b"", b"\x08\x02", bytes(200), b"\x08\x02" + bytes(30)])
def test_noise_is_dropped(octets: bytes) -> None:
    home = Home()
    home.open_window()

    assert home.meter.receive(Frame(Kind.DATA, DEVICE, METER, 0, octets), home.now) == []


def exchange(left: handshake.Handshake, right: handshake.Handshake) -> None:
    waiting = [(right, reply) for reply in left.start()]
    while waiting:
        receiver, (command, payload) = waiting.pop(0)
        sender = left if receiver is right else right
        waiting += [(sender, reply) for reply in receiver.receive(command, payload)]


def test_a_certificate_of_another_device_is_refused() -> None:
    liar = handshake.Handshake(trust(SECOND), METER, initiator=True)
    meter = handshake.Handshake(trust(METER), DEVICE, initiator=False)

    exchange(liar, meter)

    assert meter.failure is handshake.Status.INVALID_CERTIFICATE
    assert liar.failure is handshake.Status.INVALID_CERTIFICATE
    assert meter.keys is None


def test_a_certificate_of_another_authority_is_refused() -> None:
    other = cbke.CertificateAuthority.generate(b"SOMEBODY")
    stranger = handshake.Trust(other.issue(eui64=DEVICE), AUTHORITY.public, AUTHORITY.name)
    meter = handshake.Handshake(trust(METER), DEVICE, initiator=False)

    exchange(handshake.Handshake(stranger, METER, initiator=True), meter)

    assert meter.failure is handshake.Status.UNKNOWN_ISSUER


def test_a_forged_certificate_fails_at_the_confirmation() -> None:
    """It names the right issuer and the right device, but its key was not made by the authority."""
    forger = cbke.CertificateAuthority.generate(AUTHORITY.name)
    forged = handshake.Trust(forger.issue(eui64=DEVICE), AUTHORITY.public, AUTHORITY.name)
    meter = handshake.Handshake(trust(METER), DEVICE, initiator=False)

    exchange(handshake.Handshake(forged, METER, initiator=True), meter)

    assert meter.failure is handshake.Status.BAD_KEY_CONFIRM
    assert meter.keys is None


@pytest.mark.parametrize(
    ("command", "payload", "status"),
    [
        (handshake.INITIATE, b"\x02\x00" + bytes(50), handshake.Status.UNSUPPORTED_SUITE),
        (handshake.INITIATE, b"", handshake.Status.BAD_MESSAGE),
        (handshake.CONFIRM_KEY, bytes(16), handshake.Status.BAD_MESSAGE),
        (0x77, b"", handshake.Status.BAD_MESSAGE),
    ],
)
def test_what_does_not_belong_ends_the_exchange(
    command: int, payload: bytes, status: handshake.Status
) -> None:
    meter = handshake.Handshake(trust(METER), DEVICE, initiator=False)

    replies = meter.receive(command, payload)

    assert replies[0][0] == handshake.TERMINATE
    assert meter.failure is status


def test_attributes_are_read_and_unsupported_ones_named() -> None:
    table, values = (
        clusters.METERING_ATTRIBUTES,
        {"CurrentSummationDelivered": 2**40, "InstantaneousDemand": -5},
    )

    payload = zcl.encode_read_response((0x0000, 0x0400, 0x0999), table, values)

    assert zcl.decode_read_response(payload, table) == values
