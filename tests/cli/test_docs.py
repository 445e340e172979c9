"""The commands that the pages show are run as they stand there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from openesi import cli
from openesi.sep2 import identity
from web.house import house_in

DOCS = Path(__file__).parents[2] / "docs"


def test_the_commands_of_the_page_on_certificates_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = (DOCS / "certificates.md").read_text().splitlines()
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("    openesi ")]
    assert len(commands) >= 3
    for command in commands:
        assert cli.main(command) == 0, capsys.readouterr().err


def test_the_commands_of_the_first_day_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    points = [{"xvalue": 92, "yvalue": 44}]
    curve = {"curveType": 11, "xMultiplier": 0, "yMultiplier": 0, "yRefType": 2, "CurveData": points}
    (tmp_path / "volt-var.json").write_text(json.dumps(curve))
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / "first-day.md").read_text(), re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line, comments=True)[1:] for block in blocks for line in block.splitlines()]
    assert len(commands) > 15
    with house_in(tmp_path / "utility") as house:
        monkeypatch.setenv("OPENESI_API", house.url)
        device = ""
        for command in commands:
            if command[0] == "serve":
                continue
            words = [device if re.fullmatch("[0-9A-F]{40}", word) else word for word in command]
            assert cli.main(words) == 0, (words, capsys.readouterr().err)
            if command[:2] == ["pki", "device"]:
                device = identity.format_lfdi(house.service.authority.device("inverter-7").lfdi)
    assert device
