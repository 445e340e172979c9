"""The demonstrator, as a user starts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import html

from openesi.cli import main
from openesi.provisioning import scenarios, usecase


def test_the_demo_shows_every_step_and_where_each_system_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision", "demo"]) == 0

    shown = capsys.readouterr().out
    steps = [int(line[:4]) for line in shown.splitlines() if line[:4].strip().isdigit()]
    assert list(dict.fromkeys(steps)) == [step.number for step in usecase.STEPS]
    assert "DR application  Confirmed" in shown
    assert "CIS             Joined at 123456789" in shown
    assert max(map(len, shown.splitlines())) <= 81


@pytest.mark.parametrize("name", [name for name in scenarios.BY_NAME if name != "normal"])
def test_a_scenario_says_how_it_ends_and_what_to_do(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision", "demo", "--scenario", name]) == 0

    assert f"DR application  {scenarios.BY_NAME[name].after}" in capsys.readouterr().out


def test_every_message_can_be_opened_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "run.html"

    assert main(["provision", "demo", "--page", str(page)]) == 0

    tree = html.parse(str(page))
    bodies = tree.xpath("//details/pre/text()")
    assert len(bodies) > 60
    assert any("<m:CreateEndDeviceControls" in body for body in bodies)
    assert "********" in page.read_text()


def test_the_messages_of_one_step_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision", "demo", "--open", "14"]) == 0

    assert "<ConfigurationEvent>" in capsys.readouterr().out


def test_programs_get_one_json_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision", "demo", "--json"]) == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["step"] for line in lines} == {0, *range(1, 15)}


def test_an_unknown_scenario_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision", "demo", "--scenario", "earthquake"]) == 2

    assert "--list" in capsys.readouterr().err


def test_the_lists_are_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision", "demo", "--list"]) == 0
    assert main(["provision", "steps"]) == 0

    shown = capsys.readouterr().out
    assert all(name in shown for name in scenarios.BY_NAME)
    assert all(step.message in shown for step in usecase.STEPS)


def test_a_message_by_hand_is_shown_before_it_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    words = "send open 000D6F0000123456 --meter M-1 --install-code 83FED3407A932B70 --dry-run"

    assert main(["provision", *words.split()]) == 0

    shown = capsys.readouterr().out
    assert "7.10.73.298" in shown
    assert "83FED3407A932B70" not in shown


def test_the_operator_works_on_the_data_of_a_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac, where = "000D6F0000123456", ("--data", str(tmp_path))
    label = ("--type", "ProgCtlThermostat", "--install-code", "83FED3407A932B70")

    assert main(["provision", "import", mac, *where, *label]) == 0
    assert main(["provision", "status", *where, "--json"]) == 0
    assert main(["provision", "window", mac, *where]) == 1
    assert main(["provision", "log", *where, "--device", mac]) == 0
    assert main(["provision", "steps", mac, *where]) == 0
    assert main(["provision", "steps", mac, *where, "--json"]) == 0
    assert main(["provision", "log", *where, "--open", "999"]) == 1

    shown = capsys.readouterr()
    assert mac in shown.out
    assert "not linked to a customer" in shown.err
    assert "83FED3407A932B70" not in shown.out


def test_a_customer_is_entered_and_a_window_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mac, where = "000D6F0000123456", ("--data", str(tmp_path))
    label = ("--type", "ProgCtlThermostat", "--install-code", "83FED3407A932B70")

    def provision(*words: str) -> int:
        return main(["provision", *words, *where])

    assert provision("program", "WINTER-SAVER") == 0
    assert (
        provision("customer", "A-7", "--premise", "555", "--meter", "M-7", "--agreement", "WINTER-SAVER=W7")
        == 0
    )
    assert provision("meter", "M-7", "--usage-point", "UP-7") == 0
    assert provision("import", mac, *label, "--account", "A-7", "--program", "WINTER-SAVER") == 0
    assert provision("import", mac, *label) == 0  # the code once more; the links stay
    assert provision("window", mac) == 0
    capsys.readouterr()
    for what, shown in (("program", "WINTER-SAVER"), ("customer", "WINTER-SAVER=W7"), ("meter", "UP-7")):
        assert provision(what) == 0
        assert shown in capsys.readouterr().out
        assert provision(what, "--json") == 0
        assert '"key"' not in capsys.readouterr().out
    assert provision("customer", "A-8") == 2
    assert provision("customer", "A-8", "--premise", "1", "--meter", "M", "--agreement", "nonsense") == 2


def test_a_listener_that_would_take_everybody_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["serve", "--data", str(tmp_path), "--cert", "x.pem", "--key", "x.key"]

    assert main(["provision", *words]) == 2

    assert "--users" in capsys.readouterr().err
