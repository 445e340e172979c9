"""The live page: what it is given, who gets it, and how it is in a real browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from openesi.cli.provision_page import showing
from openesi.errors import LocalError
from openesi.provisioning import board as boards
from openesi.provisioning import scenarios, simulation
from openesi.provisioning.board import Board
from openesi.provisioning.state import State
from openesi.provisioning.world import Line, World
from web.browser import chromium, missing

START = 1_790_000_000.0


class Shown:
    """A utility, its board, and the page's address."""

    def __init__(self, state: State, board: Board, url: str) -> None:
        self.board, self.url = board, url
        self.client = httpx2.Client(base_url=url)
        self.world = World(state, now=START, watch=board.hear, settled=board.look)
        self.utility = simulation.build(state, self.world, homes=2)
        self.home, self.other = self.utility.homes

    def play(self, name: str) -> None:
        scenarios.play(self.utility, self.home, scenarios.BY_NAME[name].acts(self.utility, self.home))

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.client.get(path, headers=headers)

    def rows(self, after: int = 0) -> str:
        text = ""
        while (news := self.get(f"/rows?after={after}").json())["html"]:
            text, after = text + news["html"], news["next"]
        return text


@pytest.fixture
def shown() -> Iterator[Shown]:
    state = State(":memory:")
    board = Board(state, start=START)
    with showing(board, title="A & B", host="127.0.0.1", port=0) as url:
        made = Shown(state, board, url)
        yield made
        made.client.close()
    state.close()


def test_every_step_is_there_and_every_message_can_be_opened(shown: Shown) -> None:
    shown.play("normal")
    html = shown.rows()

    assert set(map(int, re.findall(r"<b>(\d+)</b>", html))) == set(range(1, 15))
    numbers = re.findall(r"<details class=\w+ data-number=(\d+)", html)
    assert len(numbers) > 50
    for number in numbers:
        assert shown.get(f"/messages/{number}").status_code == 200
    first = next(number for number in numbers if "EndDeviceControl>" in shown.get(f"/messages/{number}").text)
    assert "<installCode>********</installCode>" in shown.get(f"/messages/{first}").text
    assert shown.home.code.printed not in html


def test_states_stand_before_what_follows_from_them(shown: Shown) -> None:
    shown.play("normal")
    html = shown.rows()

    places = [html.index(f" {state} <") for state in ("Requested", "WindowOpen", "Reported", "Confirmed")]
    assert places == sorted(places)
    assert html.index("<b>13</b>") < html.index(" Reported <") < html.index("<b>14</b>")
    (standing,) = [one for one in shown.get("/rows").json()["devices"] if one["device"] == shown.home.device]
    assert standing["state"] == "Confirmed"


def test_an_end_comes_with_its_reason_and_the_way_out(shown: Shown) -> None:
    shown.play("wrong-code")

    devices = {one["device"]: one for one in shown.get("/rows").json()["devices"]}

    assert devices[shown.home.device]["state"] == "Failed"
    assert "wrong install code?" in devices[shown.home.device]["reason"]
    assert "request again" in devices[shown.home.device]["todo"]
    assert devices[shown.other.device]["state"] == "Imported"


def test_what_a_peer_writes_is_text_on_the_page(shown: Shown) -> None:
    evil = "<script>alert(1)</script>\"'"
    shown.board.hear(Line(START, evil, "CIS", 1, evil, evil.encode(), evil, subject=evil))

    html = shown.rows()

    assert "<script" not in html
    assert shown.get(f"/messages/{shown.board.news(0).next}").headers["content-type"].startswith("text/plain")


def test_the_board_keeps_the_newest_and_no_more(shown: Shown) -> None:
    for number in range(boards.MAX_ROWS + 10):
        shown.board.hear(Line(START, "CIS", "NIC", 0, f"line {number}", bytes(100_000)))

    html = shown.rows()

    assert "line 9<" not in html
    assert f"line {boards.MAX_ROWS + 9}<" in html
    assert len(shown.get(f"/messages/{boards.MAX_ROWS + 10}").content) < 60_000


@pytest.mark.parametrize("path", ["/rows?after=x", "/rows?after=-1", "/rows?after=" + "9" * 400])
def test_a_number_that_is_none_is_refused(shown: Shown, path: str) -> None:
    assert shown.get(path).status_code == 422


@pytest.mark.parametrize("path", ["/messages/12345", "/..%2f__init__.py", "/live.html", "/messages/x"])
def test_what_is_not_there_is_not_found(shown: Shown, path: str) -> None:
    assert shown.get(path).status_code == 404


def test_a_page_under_a_foreign_name_gets_nothing(shown: Shown) -> None:
    answer = shown.get("/rows", Host="rebound.example")

    assert answer.status_code == 421
    assert "default-src 'self'" in shown.get("/").headers["content-security-policy"]
    assert "A &amp; B" in shown.get("/").text


def test_a_port_that_is_taken_is_said_to_be(shown: Shown) -> None:
    port = int(shown.url.rpartition(":")[2])

    with (
        pytest.raises(LocalError, match="choose another with --web-port"),
        showing(shown.board, title="", host="127.0.0.1", port=port),
    ):
        pass


@pytest.mark.skipif(
    bool(missing()),
    reason=f"THE PAGE IS NOT TESTED: no {' and no '.join(missing())}: apt-get install chromium-driver",
)
def test_in_a_browser_it_grows_and_opens_and_hides(shown: Shown, tmp_path: Path) -> None:
    with chromium(str(tmp_path)) as browser:
        browser.emulate()
        browser.open(shown.url)
        browser.wait_for_text("#connection", "^live$")
        empty = "return document.querySelector('#empty').checkVisibility()"
        assert browser.run(empty) is True
        shown.play("normal")
        browser.wait_for_text("#rows", "Confirmed")
        assert browser.run(empty) is False
        browser.run("scrollTo(0, 0)")
        browser.click("details.wire summary")
        browser.wait_for_text("details.wire pre", r"\*{8}")
        browser.click("#air")
        assert browser.run("return document.querySelector('details.air').checkVisibility()") is False
        browser.run(
            "const it = document.querySelector('#device'); it.value = arguments[0];"
            "it.dispatchEvent(new Event('change'))",
            shown.other.device,
        )
        assert browser.text("#stand").startswith(f"{shown.other.device} is Imported.")
        assert browser.run("return document.querySelector('details.wire').checkVisibility()") is False
        browser.emulate(width=390)
        assert browser.run("return document.documentElement.scrollWidth") <= 390
        assert base64.b64decode(browser.command("GET", "/screenshot"))
        assert browser.console() == []
