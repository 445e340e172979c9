"""The server as a process: real TLS, real files, killed without warning."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openesi.pki import Authority
from openesi.pki.authority import Identity
from openesi.sep2 import model as sep
from openesi.sep2 import xml

CCM8 = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
XML = {"Accept": "application/sep+xml", "Content-Type": "application/sep+xml"}


@dataclass
class Running:
    """A server process and how to speak to it."""

    data: Path
    process: subprocess.Popen[str]
    port: int

    def connect(self, device: Identity | None) -> http.client.HTTPSConnection:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CCM8)
        context.load_verify_locations(Authority.open(self.data).ca)
        if device is not None:
            context.load_cert_chain(device.cert, device.key)
        return http.client.HTTPSConnection("localhost", self.port, context=context, timeout=20)

    def stop(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def start(data: Path, *options: str) -> Running:
    command = [sys.executable, "-m", "openesi", "serve", "--data", str(data), "--host", "127.0.0.1"]
    with (data.parent / "log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--port", "0", "--web-port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"XDG_STATE_HOME": str(data.parent)},
        )
    assert process.stdout is not None
    ready = process.stdout.readline()
    found = re.fullmatch(r"ready https://[^:]+:(\d+)/dcap http://[^:]+:\d+\n", ready)
    assert found, (ready, (data.parent / "log").read_text())
    return Running(data, process, int(found[1]))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    server = start(tmp_path / "data")
    yield server
    if server.process.poll() is None:
        server.stop(signal.SIGTERM)


def register(connection: http.client.HTTPSConnection, device: Identity) -> str:
    body = xml.serialize(sep.EndDevice(sFDI=device.sfdi, changedTime=0))
    with contextlib.closing(connection):
        connection.request("POST", "/edev", body, XML)
        answer = connection.getresponse()
        assert answer.status == 201
        return answer.headers["Location"]


def request(number: int) -> bytes:
    return xml.serialize(
        sep.FlowReservationRequest(
            mRID=number.to_bytes(16, "big"),
            creationTime=number,
            energyRequested=sep.SignedRealEnergy(multiplier=0, value=number),
            intervalRequested=sep.DateTimeInterval(duration=86_400, start=int(time.time())),
            powerRequested=sep.ActivePower(multiplier=0, value=1),
            RequestStatus=sep.RequestStatus(dateTime=number, requestStatus=0),
        )
    )


def test_every_acknowledged_write_is_there_after_kill_9(running: Running) -> None:
    authority = Authority.open(running.data)
    devices = [authority.issue_device(f"device-{number}", now=datetime.now(UTC)) for number in range(4)]
    places = {device: f"{register(running.connect(device), device)}/frq" for device in devices}
    acknowledged: list[tuple[Identity, str]] = []

    def load(device: Identity) -> None:
        with contextlib.closing(running.connect(device)) as connection:
            try:
                for number in range(100_000):
                    connection.request("POST", places[device], request(number), XML)
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 201:
                        acknowledged.append((device, answer.headers["Location"]))
            except (OSError, http.client.HTTPException):
                return

    workers = [threading.Thread(target=load, args=(device,)) for device in devices]
    for worker in workers:
        worker.start()
    while len(acknowledged) < 200 and any(worker.is_alive() for worker in workers):
        workers[0].join(0.01)
    running.stop(signal.SIGKILL)
    for worker in workers:
        worker.join()
    assert len(acknowledged) >= 200

    again = start(running.data)
    for device, place in places.items():
        connection = again.connect(device)
        mine = [href for owner, href in acknowledged if owner is device]
        for href in mine:
            connection.request("GET", href, headers=XML)
            answer = connection.getresponse()
            assert answer.status == 200, href
            xml.parse_as(answer.read(), sep.FlowReservationRequest)
        connection.request("GET", f"{place}?l=0", headers=XML)
        listed = xml.parse_as(connection.getresponse().read(), sep.FlowReservationRequestList)
        assert listed.all >= len(mine)
        connection.close()
    assert again.stop(signal.SIGTERM) == 0


def test_a_client_without_or_with_a_foreign_certificate_is_refused(running: Running, tmp_path: Path) -> None:
    foreign = Authority.create(tmp_path / "other", now=datetime.now(UTC))
    stranger = foreign.issue_device("stranger", now=datetime.now(UTC))
    for identity in (None, stranger):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            status(running.connect(identity), "/dcap")

    own = Authority.open(running.data).issue_device("own", now=datetime.now(UTC))
    assert status(running.connect(own), "/dcap") == 200


def status(connection: http.client.HTTPSConnection, path: str) -> int:
    with contextlib.closing(connection):
        connection.request("GET", path, headers=XML)
        return connection.getresponse().status


def openesi(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "openesi", *arguments], check=True, capture_output=True)


def test_registration_revocation_and_pinning_reach_a_running_server(running: Running) -> None:
    authority = Authority.open(running.data)
    device = authority.issue_device("device", now=datetime.now(UTC))
    pinned = authority.issue_device("pinned", now=datetime.now(UTC), self_signed=True)
    data = ["--data", str(running.data)]

    assert status(running.connect(device), "/derp") == 404
    openesi("device", "add", "--cert", str(device.cert), *data)
    assert status(running.connect(device), "/derp") == 200
    openesi("device", "revoke", "--cert", str(device.cert), *data)
    assert status(running.connect(device), "/derp") == 403

    with pytest.raises((ssl.SSLError, ConnectionError)):
        status(running.connect(pinned), "/dcap")
    openesi("device", "add", "--cert", str(pinned.cert), *data)
    for _ in range(200):  # the running server looks for new pins twice a second
        try:
            assert status(running.connect(pinned), "/dcap") == 200
        except OSError:
            threading.Event().wait(0.05)
        else:
            break
    else:
        pytest.fail("the pinned certificate was never accepted")
    openesi("device", "remove", "--cert", str(pinned.cert), *data)


def children_of(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in listed.split()]


def test_workers_share_the_door_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    server = start(tmp_path / "data", "--workers", "2")
    device = Authority.open(server.data).issue_device("device", now=datetime.now(UTC))
    register(server.connect(device), device)
    before = children_of(server.process)
    os.kill(before[-1], signal.SIGKILL)
    while not (len(now := children_of(server.process)) == 2 and now != before):
        assert server.process.poll() is None
        threading.Event().wait(0.02)

    assert [status(server.connect(device), "/edev/1") for _ in range(8)] == [200] * 8
    assert server.stop(signal.SIGTERM) == 0


def test_workers_do_not_outlive_the_one_who_watches_them(tmp_path: Path) -> None:
    server = start(tmp_path / "data", "--workers", "2")
    workers = children_of(server.process)
    server.stop(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() and is_alive(pid) for pid in workers):
        assert time.monotonic() < deadline


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_that_cannot_start_are_given_up() -> None:
    program = (
        "from openesi.server import workers; from openesi.errors import LocalError;"
        "workers.RESTART_AFTER_S = 0.01\n"
        "def work(number): raise LocalError('cannot')\n"
        "workers.run_workers(2, work)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "die as soon as they are started" in done.stderr
