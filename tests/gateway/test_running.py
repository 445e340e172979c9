"""The real thing: real processes, a real pseudo-terminal, real TCP and TLS, a client of the dongle written
elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aioraven.serial
import pytest

from gateway.simulate import METER_START_S
from openesi.cli import main
from openesi.errors import LocalError
from openesi.gateway.archive import CacheFile, forget
from openesi.gateway.cache import Point
from openesi.gateway.commands import Query
from openesi.gateway.emulate import run_on_pty, run_on_tcp
from openesi.gateway.emulator import INSTALL_CODE, METER_MAC, Emulator, parse_faults
from openesi.gateway.fragments import Scale
from openesi.gateway.inspect import inspect_dongle
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.service import Acquisition
from openesi.gateway.sources import Settings, parse_source
from openesi.gateway.users import UserStore

SOURCE_TREE = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE_TREE)}
READINGS = "/meter/electricity/interval_reading"


def emulator(faults: str = "") -> Emulator:
    return Emulator(time.monotonic(), METER_START_S, faults=parse_faults(faults))


@contextmanager
def on_pty(device: Emulator, link: Path) -> Iterator[str]:
    stop, opened = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=run_on_pty, args=(device, stop), kwargs={"opened": lambda _: opened.set(), "link": link}
    )
    thread.start()
    try:
        assert opened.wait(5)
        yield f"serial:{link}"
    finally:
        stop.set()
        thread.join()


@contextmanager
def on_tcp(device: Emulator) -> Iterator[int]:
    stop, opened, ports = threading.Event(), threading.Event(), list[int]()

    def note(port: int) -> None:
        ports.append(port)
        opened.set()

    kwargs = {"host": "127.0.0.1", "port": 0, "opened": note}
    thread = threading.Thread(target=run_on_tcp, args=(device, stop), kwargs=kwargs)
    thread.start()
    try:
        assert opened.wait(5)
        yield ports[0]
    finally:
        stop.set()
        thread.join()


def wait_for(condition: object, timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_a_dongle_on_a_real_terminal_is_read_unplugged_and_found_again(tmp_path: Path) -> None:
    device = emulator("unplug@1.5+1")
    with on_pty(device, tmp_path / "raven") as name:
        source = parse_source(name, Settings())
        record = MeterRecord(source.name)
        with Acquisition(source, record):
            wait_for(lambda: record.snapshot(0).points[SeriesName.POWER] >= 1)
            wait_for(lambda: record.snapshot(0).statistics.reconnects >= 1)
            before = record.snapshot(0).points[SeriesName.POWER]
            wait_for(lambda: record.snapshot(0).points[SeriesName.POWER] > before)
    seen = record.snapshot(0)

    assert seen.device is not None
    assert seen.device.install_code == "", "the record does not keep it"
    assert "gone" in seen.link_reason or seen.link_reason == "stopped"


def test_nothing_there_is_reported_and_tried_again(tmp_path: Path) -> None:
    source = parse_source(f"serial:{tmp_path / 'nothing'}", Settings())
    record = MeterRecord(source.name)
    with Acquisition(source, record):
        wait_for(lambda: "cannot open" in record.snapshot(0).link_reason)


def test_inspection_over_tcp_finds_everything() -> None:
    with on_tcp(emulator()) as port:
        findings = inspect_dongle(parse_source(f"tcp://127.0.0.1:{port}", Settings()))

    assert findings.complete
    assert findings.device is not None
    assert findings.device.install_code == INSTALL_CODE
    assert [proof.enabled for _, proof in sorted(findings.schedules.items())] == [True, False, False, True]


def test_a_client_written_elsewhere_reads_the_emulated_dongle() -> None:
    async def through_its_own_serial(path: str) -> None:
        async with aioraven.serial.RAVEnSerialDevice(path) as raven:
            await raven.synchronize()
            meters = await raven.get_meter_list()
            assert [mac.hex() for mac in meters.meter_mac_ids] == [METER_MAC[2:]]
            info = await raven.get_device_info()
            assert info.model_id == "Z106-RA262"
            meter = meters.meter_mac_ids[0]
            usage = await raven.get_current_summation_delivered(meter=meter)
            demand = await raven.get_instantaneous_demand(meter=meter)
            price = await raven.get_current_price(meter=meter)
            network = await raven.get_network_info()
            assert float(usage.summation_delivered) == pytest.approx(12345, abs=1)
            assert demand.demand is not None
            assert price.currency is None
            assert network.link_strength == 100

    with on_tcp(emulator()) as port:
        asyncio.run(through_its_own_serial(f"socket://127.0.0.1:{port}"))


@contextmanager
def gateway(data: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "openesi", "gateway", "run", "--data", str(data), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", *arguments],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        ready = process.stdout.readline()
        assert ready.startswith("ready https://127.0.0.1:"), process.stderr.read()
        yield process, ready.split()[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
        process.stdout.close()
        process.stderr.close()


def ask(url: str, data: Path, password: str = "correct horse") -> str:
    context = ssl.create_default_context(cafile=str(data / "gateway-cert.pem"))
    token = base64.b64encode(f"anna:{password}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return str(answer.read(), "utf-8")


@dataclass
class House:
    """A gateway process over an emulated dongle on a real terminal."""

    device: Emulator
    process: subprocess.Popen[str]
    url: str
    data: Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data, device = tmp_path_factory.mktemp("house"), emulator()
    UserStore(data / "gateway-users.json").insert("anna", "correct horse")
    with on_pty(device, data / "raven") as source, gateway(data, "--source", source) as (process, url):
        yield House(device, process, url, data)
    assert process.returncode == 0


def test_the_whole_gateway_over_tls(house: House) -> None:
    url, data = house.url, house.data
    wait_for(lambda: json.loads(ask(f"{url}/meter/electricity/status", data))["power_w"] is not None)
    value, time_s = ask(f"{url}{READINGS}/csv", data).strip().split(",")
    status = json.loads(ask(f"{url}/meter/electricity/status", data))
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{url}/", data, password="wrong")
    lines = Path(f"/proc/{house.process.pid}/status").read_text().splitlines()
    resident_kb = next(int(line.split()[1]) for line in lines if "VmRSS" in line)

    assert int(time_s) == pytest.approx(METER_START_S, abs=60)
    assert int(value) == status["power_w"] or status["time"] > int(time_s)
    assert "<title>Meter gateway</title>" in ask(f"{url}/", data)
    assert "EventSource" in ask(f"{url}/static/gateway/main.js", data)
    assert refused.value.code == 401
    refused.value.close()
    assert resident_kb < 50_000, "a leak or a heavy import; the figure itself is in bench/gateway.py"
    assert (data / "gateway-key.pem").stat().st_mode & 0o777 == 0o600


def test_a_user_is_added_from_standard_input_and_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["gateway", "user", "add", "anna", "--data", str(tmp_path)]) == 0
    assert main(["gateway", "user", "list", "--data", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"name": "anna", "role": "reader"}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--source", "fire:"], "no source"),
        (["run", "--source", "tcp://nowhere"], "host and a port"),
        (["run", "--source", "emulator:", "--interval", "2"], "4 to 3600"),
        (["run", "--source", "emulator:", "--insecure-http"], "loopback only"),
        (["run", "--source", "emulator:", "--mqtt", "hub"], "no broker"),
        (["emulate", "--fault", "fire@1+1"], "silence"),
        (["emulate", "--pty", "--tcp", "1"], "one of"),
        (["emulate", "--speed", "1000"], "60 times"),
        (["user", "remove", "anna"], "no user"),
    ],
)
def test_wrong_usage_is_explained(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("OPENESI_DATA", str(tmp_path))

    assert main(["gateway", *arguments]) in (1, 2)
    assert words in capsys.readouterr().err


def test_doctor_says_what_is_wrong_and_what_mends_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with on_pty(emulator("meter_lost@0+999"), tmp_path / "raven") as source:
        code = main(["gateway", "doctor", "--source", source, "--data", str(tmp_path), "--json"])
    checks = {check["check"]: check for check in json.loads(capsys.readouterr().out)}

    assert code == 1
    assert checks["dongle"]["result"] == "ok"
    assert checks["meter"]["result"] == "fail"
    assert "install code" in checks["meter"]["fix"]
    assert checks["link"]["result"] == "warn"
    assert checks["users"]["fix"].startswith("openesi gateway user add")
    assert checks["price polling"]["result"] == "ok"


def test_the_cache_file_survives_a_crash_and_can_be_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "d" / "cache.db"
    points = [(SeriesName.POWER, Point(METER_START_S + 4 * i, -i, Scale(3, 1000))) for i in range(100)]
    file = CacheFile(path)
    file.insert(points, keep_from_s=METER_START_S + 40)
    other = CacheFile(path)  # the first is still open, as after a crash

    assert other.select(SeriesName.POWER) == [p for _, p in points if p.time_s >= METER_START_S + 40]
    assert other.select(SeriesName.ENERGY) == []
    assert path.stat().st_mode & 0o777 == 0o600
    file.close()
    other.close()
    assert forget(path)
    assert not list(path.parent.iterdir())
    assert not forget(path)


def test_a_damaged_cache_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"not a database" * 100)

    with pytest.raises(LocalError, match="openesi gateway forget"):
        CacheFile(tmp_path / "cache.db")


RUBBISH = [
    b"\x00" * 2000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 100_000,
    b"GET " + b"/" * 100_000,
    b"POST /meter HTTP/1.1\r\nContent-Length: -5\r\n\r\n<Command><Name>factory_reset</Name></Command>",
    b"<Command><Name>factory_reset</Name></Command>\r\n" * 50,
    b"GET /meter/electricity/interval_reading/csv?x=%3CCommand%3E HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


def test_nothing_from_the_lan_reaches_the_serial_line(house: House) -> None:
    address = ("127.0.0.1", int(house.url.rpartition(":")[2]))
    trusting = ssl.create_default_context(cafile=str(house.data / "gateway-cert.pem"))
    for rubbish in RUBBISH:
        for encrypted in (False, True):
            line = socket.create_connection(address, timeout=10)
            if encrypted:
                line = trusting.wrap_socket(line, server_hostname="127.0.0.1")
            with line, contextlib.suppress(OSError):  # it may close on us in the middle
                line.sendall(rubbish)
                line.settimeout(0.2)
                line.recv(1000)
    reading = json.loads(ask(f"{house.url}/meter/electricity/status", house.data))

    assert set(house.device.counts.commands) <= {query.value for query in Query} | {"set_schedule"}
    assert reading["queries"]["lost"] == 0
    assert reading["link"]["state"] == "open"
    assert house.process.poll() is None
