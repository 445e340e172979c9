"""The same use case for an IEEE 2030.5 device, with a real OpenESI server behind its operator's API."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from openesi.errors import WrongUsage
from openesi.provisioning import device_types
from openesi.provisioning.diagram import render_body
from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.lifecycle import State as Stage
from openesi.provisioning.roles.cis import NAME as CIS
from openesi.provisioning.roles.cis import Cis, Premise
from openesi.provisioning.roles.dr_application import NAME as DR
from openesi.provisioning.roles.dr_application import Customer, Device, DrApplication, Program
from openesi.provisioning.roles.sep2_head_end import NAME as SEP2
from openesi.provisioning.roles.sep2_head_end import POLL_S, Answer, Sep2HeadEnd
from openesi.provisioning.state import State
from openesi.provisioning.transport.operator_api import OperatorApi
from openesi.provisioning.world import Line, World
from web.house import PIN, House, house_in, lfdi_of

PROGRAM = "SUMMER-SAVER"
NUMBERS = itertools.count(20)  # a device of its own for each test: the server remembers whom it heard


class Bridge:
    """DR application, 2030.5 head-end and CIS in one world; questions to the server go over HTTP."""

    def __init__(self, url: str, token: str = "") -> None:
        self.lines: list[Line] = []
        self.number = next(NUMBERS)
        self.lfdi = lfdi_of(self.number).hex().upper()
        self.state = State(":memory:")
        self.api = OperatorApi(url, token)
        self.world = World(self.state, now=time.time(), carry=self.carry, watch=self.lines.append)
        self.dr = DrApplication(self.state, peers=frozenset({SEP2, CIS}))
        self.cis = Cis(CIS, self.state, peers=frozenset({DR}))
        self.head_end = Sep2HeadEnd(self.state, peers=frozenset({DR}))
        self.dr.add_program(Program(PROGRAM))
        self.dr.add_customer(Customer("A-1", "123456789", "M-1", "UP-1", {PROGRAM: "DR-1"}))
        self.cis.add_premise(Premise("123456789", "A-1", "M-1", ["DR-1"]))
        self.dr.add_device(Device(self.lfdi, "SmartAppliance", str(PIN), "A-1", PROGRAM), self.world.now)
        for role in (self.dr, self.cis, self.head_end):
            self.world.add(role)

    def carry(self, letter: Letter) -> None:
        reply = self.api.answer(letter)
        if reply is not None:
            self.world.answer(letter, reply, self.world.now)

    def open_window(self, duration_s: float = 3600) -> None:
        self.dr.open_window(self.lfdi, self.world.now, duration_s=duration_s)
        self.world.poke(self.dr)

    def run(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)

    def close(self) -> None:
        self.api.close()
        self.state.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
            post = {"description": PROGRAM, "primacy": 1}
            httpx2.post(f"{made.url}/api/programs", json=post).raise_for_status()
            yield made


@pytest.fixture
def bridge(house: House) -> Iterator[Bridge]:
    made = Bridge(house.url)
    yield made
    made.close()
    httpx2.delete(f"{house.url}/api/devices/{made.lfdi}")


def registered(house: House) -> list[str]:
    return [one["lfdi"] for one in httpx2.get(f"{house.url}/api/devices").json()]


def test_a_window_is_a_registration_and_being_heard_is_joining(bridge: Bridge, house: House) -> None:
    bridge.open_window()
    bridge.run(1)
    device = httpx2.get(f"{house.url}/api/devices/{bridge.lfdi}").json()
    assert device["pin"] == PIN
    assert bridge.dr.status(bridge.lfdi).state is Stage.WINDOW_OPEN

    path = next(one["href"] for one in httpx2.get(f"{house.url}/api/devices").json())
    house.ask(bridge.number, "GET", path)
    programs = house.ask(bridge.number, "GET", f"{path}/fsa")
    bridge.run(2 * POLL_S)

    assert b"FunctionSetAssignments" in programs.body
    assert bridge.dr.status(bridge.lfdi).state is Stage.CONFIRMED
    account = bridge.cis.device(bridge.lfdi)
    assert account is not None
    assert (account.status, account.premise) == ("Joined", "123456789")


def groups(house: House) -> dict[str, int]:
    return {one["description"]: one["devices"] for one in httpx2.get(f"{house.url}/api/groups").json()}


def test_the_rate_program_is_the_function_set_assignment(bridge: Bridge, house: House) -> None:
    bridge.dr.add_program(Program("OTHER"))
    bridge.open_window()
    bridge.run(1)

    edev = httpx2.get(f"{house.url}/api/devices/{bridge.lfdi}").json()["href"]
    found = httpx2.get(f"{house.url}/api/resources{edev}/fsa?deep=3").json()["FunctionSetAssignments"]
    (assigned,) = [one for one in found if one["description"] == PROGRAM]
    device = httpx2.get(f"{house.url}/api/resources{edev}").json()

    programs = house.ask(bridge.number, "GET", assigned["DERProgramListLink"]["href"]).body
    assert PROGRAM.encode() in programs
    assert programs.count(b"<DERProgram ") == 1
    assert int(device["deviceCategory"], 16) == device_types.BY_NAME["SmartAppliance"].category


def test_a_lost_answer_changes_nothing(bridge: Bridge, house: House) -> None:
    """The question is asked again; the server has done all of it already."""
    bridge.open_window()
    bridge.run(0.1)
    (asked,) = [one for one in bridge.lines if one.label == "register device"]
    letter = Letter("again", SEP2, "OPENESI-SERVER", Language.SEP2, asked.body, asked.label)

    assert msgspec.json.decode(bridge.api.answer(letter) or b"", type=Answer) == Answer(True)
    assert groups(house)[PROGRAM] == 1


def test_a_program_that_the_server_does_not_have_fails_with_the_reason(bridge: Bridge, house: House) -> None:
    bridge.dr.add_program(Program("OTHER"))
    bridge.dr.add_customer(Customer("A-1", "123456789", "M-1", "UP-1", {"OTHER": "DR-1"}))
    bridge.dr.add_device(Device(bridge.lfdi, "SmartAppliance", str(PIN), "A-1", "OTHER"), bridge.world.now)
    bridge.open_window()
    bridge.run(5)

    assert bridge.dr.status(bridge.lfdi).state is Stage.FAILED
    assert "neither a group nor a program 'OTHER'" in bridge.dr.status(bridge.lfdi).reason
    assert registered(house) == []


def test_a_device_that_was_in_use_before_stays_registered(bridge: Bridge, house: House) -> None:
    body = {"lfdi": bridge.lfdi, "pin": PIN}
    path = httpx2.post(f"{house.url}/api/devices", json=body).json()["href"]
    house.ask(bridge.number, "GET", path)
    bridge.world.run(bridge.world.now + 60)
    bridge.open_window(600)
    bridge.run(700)

    assert bridge.dr.status(bridge.lfdi).state is Stage.EXPIRED
    assert registered(house) == [bridge.lfdi]
    assert groups(house)[PROGRAM] == 0


def test_a_pin_is_in_no_line_that_is_shown(bridge: Bridge) -> None:
    bridge.open_window()
    bridge.run(1)

    shown = "".join(render_body(line.body) for line in bridge.lines)
    shown += "".join(render_body(one.body) for one in bridge.state.select_journal() if one.body)

    assert '"pin":"********"' in shown
    assert str(PIN) not in shown


def test_a_server_that_asks_for_a_token_gets_it_or_says_so(tmp_path: Path) -> None:
    with house_in(tmp_path, token="the operator's own") as locked:
        with_token = {"Authorization": "Bearer the operator's own"}
        post = {"description": PROGRAM, "primacy": 1}
        httpx2.post(f"{locked.url}/api/programs", json=post, headers=with_token).raise_for_status()
        for token, state in (("", Stage.FAILED), ("the operator's own", Stage.WINDOW_OPEN)):
            bridge = Bridge(locked.url, token)
            bridge.open_window()
            bridge.run(2)
            assert bridge.dr.status(bridge.lfdi).state is state
            if state is Stage.FAILED:
                assert "--sep2-token" in bridge.dr.status(bridge.lfdi).reason
            bridge.close()


@pytest.mark.parametrize("url", ["http://server.example:8080", "server.example", "file:///etc/passwd"])
def test_tokens_and_pins_do_not_go_over_the_network_in_the_clear(url: str) -> None:
    with pytest.raises(WrongUsage, match="https"):
        OperatorApi(url, "token")


def test_a_device_that_does_not_come_is_forgotten(bridge: Bridge, house: House) -> None:
    bridge.open_window(600)
    bridge.run(1)
    assert registered(house) == [bridge.lfdi]

    bridge.run(700)

    assert registered(house) == []
    assert bridge.dr.status(bridge.lfdi).state is Stage.EXPIRED


def test_a_pin_with_a_wrong_check_digit_fails_with_the_reason(bridge: Bridge) -> None:
    bridge.dr.add_device(
        Device(bridge.lfdi, "SmartAppliance", str(PIN + 1), "A-1", PROGRAM), bridge.world.now
    )
    bridge.open_window()
    bridge.run(5)

    status = bridge.dr.status(bridge.lfdi)
    assert status.state is Stage.FAILED
    assert "422" in status.reason


def test_removal_ends_the_registration(bridge: Bridge, house: House) -> None:
    bridge.open_window()
    bridge.run(1)
    bridge.dr.remove(bridge.lfdi, bridge.world.now)
    bridge.world.poke(bridge.dr)
    bridge.run(5)

    assert registered(house) == []
    assert bridge.dr.status(bridge.lfdi).state is Stage.REMOVED


def test_a_server_that_is_down_costs_the_window_and_no_more() -> None:
    bridge = Bridge("http://127.0.0.1:1")
    bridge.open_window(300)
    bridge.run(600)

    assert bridge.dr.status(bridge.lfdi).state is Stage.EXPIRED
    assert "did not answer" in bridge.dr.status(bridge.lfdi).reason
    bridge.close()
