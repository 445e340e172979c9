"""The use case and its failures, played through all roles; the post-conditions checked in every system."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.errors import LocalError
from openesi.provisioning import ami, device_types, lifecycle, linkage, scenarios, usecase
from openesi.provisioning.cim import xml
from openesi.provisioning.cim.codes import CimError, Verb
from openesi.provisioning.cim.model import (
    ControlledDevice,
    ElectronicAddress,
    EndDeviceControl,
    EndDeviceControls,
    EndDeviceTiming,
    Header,
    Kind,
    Message,
    Payload,
    TypeRef,
    moment,
    named,
)
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.lifecycle import Event
from openesi.provisioning.lifecycle import State as Stage
from openesi.provisioning.roles.cis import Cis, Premise
from openesi.provisioning.roles.dr_application import Customer, Device, DrApplication
from openesi.provisioning.roles.head_end import Meter
from openesi.provisioning.se import device as se_device
from openesi.provisioning.se.clusters import DeviceClass
from openesi.provisioning.se.install_code import InstallCodeError
from openesi.provisioning.se.memory import Stage as EsiStage
from openesi.provisioning.simulation import PRICES, PROGRAM, Home, Utility, build, default_services
from openesi.provisioning.state import INBOX_ROWS, State
from openesi.provisioning.transport.http import to_letter
from openesi.provisioning.world import Line, Passage, World

START = 1_790_000_000.0
SAMPLES = Path(__file__).parent / "samples"


class Scene:
    """A world with one utility, and what was said in it."""

    def __init__(self, state: State, *, homes: int = 1) -> None:
        self.state = state
        self.lines: list[Line] = []
        self.world = World(state, now=START, watch=self.lines.append)
        self.utility = build(state, self.world, homes=homes, services=default_services())
        self.home = self.utility.homes[0]


@pytest.fixture
def scene() -> Iterator[Scene]:
    state = State(":memory:")
    yield Scene(state)
    state.close()


def joined_everywhere(utility: Utility, home: Home) -> None:
    """What the use case asks for at its end, in every system."""
    order = utility.head_end.order(home.device)
    account = utility.cis.device(home.device)
    assert utility.stage(home) is Stage.CONFIRMED
    assert order is not None
    assert order.state == "Provisioned"
    assert account is not None
    assert (account.status, account.premise) == ("Joined", home.premise)
    assert home.esi.esi.memory.entries[home.device].stage is EsiStage.ACTIVE
    assert home.appliance is not None
    assert home.appliance.state is se_device.State.ACTIVE


def test_all_fourteen_steps_happen_in_order_between_the_right_actors(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["normal"].acts(scene.utility, scene.home))

    joined_everywhere(scene.utility, scene.home)
    first = {}
    for line in scene.lines:
        if line.step and line.step not in first:
            first[line.step] = line
    assert sorted(first) == [step.number for step in usecase.STEPS]
    assert list(first) == sorted(first)
    for step in usecase.STEPS:
        line = first[step.number]
        assert line.source.startswith(step.source), step
        assert line.target.startswith(step.target) or line.label == "Beacon request", step
        if not line.radio:
            assert line.label == step.message, step


def test_the_journal_tells_of_all_fourteen_steps_in_order(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["normal"].acts(scene.utility, scene.home))

    journal = scene.state.select_journal(subject=scene.home.device, limit=10_000)
    told = dict.fromkeys(entry.step for entry in journal if entry.step)

    assert list(told) == [step.number for step in usecase.STEPS]
    read = usecase.read_aloud(journal)
    times = [one.at for one in read]
    assert None not in times
    assert times == sorted(times, key=lambda at: at or 0)
    assert (read[0].event, read[-1].event) == ("Accepted", "Confirmed")


def test_a_message_that_was_refused_afterwards_is_not_what_came_of_a_step(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["normal"].acts(scene.utility, scene.home))
    said = linkage.Linkage(scene.home.device, "Joined", START, premise="nowhere")
    payload = linkage.to_linkage(said, kind=linkage.JOIN, by="DR-APPLICATION", now=START)

    scene.utility.cis.receive(letter_of("DR-APPLICATION", Verb.CREATE, payload, to="CIS"), START + 1000)

    read = usecase.read_aloud(scene.state.select_newest(subject=scene.home.device))
    assert (read[-1].actor, read[-1].event) == ("DR-APPLICATION", "Confirmed")


def test_a_use_case_that_failed_is_read_to_where_it_stands(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["wrong-code"].acts(scene.utility, scene.home))

    read = usecase.read_aloud(scene.state.select_newest(subject=scene.home.device))

    assert [one.step.number for one in read if one.at is not None] == [1, 2, 3, 4, 5]


def test_every_subscriber_has_to_accept_step_14() -> None:
    """The use case leaves open whether the operational data store is told as well; here it is."""
    state = State(":memory:")
    world = World(state, now=START)
    utility = build(state, world, subscribers=("CIS", "ODS"))
    ods = Cis("ODS", state, peers=frozenset({"DR-APPLICATION"}))
    home = utility.homes[0]
    scenarios.play(utility, home, scenarios.BY_NAME["normal"].acts(utility, home))
    assert utility.stage(home) is Stage.REPORTED

    ods.add_premise(Premise(home.premise, "A-00001", home.meter, ["DR-SUMMER-SAVER-0001"]))
    world.add(ods)
    world.run(world.now + 600)

    again = DrApplication(state, peers=frozenset())
    assert again.status(home.device).state is Stage.CONFIRMED
    assert again.status(home.device).told == {"CIS": "accepted", "ODS": "accepted"}
    assert {one.status for one in (*utility.cis.devices(), *ods.devices())} == {"Joined"}
    state.close()


def test_a_flood_of_messages_makes_them_wait_and_loses_none(scene: Scene) -> None:
    scene.state.inbox_rows = INBOX_ROWS
    scene.utility.open_window(scene.home)
    scene.world.run(scene.world.now + 60)
    assert scene.utility.stage(scene.home) is Stage.REQUESTED

    scene.state.prune(scene.world.now)
    scene.world.run(scene.world.now + 120)
    scene.utility.install(scene.home)
    scene.world.run(scene.world.now + 600)

    joined_everywhere(scene.utility, scene.home)


def test_only_the_newest_request_is_read(scene: Scene) -> None:
    scenario = scenarios.BY_NAME["removed"]
    scenarios.play(scene.utility, scene.home, scenario.acts(scene.utility, scene.home))
    scene.utility.open_window(scene.home)
    scene.world.run(scene.world.now + 1)

    read = usecase.read_aloud(scene.state.select_newest(subject=scene.home.device))

    assert [one.step.number for one in read if one.at is not None] == [1, 2, 3, 4]


def test_the_journal_keeps_the_beginning_of_a_long_message(scene: Scene) -> None:
    body = b"<a><installCode>83FED3407A932B70</installCode>" + bytes(1 << 20)

    scene.state.shelf("CIS").note(START, "received", body=body)

    (kept,) = [entry.body for entry in scene.state.select_journal() if entry.body]
    assert len(kept) < 20_000
    assert b"83FED" not in kept


@pytest.mark.parametrize("scenario", scenarios.SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_failure_ends_in_its_stated_place_and_leads_out_of_it(
    scenario: scenarios.Scenario, scene: Scene
) -> None:
    utility, home = scene.utility, scene.home

    scenarios.play(utility, home, scenario.acts(utility, home))
    assert utility.stage(home) is scenario.ends, utility.dr.status(home.device).reason

    scenarios.play(utility, home, scenario.recovery(utility, home))
    assert utility.stage(home) is scenario.after, utility.dr.status(home.device).reason
    joined_everywhere(utility, home)


def test_ends_are_documented_and_can_be_left() -> None:
    for end in lifecycle.RECOVERY:
        assert any(
            end in sources and target is not end for sources, target in lifecycle.TRANSITIONS.values()
        ), end


@pytest.mark.parametrize("state", Stage)
@pytest.mark.parametrize("event", Event)
def test_late_news_change_nothing_and_early_ones_skip(state: Stage, event: Event) -> None:
    sources, target = lifecycle.TRANSITIONS[event]

    assert lifecycle.step(state, event) is (target if state in sources else state)


def test_a_failure_says_why(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["wrong-code"].acts(scene.utility, scene.home))

    assert "wrong install code?" in scene.utility.dr.status(scene.home.device).reason


def test_messages_that_come_thrice_have_one_effect(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["doubled"].acts(scene.utility, scene.home))

    journal = scene.state.select_journal(subject=scene.home.device, limit=10_000)
    assert [entry.event for entry in journal].count("Confirmed") == 1
    assert [entry.event for entry in journal if entry.role == "CIS"].count("Joined") == 1


def test_two_homes_do_not_disturb_each_other() -> None:
    state = State(":memory:")
    scene = Scene(state, homes=2)
    for home in scene.utility.homes:
        scene.utility.open_window(home)
        scene.utility.install(home)

    scene.world.run(START + 300)

    for home in scene.utility.homes:
        joined_everywhere(scene.utility, home)
    state.close()


@pytest.mark.parametrize("seed", range(6))
def test_roles_that_are_killed_and_started_again_lose_nothing(seed: int, tmp_path: Path) -> None:
    """At a random moment all of the utility but its database is gone; the device stays as it is."""
    dice = random.Random(seed)
    state = State(tmp_path / "state.db")
    scene = Scene(state)
    scene.world.fate = lambda letter, way: Passage(lost=dice.random() < 0.1)
    scene.utility.open_window(scene.home)
    appliance = scene.utility.install(scene.home, rejoin_s=60)
    scene.world.run(START + dice.uniform(0, 4))
    state.close()

    state = State(tmp_path / "state.db")
    again = Scene(state)
    again.home.appliance = appliance
    again.home.ether.place(appliance)
    again.world.poke_home(again.home.esi)
    again.world.run(START + 3000)

    joined_everywhere(again.utility, again.home)
    state.close()


def test_no_secret_is_in_the_journal(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["normal"].acts(scene.utility, scene.home))

    shown = b"".join(entry.body or b"" for entry in scene.state.select_journal(limit=10_000))
    assert b"installCode>********<" in shown
    assert scene.home.code.printed.encode() not in shown
    entry = scene.home.esi.esi.memory.entries[scene.home.device]
    assert entry.link_key is not None
    assert entry.link_key.hex().encode() not in shown.lower()


def change_customer(utility: Utility, **changes: object) -> None:
    customer = utility.dr.shelf.select_all(Customer)[0]
    fields = {name: getattr(customer, name) for name in customer.__struct_fields__} | changes
    utility.dr.add_customer(Customer(**fields))


def test_a_window_needs_what_the_use_case_asks_for(scene: Scene) -> None:
    utility, home = scene.utility, scene.home
    agreements = {PROGRAM: "X"}

    with pytest.raises(LocalError, match="never imported"):
        utility.dr.open_window("000D6F0000FFFFFF", START)
    with pytest.raises(LocalError, match="30 days"):
        utility.open_window(home, duration_s=0)
    with pytest.raises(LocalError, match="30 days"):
        utility.open_window(home, duration_s=31 * 86_400)
    change_customer(utility, agreements={})
    with pytest.raises(LocalError, match="not enrolled"):
        utility.open_window(home)
    change_customer(utility, agreements=agreements | {PRICES: "Y"})
    with pytest.raises(LocalError, match="real-time prices"):
        utility.open_window(home)


def test_a_code_is_checked_when_it_is_imported(scene: Scene) -> None:
    with pytest.raises(InstallCodeError):
        scene.utility.dr.add_device(
            Device("000D6F0000000001", "ProgCtlThermostat", "83FED3407A939738C553"), START
        )
    with pytest.raises(LocalError, match="ProgCtlThermostat"):
        scene.utility.dr.add_device(Device("000D6F0000000001", "Toaster", "83FED3407A939738C552"), START)


def test_a_meter_that_is_not_in_service_is_refused_with_its_code(scene: Scene) -> None:
    meter = scene.utility.head_end.shelf.select(Meter, scene.home.meter)
    assert meter is not None
    scene.utility.head_end.add_meter(Meter(meter.number, meter.usage_point, meter.key, in_service=False))

    scene.utility.open_window(scene.home)
    scene.world.run(START + 10)

    status = scene.utility.dr.status(scene.home.device)
    assert status.state is Stage.REJECTED
    assert "2.4" in status.reason


def test_a_meter_whose_clock_is_ahead_does_not_make_later_news_old(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["normal"].acts(scene.utility, scene.home))
    order = scene.utility.head_end.order(scene.home.device)
    assert order is not None

    for at in (1e12, -1e300, 1e300):  # in no calendar, or in the far future
        report = ami.HanState(order.meter, order.mac, "Provisioned", at, order.correlation)
        body = ami.serialize(report)
        scene.utility.head_end.receive(
            Letter(f"ahead {at}", "AMI-NETWORK", "AMI-HEADEND", Language.AMI, body, "han.state"),
            scene.world.now,
        )
    scene.world.run(scene.world.now + 60)
    scene.utility.dr.remove(scene.home.device, scene.world.now)
    scene.world.poke(scene.utility.dr)
    scene.world.run(scene.world.now + 60)

    account = scene.utility.cis.device(scene.home.device)
    order = scene.utility.head_end.order(scene.home.device)
    assert account is not None
    assert order is not None
    assert (account.status, order.state) == ("Removed", "Removed")
    assert scene.utility.stage(scene.home) is Stage.REMOVED


@pytest.mark.parametrize("source", ["CIS", "SEP2-HEADEND"])
def test_what_became_of_a_device_is_told_by_its_own_head_end_alone(scene: Scene, source: str) -> None:
    said = linkage.Linkage(scene.home.device, "Provisioned", START, meter=scene.home.meter)
    happening = linkage.Happening(scene.home.device, "Removed", START)
    scene.utility.open_window(scene.home)

    answers = [
        scene.utility.dr.receive(letter_of(source, verb, payload), START)
        for verb, payload in (
            (Verb.CREATE, linkage.to_linkage(said, kind=linkage.PROVISIONING, by=source, now=START)),
            (Verb.CREATED, linkage.to_events(happening, issuer=source, now=START)),
        )
    ]

    assert [reply.code for one in answers if (reply := xml.parse(one).reply)] == ["7.5", "7.5"]
    assert scene.utility.stage(scene.home) is Stage.REQUESTED


def letter_of(source: str, verb: Verb, payload: Payload, *, to: str = "DR-APPLICATION") -> Letter:
    """A message of a peer, as the listener hands it to a role."""
    header = Header(
        Verb=verb, Noun=type(payload).__name__, Timestamp=moment(START), Source=source, MessageID=f"{verb} 1"
    )
    kind = Kind.REQUEST if verb is Verb.CREATE else Kind.EVENT
    return to_letter(Message(kind=kind, header=header, payload=payload), source, to)


def test_a_head_end_that_is_gone_after_it_accepted_ends_in_expired_and_leads_out_of_it(scene: Scene) -> None:
    scene.utility.open_window(scene.home, duration_s=600)
    scene.world.run(START + 1)
    assert scene.utility.stage(scene.home) is Stage.WINDOW_OPEN
    scene.world.down.add("AMI-HEADEND")
    scene.utility.open_window(scene.home, duration_s=1200)

    scene.world.run(START + 1200)
    assert scene.utility.stage(scene.home) is Stage.WINDOW_OPEN
    scene.world.run(START + 86_400)
    status = scene.utility.dr.status(scene.home.device)
    assert (status.state, status.reason) == (Stage.EXPIRED, "AMI-HEADEND did not answer")

    scene.world.down.clear()
    scene.utility.open_window(scene.home)
    scene.utility.install(scene.home)
    scene.world.run(scene.world.now + 600)
    joined_everywhere(scene.utility, scene.home)


def test_a_meter_whose_end_of_the_window_is_never_told_ends_in_expired(scene: Scene) -> None:
    scene.utility.open_window(scene.home, duration_s=600)
    scene.world.run(START + 1)
    scene.world.down.add("AMI-NETWORK")

    scene.world.run(START + 3600)

    status = scene.utility.dr.status(scene.home.device)
    assert status.state is Stage.EXPIRED
    assert status.reason == "AMI-HEADEND did not tell what became of the window"


def test_a_device_of_2030_5_is_refused_at_a_meter(scene: Scene) -> None:
    now = scene.world.now
    names = (("A" * 40, "LFDI"), ("ProgCtlThermostat", "EndDeviceType"))
    device = ControlledDevice(
        isPan=True,
        electronicAddress=ElectronicAddress(password=scene.home.code.printed),
        Names=tuple(named(*one) for one in names),
    )
    meter = ControlledDevice(isPan=False, Names=(named(scene.home.meter, "MeterNumber"),))
    control = EndDeviceControl(
        EndDeviceControlType=TypeRef(ref="7.10.73.298"),
        EndDevices=(device, meter),
        primaryDeviceTiming=EndDeviceTiming(duration=10),
    )
    payload = EndDeviceControls(EndDeviceControl=(control,))

    answer = scene.utility.head_end.receive(
        letter_of("DR-APPLICATION", Verb.CREATE, payload, to="AMI-HEADEND"), now
    )

    reply = xml.parse(answer).reply
    assert reply is not None
    assert (reply.code, "LFDI" in reply.reason) == ("2.29", True)


def test_a_command_about_no_device_is_refused_by_the_meter(scene: Scene) -> None:
    command = ami.OpenWindow(scene.home.meter, "A" * 40, 0x0503, b"", START, START + 60, "c")
    letter = Letter("1", "NIC", "ESI", Language.AMI, ami.serialize(command), "han.window.open")

    ack = ami.parse(scene.home.esi.receive(letter, START))

    assert isinstance(ack, ami.Ack)
    assert not ack.ok
    assert "16 hexadecimal digits" in ack.reason


WORDS = (
    *("", "-1", "1e308", "9" * 300, "x" * 2048, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "A" * 40),
    *(
        "LFDI",
        "MAC",
        "MeterNumber",
        "EndDeviceType",
        "PremiseID",
        "LoadControlDevice",
        "Provisioned",
        "Removed",
    ),
    *("000D6F0000123456", "000D6F0000123457", "M-55512345", "M-55512346", "123456789", "UP-123456789"),
    *("true", "false", "7.10.73.298", "0.10.73.299", "12.10.74.212", "83FED3407A939738C552"),
)
EVENT = (
    "<EventMessage><Header><Verb>created</Verb><Noun>EndDeviceEvents</Noun><Timestamp>T</Timestamp>"
    "<Source>S</Source><MessageID>I</MessageID></Header><Payload>{}</Payload></EventMessage>"
)


def letters_of_peers() -> list[tuple[str, str, str]]:
    """From whom, to whom, and a message that is right but for its time and id."""
    steps = {name: (SAMPLES / f"{name}.xml").read_text() for name in ("step1_controls", "step14_linkage")}
    close = steps["step14_linkage"].replace("CreateMaster", "CloseMaster").replace(">create<", ">close<")
    events = EVENT.format((SAMPLES / "expiry_event_payload.xml").read_text())
    return [
        ("DR-APPLICATION", "AMI-HEADEND", steps["step1_controls"]),
        ("DR-APPLICATION", "AMI-HEADEND", close),
        ("AMI-HEADEND", "DR-APPLICATION", (SAMPLES / "step13_linkage.xml").read_text()),
        ("AMI-HEADEND", "DR-APPLICATION", events),
        ("DR-APPLICATION", "CIS", steps["step14_linkage"]),
        ("DR-APPLICATION", "CIS", close),
    ]


PEERS = letters_of_peers()
VALUES = re.compile(r">([^<>\n]+)<|\bref=\"([^\"]*)\"")


def damaged(text: str, data: st.DataObject, now: float) -> str:
    """A message of now with some of its values replaced by others that are right elsewhere, or nowhere."""
    ends = {"Timestamp": now, "start": now, "end": now + 600}
    for name, at in ends.items():
        text = re.sub(rf"(?<={name}>)[^<]+(?=<)", moment(at).isoformat(), text)
    for _ in range(data.draw(st.integers(0, 3))):
        found = data.draw(st.sampled_from(list(VALUES.finditer(text))))
        start, end = found.span(found.lastindex or 0)
        text = text[:start] + data.draw(st.sampled_from(WORDS)) + text[end:]
    return text


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_whatever_a_peer_writes_is_answered_and_stops_nobody(data: st.DataObject) -> None:
    state = State(":memory:")
    scene = Scene(state, homes=2)
    for number in range(40):
        source, target, text = data.draw(st.sampled_from(PEERS))
        text = re.sub(r"(?<=MessageID>)[^<]+", str(number), damaged(text, data, scene.world.now))
        text = re.sub(r"(?<=Source>)[^<]+", source, text)
        with contextlib.suppress(CimError):
            letter = to_letter(xml.parse(text.encode()), source, target)
            assert xml.parse(scene.world.accept(letter, scene.world.now)).reply is not None
        scene.world.run(scene.world.now + 10)

    other = scene.utility.homes[1]
    scene.utility.dr.add_device(Device(other.device, other.device_type, other.code.printed), scene.world.now)
    if scene.utility.stage(other) not in lifecycle.STARTABLE:
        scene.utility.dr.remove(other.device, scene.world.now)
    scene.utility.open_window(other)
    scene.utility.install(other)
    scene.world.run(scene.world.now + 600)
    joined_everywhere(scene.utility, other)
    state.close()


def test_an_answer_of_the_network_that_is_none_is_awaited_again(scene: Scene) -> None:
    scene.utility.open_window(scene.home)
    scene.world.down.add("AMI-NETWORK")
    scene.world.run(START + 1)
    (waiting,) = scene.utility.head_end.shelf.select_waiting(START + 1000)

    scene.utility.head_end.settle(waiting.letter.id, b"out of memory", START + 1)

    scene.world.down.clear()
    scene.world.run(START + 30)
    assert scene.utility.stage(scene.home) is Stage.WINDOW_OPEN


def test_the_same_request_again_extends_the_window(scene: Scene) -> None:
    first = scene.utility.open_window(scene.home)
    scene.world.run(START + 60)
    second = scene.utility.open_window(scene.home)
    scene.world.run(START + 120)

    assert first == second
    entry = scene.home.esi.esi.memory.entries[scene.home.device]
    assert entry.window_end == pytest.approx(START + 60 + 3600, abs=1)


def test_what_the_air_does_is_told_with_its_steps(scene: Scene) -> None:
    scenarios.play(scene.utility, scene.home, scenarios.BY_NAME["normal"].acts(scene.utility, scene.home))

    assert {line.step for line in scene.lines if line.radio} == {5, 6, 7, 8, 9}


def test_device_classes_and_categories_are_mapped_one_by_one() -> None:
    assert set(device_types.CLASSES) == set(DeviceClass)
    bits = list(device_types.CLASSES.values())
    assert sum(bits) == sum(set(bits))
    for one in DeviceClass:
        assert device_types.classes(device_types.categories(one)) == one


def test_the_state_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = State(path)
    state.close()

    assert path.stat().st_mode & 0o077 == 0


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False), st.floats(0, 0.4))
def test_whatever_the_network_loses_doubles_or_delays_the_device_gets_in_once(
    dice: random.Random, loss: float
) -> None:
    state = State(":memory:")
    try:
        scene = Scene(state)
        scene.world.fate = lambda letter, way: Passage(
            dice.uniform(0.01, 20), lost=dice.random() < loss, copies=dice.choice((1, 1, 2, 3))
        )
        scene.home.ether.loss = lambda frame: dice.random() < loss / 2
        scene.utility.open_window(scene.home, duration_s=86_400)
        scene.utility.install(scene.home, rejoin_s=120)
        scene.world.run(START + 80_000)

        joined_everywhere(scene.utility, scene.home)
        told = [entry.event for entry in state.select_journal(limit=10_000) if entry.role == "CIS"]
        assert told.count("Joined") == 1
    finally:
        state.close()
