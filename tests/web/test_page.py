"""The page in a real browser, with a real server behind it."""

from __future__ import annotations

import gzip
import re
import shlex
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest

from openesi import cli
from openesi.web.pages import HERE
from web.browser import ENTER, ESCAPE, LEFT, TAB, Browser, chromium, missing
from web.house import House, house_in, lfdi_of

BUDGET_OCTETS = 60_000
MAX_JS_LINES = 250

needs_browser = pytest.mark.skipif(
    bool(missing()),
    reason=f"THE PAGE IS NOT TESTED: no {' and no '.join(missing())}: apt-get install chromium-driver",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(str(tmp_path_factory.mktemp("profile"))) as started:
        yield started


@pytest.fixture
def lit(tmp_path: Path) -> Iterator[House]:
    """A house with an inverter that gives 4.2 kW."""
    with house_in(tmp_path) as house:
        house.install(1)
        house.post_power(1, 4_200)
        yield house


def background(browser: Browser) -> Any:
    return browser.run("return getComputedStyle(document.body).backgroundColor")


def test_what_the_page_loads_is_small() -> None:
    loaded = [
        HERE / "templates/page.html",
        *(HERE / "static").rglob("*.js"),
        *(HERE / "static").rglob("*.css"),
    ]
    assert sum(len(gzip.compress(file.read_bytes(), 9)) for file in loaded) < BUDGET_OCTETS


def test_our_scripts_are_short() -> None:
    long = [
        file.name for file in (HERE / "static/js").glob("*.js") if file.read_text().count("\n") > MAX_JS_LINES
    ]
    assert long == []


def test_nothing_is_loaded_from_elsewhere() -> None:
    for file in (HERE / "templates/page.html", *(HERE / "static/js").glob("*.js"), HERE / "static/page.css"):
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file
        assert "https://" not in text, file


def test_the_page_can_be_read_without_script(lit: House) -> None:
    page = httpx2.get(lit.url + "/").text
    assert 'id="snapshot"' in page
    assert "No event in force" in page


def test_no_name_can_end_the_script_element(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        house.install(1, model="</script><script>alert(1)")
        page = httpx2.get(house.url + "/").text
        assert "</script><script>alert" not in page


def test_the_command_for_the_first_device_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with house_in(tmp_path) as house:
        page = httpx2.get(house.url + "/").text
        found = re.search(r'id="add-command">(.*?)</code>', page, re.DOTALL)
        assert found is not None
        change, make, run = (shlex.split(line) for line in unescape(found[1]).splitlines())
        assert change[0] == "cd"
        monkeypatch.chdir(change[1])
        assert cli.main(make[1:]) == 0
        assert cli.main([*run[1:], "--seconds", "3"]) == 0
        (device,) = httpx2.get(house.url + "/api/devices").json()
        assert httpx2.get(f"{house.url}/api/devices/{device['lfdi']}").json()["max_w"] == 5_000


@needs_browser
def test_power_is_shown_and_nothing_complains(browser: Browser, lit: House) -> None:
    browser.emulate()
    browser.open(lit.url)
    browser.wait_for_text("#power", r"^4\.2 kW$")
    browser.wait_for_text("#connection-text", "^live$")
    browser.wait_for_text("#devices li .title", "Sunny 5")
    browser.wait_for_text("#devices li .word", "^online$")
    assert browser.find("#chart canvas")
    lit.post_power(1, 900)
    browser.wait_for_text("#power", "^900 W$")
    assert browser.console() == []


@needs_browser
def test_an_event_is_sent_by_the_form_and_cancelled(browser: Browser, lit: House) -> None:
    browser.emulate()
    browser.open(lit.url)
    browser.wait_for_text("#power", "4.2 kW")
    browser.type("#limit", "2")
    browser.type("#duration", "10")
    browser.click("#send [type=submit]")
    browser.wait_for_text("#send-result", r"Sent: /derp/1/derc/1 is active")
    browser.wait_for_text("#force .count", r"^(10|9) min.*left$")
    browser.wait_for_text("#force .what", r"limit 2\.0 kW \(40 %\)")
    browser.wait_for_text("#events li .answers", "^1 silent$")
    lit.respond(1, "/derp/1/derc/1", 2)
    browser.wait_for_text("#events li .answers", "^1 started$")

    browser.click("#force [data-cancel]")
    browser.wait_for_text("#confirm-text", "Cancel /derp/1/derc/1")
    browser.click("#confirm [value=cancel]")
    browser.wait_for_text("#events li .tag", "^cancelled$")
    browser.wait_for_text("#force .count", "^None$")
    assert httpx2.get(lit.url + "/api/events").json()[0]["status"] == "cancelled"
    assert browser.console() == []


@needs_browser
def test_a_refusal_is_told_in_words(browser: Browser, tmp_path: Path) -> None:
    browser.emulate()
    with house_in(tmp_path) as house:
        browser.open(house.url)
        browser.wait_for_text("#no-devices", "No device is registered")
        assert house.service.url in browser.text("#add-command")
        browser.wait_for_text("#program", "Everyone")
        browser.click("#send [type=submit]")
        browser.wait_for_text("#send-result.failed", "give the limit in percent")


@needs_browser
def test_colours_follow_the_system_and_the_switch(browser: Browser, lit: House) -> None:
    browser.emulate(dark=True)
    browser.open(lit.url)
    dark = background(browser)
    browser.emulate(dark=False)
    light = background(browser)
    assert dark != light
    browser.click("#theme")
    browser.click("#theme")
    browser.wait_for_text("#theme", "Dark")
    assert background(browser) == dark
    browser.open(lit.url)
    browser.wait_for_text("#theme", "Dark")
    browser.click("#theme")
    assert background(browser) == light


@needs_browser
@pytest.mark.parametrize("width", [320, 768, 1200])
def test_nothing_has_to_be_scrolled_sideways(browser: Browser, lit: House, width: int) -> None:
    browser.emulate(width=width)
    browser.open(lit.url)
    browser.wait_for_text("#devices li .title", "Sunny 5")
    httpx2.post(
        lit.url + "/api/events", json={"limit_percent": 40, "duration_s": 600, "description": "W" * 32}
    )
    browser.wait_for_text("#events li .tag", "active")
    browser.click("#chart-table summary")
    assert browser.run("return document.documentElement.scrollWidth") <= width


@needs_browser
def test_everything_is_reached_by_the_keyboard(browser: Browser, lit: House) -> None:
    browser.emulate()
    browser.open(lit.url)
    browser.wait_for_text("#devices li .title", "Sunny 5")
    wanted = browser.run(
        "return [...document.querySelectorAll('a, button, input, select, summary, [tabindex=\"0\"]')]"
        ".filter(one => one.checkVisibility()).length"
    )
    reached = set()
    for _ in range(wanted + 2):
        browser.press(TAB)
        reached.add(
            browser.run(
                "const one = document.activeElement; const style = getComputedStyle(one);"
                "return [one.outerHTML.slice(0, 120), style.outlineStyle !== 'none'].join('|')"
            )
        )
    seen = [one for one in reached if not one.startswith("<body")]
    assert len(seen) >= wanted
    assert all(one.endswith("|true") for one in seen), seen


@needs_browser
def test_keys_lead_to_things_but_not_while_writing(browser: Browser, lit: House) -> None:
    browser.emulate()
    browser.open(lit.url)
    browser.wait_for_text("#connection-text", "^live$")
    browser.press("4")
    browser.find('[data-range="48h"][aria-pressed="true"]')
    assert browser.run("return location.search") == "?range=48h"
    browser.press("l")
    browser.find('[data-range="15m"][aria-pressed="true"]')
    browser.press("?")
    browser.find("#keys[open]")
    browser.press(ESCAPE)
    browser.wait(lambda: not browser.run("return document.querySelector('#keys').open"), "the keys to close")
    browser.press("e")
    assert browser.run("return document.activeElement.id") == "limit"
    browser.press("4")
    assert browser.run("return location.search") == ""
    browser.press(ENTER)
    browser.wait_for_text("#send-result", "^Sent")


@needs_browser
def test_the_graph_is_read_by_keys_and_as_a_table(browser: Browser, lit: House) -> None:
    browser.emulate()
    browser.open(lit.url)
    browser.wait_for_text("#chart-summary", r"Devices between 4\.2 kW and 4\.2 kW")
    browser.run("document.querySelector('#chart').focus()")
    browser.press(LEFT)
    browser.wait_for_text("#chart-reading", r"devices 4\.2 kW")
    browser.click("#chart-table summary")
    browser.wait_for_text("#chart-table tbody", r"4\.2 kW")


@needs_browser
def test_a_pin_is_shown_when_asked_for(browser: Browser, lit: House) -> None:
    browser.emulate()
    browser.open(lit.url)
    browser.wait_for_text("#devices li [data-pin]", "Show PIN")
    assert "123455" not in browser.run("return document.documentElement.outerHTML")
    browser.click("#devices li [data-pin]")
    browser.wait_for_text("#devices li [data-pin]", "^PIN 123455$")


@needs_browser
def test_a_server_that_is_away_is_told_and_numbers_are_not_zeroed(browser: Browser, lit: House) -> None:
    browser.emulate()
    browser.open(lit.url)
    browser.wait_for_text("#power", "4.2 kW")
    browser.wait_for_text("#connection-text", "^live$")
    lit.run(lit.shut_page())
    browser.wait_for_text("#offline", "does not answer. What you see is from")
    browser.find("body.aged")
    assert browser.text("#power") == "4.2 kW"


@needs_browser
def test_a_device_that_was_not_heard_is_stale_then_offline(browser: Browser, lit: House) -> None:
    browser.emulate()
    browser.open(lit.url)
    browser.wait_for_text("#devices li .word", "^online$")
    browser.wait_for_text("#power", "4.2 kW")
    lit.ahead_s = 4 * 60
    browser.wait_for_text("#devices li .word", "^stale$")
    browser.wait_for_text("#power", "^\u2013$")
    lit.ahead_s = 13 * 60
    browser.wait_for_text("#devices li .word", "^offline$")
    assert browser.text("#devices li .title") == "Sunny 5"
    assert lfdi_of(1).hex().upper() in browser.run("return document.querySelector('#devices').innerHTML")
