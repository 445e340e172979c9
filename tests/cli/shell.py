"""Runs commands of a server's operator in this process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openesi import cli
from openesi.sep2.xml import parse
from web.house import House


class Shell:
    """The command line of whoever runs ``house``."""

    def __init__(self, house: House, capsys: pytest.CaptureFixture[str]) -> None:
        self.house, self._capsys = house, capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run a command that ends with ``code``; return what it prints, or with another code what it says."""
        found, out, err = self.run(*words)
        assert found == code, err
        return out if code == 0 else err

    def run(self, *words: str) -> tuple[int, str, str]:
        code = cli.main([*words, "--api", self.house.url])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def json(self, *words: str) -> Any:
        """Return what a command prints with ``--json``."""
        return json.loads(self(*words, "--json"))

    def seen(self, target: str) -> Any:
        """Return what the device number 1 gets."""
        return parse(self.house.ask(1, "GET", target).body)
