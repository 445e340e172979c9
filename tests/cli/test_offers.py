"""Prices, messages and load control from the command line, as devices get them over the wire."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.test_event import Shell
from openesi import cli
from openesi.pki import Authority
from openesi.sep2 import model as sep
from openesi.sep2.identity import sfdi_from_lfdi
from openesi.sep2.xml import parse
from web.house import House, house_in, lfdi_of

DOCS = Path(__file__).parents[2] / "docs"
Get = Callable[[str], Any]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path / "house") as made:
        yield made


@pytest.fixture
def shell(house: House, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(house, capsys)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server on which nothing is ever written."""
    with house_in(tmp_path_factory.mktemp("untouched")) as made:
        yield made


@pytest.fixture
def dry(untouched: House, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(untouched, capsys)


@pytest.fixture
def get(house: House, capsys: pytest.CaptureFixture[str]) -> Get:
    """Return what a real client gets: TLS, its own certificate, registered by the operator."""
    authority = Authority.open(house.folder)
    device = authority.issue_device("display", now=datetime.now(UTC))
    assert cli.main(["device", "add", "--cert", str(device.cert), "--data", str(house.folder)]) == 0
    capsys.readouterr()
    server = f"https://localhost:{house.service.wire.port}"
    files = ("--cert", str(device.cert), "--key", str(device.key), "--ca", str(authority.ca))

    def ask(target: str) -> Any:
        code = cli.main(["get", target, "--server", server, *files, "--raw"])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return parse(captured.out.encode())

    return ask


def test_a_tariff_is_one_call_and_a_client_finds_the_price(shell: Shell, get: Get) -> None:
    rates = ("0.22/kWh", "00:00-24:00 0.45/kWh >10kWh 0.5/kWh")
    made = shell.json("price", "set", *rates, "--feed-in", "0.08/kWh", "--days", "2", "--currency", "EUR",
                      "--emissions", "430g/kWh", "--name", "Home", "--randomize-start", "300")  # fmt: skip
    tariff = get("/tp?l=9").TariffProfile[0]
    assert (tariff.href, tariff.currency, tariff.description) == (made["href"], 978, "Home")
    used, fed_in = sorted(get("/tp/1/rc?l=9").RateComponent, key=lambda one: one.description)
    assert get(used.ReadingTypeLink.href).flowDirection == 1
    assert get(fed_in.ReadingTypeLink.href).flowDirection == 19
    active = get(used.ActiveTimeTariffIntervalListLink.href).TimeTariffInterval[0]
    blocks = get(f"{active.ConsumptionTariffIntervalListLink.href}?l=9").ConsumptionTariffInterval
    assert (active.randomizeStart, active.randomizeDuration) == (300, None)
    told = [(one.startValue, one.price * 10**-5) for one in blocks]
    assert told == [(0, pytest.approx(0.45)), (10, pytest.approx(0.5))]
    assert blocks[0].EnvironmentalCost[0].amount == 430
    assert re.search(r"/tp/1 +Home +1 +used +0\.45 >10kWh 0\.5 EUR/kWh", shell("price", "list"))
    assert "0.08 EUR/kWh" in shell("price", "show", "/tp/1")
    assert used.TimeTariffIntervalListLink.all == 2


def test_a_tariff_stays_ahead_and_an_override_passes(shell: Shell, house: House, get: Get) -> None:
    words = ("0.22/kWh", "--tariff", "/tp/1", "--timezone", "UTC")
    shell("price", "set", "0.22/kWh", "--days", "2", "--timezone", "UTC")
    assert "up to date" in shell.run("price", "set", *words, "--days", "2")[2]
    assert shell.json("price", "set", *words, "--days", "3")["created"] == 1
    made = shell.json("price", "override", "/tp/1", "0.95/kWh", "--for", "30s")
    active = get("/tp/1/rc/1/acttti?l=9").TimeTariffInterval
    assert [one.href for one in active] == [made["hrefs"][0]]
    assert active[0].touTier == 2
    assert get(f"{active[0].href}/cti").ConsumptionTariffInterval[0].price == 95_000

    assert shell.json("price", "set", *words, "--days", "3")["created"] == 0  # does not undo the override
    house.ahead_s += 31
    back = get("/tp/1/rc/1/acttti?l=9").TimeTariffInterval
    assert [get(f"{one.href}/cti").ConsumptionTariffInterval[0].price for one in back] == [22_000]
    assert "cancelled" in shell("price", "cancel", back[0].href)
    assert get("/tp/1/rc/1/acttti").all == 0
    assert "unknown" in shell("price", "list")
    shell("price", "remove", "/tp/1")
    assert get("/tp").all == 0


def test_a_message_reaches_people_and_their_receipt_comes_back(shell: Shell, house: House, get: Get) -> None:
    sent = shell.json("message", "send", "Mind the peak", "--priority", "high", "--receipt", "--from", "Grid")
    seen = get("/msg/1/acttxt").TextMessage[0]
    assert (seen.textMessage, seen.priority, seen.originator, seen.responseRequired) == (
        "Mind the peak", 2, "Grid", b"\x07",
    )  # fmt: skip
    assert get("/msg").MessagingProgram[0].locale == "en"
    house.register(9)
    said = sep.TextResponse(endDeviceLFDI=lfdi_of(9), subject=seen.mRID, status=11, createdDateTime=1)
    house.ask(9, "POST", seen.replyTo, said)
    shown = shell("message", "show", sent["href"])
    assert f"{lfdi_of(9).hex().upper()}  acknowledged" in shown
    assert "silent" in shown

    assert "active" in shell("event", "show", sent["mRID"])  # the noun for controls knows others, too
    shell("message", "send", "Bonjour", "--locale", "fr")
    shell("message", "send", "Second")
    listed = [line.split()[0] for line in shell("message", "list").splitlines()[1:]]
    assert sorted(listed) == ["/msg/1/txt/1", "/msg/1/txt/2", "/msg/2/txt/1"]
    shell("message", "cancel", sent["href"], "--reason", "over")
    told = get(sent["href"]).EventStatus
    assert (told.currentStatus, told.reason) == (2, "over")
    shell("message", "remove", "/msg/2")
    assert get("/msg").all == 1


def test_loads_are_asked_for_less(shell: Shell, get: Get) -> None:
    words = ("--cool", "+2C", "--less", "25%", "--category", "thermostat", "--category", "water-heater")
    sent = shell.json("dr", "send", *words, "--for", "2h", "--randomize-start", "300", "--override", "10m")
    seen = get("/dr/1/actedc").EndDeviceControl[0]
    assert (seen.href, seen.interval.duration, seen.randomizeStart, seen.overrideDuration) == (
        sent["href"], 7_200, 300, 600,
    )  # fmt: skip
    assert (seen.Offset.coolingOffset, seen.Offset.loadAdjustmentPercentageOffset) == (20, 2_500)
    assert seen.deviceCategory == bytes((0, 0, 0, 9))
    assert "cooling +2 °C, 25 % less" in shell("dr", "list")
    shell("dr", "send", "--reduce", "2kW", "--category", "thermostat")
    assert get(sent["href"]).EventStatus.potentiallySuperseded
    assert "2000 W less" in shell("dr", "list")
    assert "randomization" in shell("dr", "cancel", sent["href"], "--randomized")
    assert get(sent["href"]).EventStatus.currentStatus == 3
    program = shell("dr", "program", "Summer", "--percent", "5%", "--power", "500W").strip()
    assert get(program).availabilityUpdatePercentChangeThreshold == 500
    shell("dr", "remove", program)
    assert get("/dr").all == 1


def test_only_those_are_silent_who_owe_an_answer(shell: Shell, house: House) -> None:
    for number, category in ((5, b"\x01"), (6, b"\x08"), (7, None)):
        device = house.register(number)
        values = {"lFDI": lfdi_of(number), "sFDI": sfdi_from_lfdi(lfdi_of(number)), "changedTime": 0}
        house.ask(number, "PUT", device, sep.EndDevice(**values, deviceCategory=category))
    sent = shell.json("dr", "send", "--duty", "50%", "--category", "water-heater")
    silent = shell.json("dr", "show", sent["href"])["silent"]

    assert sorted(silent) == sorted(lfdi_of(number).hex().upper() for number in (6, 7))


def test_a_reservation_is_granted_and_denied(shell: Shell, house: House) -> None:
    device, now = house.register(7), int(house.clock())
    asked = sep.FlowReservationRequest(
        mRID=b"\x07" * 16,
        creationTime=now,
        energyRequested=sep.SignedRealEnergy(multiplier=3, value=7),
        intervalRequested=sep.DateTimeInterval(duration=28_800, start=now),
        powerRequested=sep.ActivePower(multiplier=0, value=7_000),
        RequestStatus=sep.RequestStatus(dateTime=now, requestStatus=0),
    )
    assert "No device asks" in shell.run("reservation", "list")[2]
    house.ask(7, "POST", f"{device}/frq", asked)
    request = f"{device}/frq/1"
    assert "7.0 kW  7 kWh" in shell("reservation", "list")
    assert shell("reservation", "list").rstrip().endswith("waits")

    def seen() -> list[tuple[int, int, int]]:
        listed = parse(house.ask(7, "GET", f"{device}/frp?l=9").body).FlowReservationResponse
        return sorted(
            (one.EventStatus.currentStatus, one.powerAvailable.value, one.interval.duration) for one in listed
        )

    assert "FlowReservationResponse" in shell("reservation", "grant", request, "--dry-run")
    assert seen() == []
    shell("reservation", "grant", request)
    assert seen() == [(1, 7_000, 3_600)]
    shell("reservation", "grant", request, "--power", "3.5kW")
    assert seen() == [(1, 3_500, 7_200), (4, 7_000, 3_600)]
    assert "3.5 kW from" in shell("reservation", "list")
    shell("reservation", "deny", request)
    assert seen() == [(1, 0, 0), (4, 3_500, 7_200), (4, 7_000, 3_600)]
    assert "denied" in shell("reservation", "list")
    assert "more than the 7000" in shell.run("reservation", "grant", request, "--power", "8kW")[2]
    assert shell.run("reservation", "grant", "/edev/9/frq/1")[0] == 1
    assert shell.run("reservation", "deny", "/derp/1")[0] == 2
    status = sep.RequestStatus(dateTime=now, requestStatus=1)
    house.ask(7, "PUT", request, sep.replace(asked, RequestStatus=status))
    assert "cancelled by its device" in shell.run("reservation", "grant", request)[2]
    assert "cancelled by the device" in shell("reservation", "list")


ASKED = [
    (("--reduce", "70kW"), "TargetReduction", {"type": 1, "value": 70}),
    (("--reduce", "1kWh"), "TargetReduction", {"type": 0, "value": 1}),
    (("--duty", "50%"), "DutyCycle", {"normalValue": 50}),
    (("--heat", "-2C"), "Offset", {"heatingOffset": 20}),
    (("--cool", "+3.6F"), "Offset", {"coolingOffset": 20}),
    (("--heat", "19C", "--cool", "26.5C"), "SetPoint", {"heatingSetpoint": 1_900, "coolingSetpoint": 2_650}),
    (("--cool", "77F"), "SetPoint", {"coolingSetpoint": 2_500}),
    (("--appliance", "delay"), "ApplianceLoadReduction", {"type": 0}),
    (
        ("--cool", "-2C", "--heat", "+1C", "--shift-forward"),
        "Offset",
        {"coolingOffset": 20, "heatingOffset": 10},
    ),
]


@pytest.mark.parametrize(("words", "name", "values"), ASKED)
def test_quantities_become_the_standards_own(
    dry: Shell, words: tuple[str, ...], name: str, values: dict[str, int]
) -> None:
    printed = dry("dr", "send", *words, "--dry-run").splitlines()
    asked = getattr(parse(printed[-1].encode()), name)

    assert {field: getattr(asked, field) for field in values} == values
    assert dry.json("dr", "list") == []


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("price", "set", "0.3/kWh", "--days", "1"), ["TariffProfile", "RateComponent", "ReadingType",
                                                      "TimeTariffInterval", "ConsumptionTariffInterval"]),
        (("message", "send", "Hello"), ["MessagingProgram", "TextMessage"]),
        (("dr", "send", "--duty", "50%"), ["DemandResponseProgram", "EndDeviceControl"]),
    ],
)  # fmt: skip
def test_a_dry_run_prints_all_that_devices_would_get_and_writes_nothing(
    dry: Shell, words: tuple[str, ...], kinds: list[str]
) -> None:
    printed = dry(*words, "--dry-run").splitlines()

    assert [type(parse(line.encode())).__name__ for line in printed] == kinds
    assert dry.json(words[0], "list") == []


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("price", "set", "cheap"), 2, "0.31/kWh"),
        (("price", "set", "0.3/kWh", "0.4/MWh"), 2, "per one unit"),
        (("price", "set", "0.3/kWh", "--currency", "dollars"), 2, "ISO 4217"),
        (("price", "set", "0.3/kWh", "--commodity", "love"), 2, "electricity, gas"),
        (("price", "set", "0.3/kWh", "--timezone", "Mars"), 2, "America/Los_Angeles"),
        (("price", "set", "0.3/kWh", "--tariff", "/tp/9"), 1, "nothing at /tp/9"),
        (("price", "set", "0.3/kWh", "--tariff", "../x"), 2, "/tp/1"),
        (("price", "set", "0.3/kWh", "--name", "x" * 33), 1, "String32 holds 32"),
        (("price", "override", "/tp/9", "0.3/kWh"), 1, "nothing at /tp/9"),
        (("price", "override", "/tp/1", "16:00-17:00 0.3/kWh"), 2, "--at and --for"),
        (("price", "show", "/derp/1"), 2, "/tp/1"),
        (("price", "remove", "/derp/1"), 2, "/tp/1"),
        (("price", "cancel", "/tp/1/rc/1/tti/9"), 1, "no event at"),
        (("message", "send", " "), 1, "is empty"),
        (("message", "send", "x", "--priority", "wild"), 2, "low, normal, high, critical"),
        (("message", "send", "x", "--locale", "??"), 1, "language tag"),
        (("message", "send", "x", "--from", "x" * 21), 1, "String20 holds 20"),
        (("message", "send", "x", "--program", "/msg/9"), 1, "nothing at /msg/9"),
        (("message", "show", "../../api/status"), 2, "is no event"),
        (("dr", "send"), 2, "--reduce 2kW"),
        (("dr", "send", "--reduce", "0"), 2, "whole watts"),
        (("dr", "send", "--reduce", "2parsec"), 2, "2kW"),
        (("dr", "send", "--duty", "101%"), 2, "between 0% and 100%"),
        (("dr", "send", "--cool", "-2C"), 2, "+2C"),
        (("dr", "send", "--cool", "+2C", "--shift-forward"), 2, "-2C"),
        (("dr", "send", "--cool", "warm"), 2, "26C"),
        (("dr", "send", "--cool", "+30C"), 1, "not between 0 and 255"),
        (("dr", "send", "--duty", "5%", "--for", "2d"), 1, "86400 s"),
        (("dr", "send", "--duty", "5%", "--category", "toaster"), 2, "water-heater"),
        (("dr", "send", "--appliance", "explode"), 2, "delay"),
        (("dr", "send", "--duty", "5%", "--at", "2001-01-01T00:00Z"), 1, "lies in the past"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_words(
    dry: Shell, words: tuple[str, ...], code: int, hint: str
) -> None:
    found, out, err = dry.run(*words)
    assert (found, out) == (code, "")
    assert hint in err


def test_the_commands_of_the_page_on_prices_work(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / "prices.md").read_text(), re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    assert len(commands) > 12
    monkeypatch.setenv("OPENESI_API", house.url)
    for command in commands:
        assert cli.main(command) == 0, (command, capsys.readouterr().err)
