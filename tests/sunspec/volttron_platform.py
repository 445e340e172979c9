"""A VOLTTRON platform of the modular generation, on a free port, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).parents[2]
VENV = Path(os.environ.get("OPENESI_VOLTTRON_VENV", ROOT / ".venv-volttron"))
START_S = 60.0
ANSWER_S = 40.0

PROJECT = """\
[project]
name = "platform"
version = "0"
requires-python = ">=3.10"

[tool.poetry]
package-mode = false
"""


def missing() -> str | None:
    """Return why no platform can be brought up here, or None."""
    if not (VENV / "bin" / "volttron").exists():
        return f"VOLTTRON is not installed: run scripts/setup-volttron (it would stand in {VENV})"
    if os.getuid() == 0 and _as_somebody(["true"]) is None:
        return (
            "VOLTTRON does not run as root, and this machine has no user namespaces: run the tests as a user"
        )
    return None


def _as_somebody(command: list[str]) -> list[str] | None:
    """Return a command that is not root: VOLTTRON asks for the user id, and for nothing else."""
    if os.getuid() != 0:
        return command
    wrapped = ["unshare", "--user", "--map-user=1000", "--map-group=1000", *command]
    if shutil.which("unshare") is None or subprocess.run([*wrapped[:4], "true"], check=False).returncode:
        return None
    return wrapped


class Platform:
    """One platform that runs. ``call`` asks its agents, as another agent of it would."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.address = f"tcp://127.0.0.1:{_free_port()}"
        self._running: list[subprocess.Popen[str]] = []
        self._log = (home.parent / "volttron.log").open("w", encoding="utf-8")
        self._probe: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def start(self) -> None:
        self.home.mkdir()
        (self.home / "pyproject.toml").write_text(PROJECT)
        self._start("volttron", "-v", "--address", self.address)
        credentials = self.home / "credentials_store" / "control.connection.json"
        _wait(lambda: credentials.exists() and self.vctl("status", check=False) == 0, "the platform")

    def stop(self) -> None:
        """End everything that was started here, and nothing else."""
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
        if self._listener is not None:
            self._listener.join(5)
        for pipe in (self._probe.stdin, self._probe.stdout) if self._probe is not None else ():
            if pipe is not None:
                pipe.close()
        self._log.close()

    def vctl(self, *words: str, check: bool = True) -> int:
        done = self._run("vctl", *words)
        assert not check or done.returncode == 0, (words, done.stderr)
        return done.returncode

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program in VOLTTRON's environment to its end."""
        return self._run(*command, environment={"VOLTTRON_PLATFORM_ADDRESS": self.address, **environment})

    def configure(self, agent: str, name: str, contents: object) -> None:
        file = self.home.parent / "config.json"
        file.write_text(json.dumps(contents))
        self.vctl("config", "store", agent, name, str(file), "--json")

    def add_agent(self, identity: str, *command: str, config: object = None) -> None:
        """Give an agent credentials and start it, as the platform starts its own."""
        environment = self._credentials(identity)
        if config is not None:
            file = self.home.parent / f"{identity}.json"
            file.write_text(json.dumps(config))
            environment["AGENT_CONFIG"] = str(file)
        self._start(*command, environment=environment)
        _wait(lambda: identity in self.call("", "peers", []), identity)

    def call(self, peer: str, method: str, arguments: list[Any]) -> Any:
        """Make one call over the message bus. Raises RuntimeError with what the other side raised."""
        if self._probe is None:
            self._open_probe()
        assert self._probe is not None
        assert self._probe.stdin is not None
        self._probe.stdin.write(json.dumps([peer, method, arguments]) + "\n")
        self._probe.stdin.flush()
        answer = json.loads(self._answers.get(timeout=ANSWER_S))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    @property
    def log(self) -> str:
        """What platform and agents said."""
        return Path(self._log.name).read_text("utf-8", errors="replace")

    def _open_probe(self) -> None:
        probe = Path(__file__).with_name("volttron_probe.py")
        self._probe = self._start("python", str(probe), environment=self._credentials("probe"), pipes=True)
        assert self._probe.stdout is not None
        self._listener = threading.Thread(target=self._listen, args=(self._probe.stdout,), daemon=True)
        self._listener.start()
        assert json.loads(self._answers.get(timeout=ANSWER_S)) == {"result": "ready"}

    def _listen(self, lines: TextIO) -> None:
        for line in lines:
            if line.startswith("{"):
                self._answers.put(line)

    def _credentials(self, identity: str) -> dict[str, str]:
        self.vctl("auth", "add", identity)
        credentials = (self.home / "credentials_store" / f"{identity}.json").read_text()
        return {
            "AGENT_CREDENTIALS": credentials,
            "AGENT_VIP_IDENTITY": identity,
            "VOLTTRON_PLATFORM_ADDRESS": self.address,
        }

    def _environment(self, **more: str) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": f"{VENV / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "POETRY_VIRTUALENVS_CREATE": "false",
            "VIRTUAL_ENV": str(VENV),
            "VOLTTRON_HOME": str(self.home),
            **more,
        }

    def _run(
        self, *command: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        wrapped = _as_somebody(list(command))
        assert wrapped is not None
        return subprocess.run(
            wrapped,
            env=self._environment(**(environment or {})),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )

    def _start(
        self, *command: str, environment: dict[str, str] | None = None, pipes: bool = False
    ) -> subprocess.Popen[str]:
        wrapped = _as_somebody(list(command))
        assert wrapped is not None
        process = subprocess.Popen(
            wrapped,
            env=self._environment(**(environment or {})),
            cwd=self.home,
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else self._log,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        self._running.append(process)
        return process


@contextmanager
def platform_in(folder: Path) -> Iterator[Platform]:
    platform = Platform(folder / "home")
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()


def _wait(is_up: Any, what: str) -> None:
    end = time.monotonic() + START_S
    while not is_up():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come up in {START_S:.0f} s")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
