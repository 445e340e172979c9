"""The operator's commands for accounts, files, readings and logs, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.shell import Shell
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from web.house import House, house_in, lfdi_of

LFDI = lfdi_of(1).hex().upper()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
        made.install(1)
        made.post_power(1, 1_500)
        yield made


@pytest.fixture
def shell(house: House, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(house, capsys)


def seen(house: House, target: str) -> Any:
    """Return what the device gets."""
    return xml.parse(house.ask(1, "GET", target).body)


def test_an_account_is_opened_billed_shown_and_removed(house: House, shell: Shell) -> None:
    dry = shell("bill", "add", "Ada", "--device", LFDI, "--dry-run")
    assert "<CustomerAccount" in dry
    assert shell.json("bill", "list") == []
    options = ("--device", LFDI, "--location", "1 Main Street", "--supplier", "The utility")
    href = shell("bill", "add", "Ada", *options).strip()
    assert seen(house, href).customerName == "Ada"
    made = shell(
        "bill", "period", f"{href}/ca/1", "--for", "30d", "--to-date", "41.20", "--last", "9"
    ).strip()
    period = seen(house, made)
    assert (period.billToDate, period.billLastPeriod) == (4_120, 900)
    assert seen(house, f"{href}/ca/1/actbp").all == 1
    shown = shell("bill", "show", href)
    assert "41.20" in shown
    assert "1 Main Street" in shown
    assert "finer" in shell("bill", "period", f"{href}/ca/1", "--to-date", "0.001", code=1)
    assert "Ada" in shell("bill", "list")
    shell("bill", "remove", href, "--dry-run")
    assert len(shell.json("bill", "list")) == 1
    shell("bill", "remove", href)
    assert shell.json("bill", "list") == []


def test_a_prepaid_account_is_paid_into_once(house: House, shell: Shell) -> None:
    href = shell("prepay", "add", "--device", LFDI, "--balance", "3.50", "--low", "5").strip()
    assert "low" in shell("prepay", "balance", href)
    assert "<CreditRegister" in shell("prepay", "credit", href, "20.00", "--token", "T1", "--dry-run")
    assert "3.50" in shell("prepay", "list")
    shell("prepay", "credit", href, "20.00", "--token", "T1")
    assert "was used" in shell("prepay", "credit", href, "20.00", "--token", "T1", code=1)
    shell("prepay", "credit", href, "2", "--type", "emergency")
    balance = seen(house, f"{href}/ab")
    assert (balance.availableCredit.value, balance.creditStatus) == (2_350, 0)
    assert balance.emergencyCredit.value * 10**balance.emergencyCredit.multiplier == 2
    assert "23.50" in shell("prepay", "balance", href)
    assert "<AccountBalance" in shell("prepay", "balance", href, "--set", "-1", "--dry-run")
    assert "negative" in shell("prepay", "balance", href, "--set", "-1")
    shell("prepay", "override", href, "--for", "3d", "--description", "Heat wave")
    assert seen(house, f"{href}/actsi").all == 1
    assert "central" in shell("prepay", "add", "--mode", "mine", code=2)
    assert "amount" in shell("prepay", "credit", href, "much", code=2)
    assert "more than" in shell("prepay", "credit", href, "99999999999", code=2)
    shell("prepay", "remove", href)
    assert shell.json("prepay", "list") == []


def test_readings_are_listed_shown_and_set_where_they_are_the_operators(
    house: House, shell: Shell, tmp_path: Path
) -> None:
    listed = shell("reading", "list")
    assert "1500 W" in listed
    assert "mirror" in listed
    mirrored = shell.json("reading", "list")[0]["MeterReading"][0]["href"]
    assert "1500 W" in shell("reading", "show", mirrored)
    assert "replace" in shell("reading", "set", mirrored, "1", code=1)

    point = {
        "roleFlags": "02", "serviceCategoryKind": 1, "status": 1,
        "MeterReading": [{"ReadingType": {"uom": 42, "powerOfTenMultiplier": -3, "flowDirection": 1}}],
    }  # fmt: skip
    file = tmp_path / "point.json"
    file.write_text(json.dumps(point))
    made = json.loads(shell("resource", "add", "/upt", str(file), "--device", LFDI))["href"]
    assert LFDI in shell("resource", "who", made)
    assert "<Reading" in shell("reading", "set", f"{made}/mr/1", "12345", "--dry-run")
    shell("reading", "set", f"{made}/mr/1", "12345")
    assert seen(house, f"{made}/mr/1/r").value == 12_345
    assert "12.345 m3" in shell("reading", "list", made)
    assert "beyond" in shell("reading", "set", f"{made}/mr/1", "1", "--tier", "2", code=1)
    assert "is not one of" in shell("reading", "show", "/upt/1", code=2)


def test_the_logs_of_a_device_and_of_the_server_are_listed(house: House, shell: Shell) -> None:
    alarm = sep.LogEvent(
        createdDateTime=1_800_000_000, details="L1 \x9b31m", functionSet=11, logEventCode=2, logEventID=1,
        logEventPEN=40732, profileID=2,
    )  # fmt: skip
    house.ask(1, "POST", "/edev/1/lel", alarm)
    house.ask(1, "PUT", "/edev/1/cfg", sep.Configuration(currentLocale="en", userDeviceName="Roof"))

    listed = shell("log", LFDI)
    assert "over-voltage" in listed
    assert "\x9b" not in listed
    assert "configuration changed" in shell("log")
    assert shell.json("log", "--limit", "1")[0]["details"] == "/edev/1/cfg"
    assert "no device" in shell("log", "00" * 20, code=1)


def test_a_file_is_offered_activated_and_removed(house: House, shell: Shell, tmp_path: Path) -> None:
    image = tmp_path / "fw.bin"
    image.write_bytes(b"firmware" * 100_000)
    options = ("--maker", "37244", "--model", "Sunny", "--version", "2.1")
    assert "<File" in shell("file", "add", str(image), *options, "--dry-run")
    assert shell.json("file", "list") == []
    href = shell("file", "add", str(image), *options, "--for", LFDI).strip()
    shown = seen(house, href)
    assert (shown.size, shown.mfVer, shown.lFDI, shown.activateTime) == (800_000, "2.1", lfdi_of(1), None)
    content = house.ask(1, "GET", shown.fileURI)
    assert content.source is not None
    assert content.source.octets == 800_000
    content.close()
    assert "hold" in shell("file", "list")
    shell("file", "activate", href, "in 2h")
    assert "wait" in shell("file", "list")
    shell("file", "activate", href, "never")
    assert seen(house, href).activateTime is None
    shell("file", "remove", href, "--dry-run")
    assert len(shell.json("file", "list")) == 1
    shell("file", "remove", href)
    assert shell.json("file", "list") == []
    assert "--type is one of" in shell("file", "add", str(image), *options, "--type", "game", code=2)
    assert "octets" in shell("file", "add", str(image), *options[:-1], "9" * 17, code=1)
    assert "is not one of" in shell("file", "remove", "/edev/1", code=2)


def test_a_file_whose_upload_is_refused_is_not_offered(
    house: House, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openesi.server import artefacts

    monkeypatch.setattr(artefacts, "MAX_OCTETS", 10)
    image = tmp_path / "fw.bin"
    image.write_bytes(b"firmware!!!")

    shell("file", "add", str(image), "--maker", "1", "--model", "M", "--version", "1", code=1)
    assert shell.json("file", "list") == []
