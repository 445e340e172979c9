"""Where a running server's API is: written down by the server, found by the command line.

A module of its own, so that a command that asks one question need not load a server.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

RUNNING_FILE = "running.json"
TOKEN_FILE = "operator.token"  # noqa: S105 (a name, in the data directory)


class Whereabouts(NamedTuple):
    """The URL of a server's API, and the file that holds its token."""

    api: str
    token_file: Path


def find_running(data: Path | None = None) -> Whereabouts | None:
    """Return where a running server's API is: of a data directory, or of the server started last."""
    for file in (data / RUNNING_FILE,) if data else (state_file(),):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(file.read_text("utf-8"))
            os.kill(found["pid"], 0)
            return Whereabouts(str(found["api"]), Path(found["token_file"]))
    return None


def state_file() -> Path:
    """Return where the server that was started last says so."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "openesi" / RUNNING_FILE


@contextlib.contextmanager
def announced(data: Path, url: str) -> Iterator[None]:
    """Say where the API is, for commands that are not told."""
    text = json.dumps({"pid": os.getpid(), "api": url, "token_file": str(data.absolute() / TOKEN_FILE)})
    files = (data / RUNNING_FILE, state_file())
    for file in files:
        with contextlib.suppress(OSError):  # a home that cannot be written only costs convenience
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    try:
        yield
    finally:
        for file in files:
            with contextlib.suppress(OSError):
                if file.read_text("utf-8") == text:
                    file.unlink()
