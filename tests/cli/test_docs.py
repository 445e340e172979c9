"""The commands that the pages show are run as they stand there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from openesi import cli

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
