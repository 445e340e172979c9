from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openesi.pki import Authority

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority for tests that only read or add under names of their own."""
    return Authority.create(tmp_path_factory.mktemp("data"), now=NOW)


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority with one certificate of every role, only to be read."""
    made = Authority.create(tmp_path_factory.mktemp("all"), now=NOW, length=4)
    made.issue_device("inverter", now=NOW)
    made.issue_device("alone", now=NOW, self_signed=True)
    made.issue_server(["localhost"], now=NOW)
    return made


@pytest.fixture(scope="session")
def openssl() -> Callable[..., str]:
    """Run the openssl program, which knows nothing of us, and return what it prints."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("NO openssl PROGRAM HERE: certificates are not checked by an independent witness")

    def run(*arguments: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            [program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=20,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    return run
