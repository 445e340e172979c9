from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.conftest import serving
from openesi import cli
from openesi.pki import Identity
from openesi.sep2.identity import format_lfdi


class Running:
    """A server in a thread of its own, and the options that lead to it."""

    def __init__(self, data: Path) -> None:
        self.options: list[str] = []
        self.device: Identity
        self._data = data
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _serve(self) -> None:
        async with serving(self._data) as house:
            self.device = house.issue()
            trust = ["--ca", str(self.device.ca), "--server", house.url.removesuffix("/dcap")]
            self.options = ["--cert", str(self.device.cert), "--key", str(self.device.key), *trust]
            self.anonymous = trust
            self._up.set()
            await self._stop.wait()

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(20)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "data")
    running.start()
    yield running
    running.stop()


def end_device(server: Running, folder: Path) -> Path:
    """Write what registers the device of this server; return the file."""
    lfdi = format_lfdi(server.device.lfdi)
    file = folder / "edev.xml"
    file.write_text(
        f'<EndDevice xmlns="urn:ieee:std:2030.5:ns"><lFDI>{lfdi}</lFDI><sFDI>{server.device.sfdi}</sFDI>'
        "<changedTime>0</changedTime></EndDevice>"
    )
    return file


def test_get_prints_the_document_for_people(server: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["get", "/dcap", *server.options]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert '\n  <EndDeviceListLink href="/edev"' in printed.out


def test_get_raw_and_with_headers(server: Running, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.main(["get", "/dcap", "--raw", "-i", *server.options]) == 0
    printed = capsysbinary.readouterr()
    assert printed.out.startswith(b"<DeviceCapability ")
    assert b"\n" not in printed.out
    assert printed.err.startswith(b"HTTP/1.1 200\n")
    assert b"content-type: application/sep+xml" in printed.err


def test_post_says_where_and_put_says_nothing(
    server: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device = end_device(server, tmp_path)
    assert cli.main(["post", "/edev", str(device), *server.options]) == 0
    assert capsys.readouterr().out == "/edev/1\n"
    assert cli.main(["put", "/edev/1", str(device), *server.options]) == 0
    assert capsys.readouterr().out == ""
    assert cli.main(["post", "/edev", str(device), *server.options]) == 1
    printed = capsys.readouterr()
    assert "<reasonCode>" in printed.out
    assert "answered with 409" in printed.err


def test_exi_is_spoken_where_wanted(
    server: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["get", "/tm", "--exi", "-i", *server.options]) == 0
    printed = capsys.readouterr()
    assert "content-type: application/sep-exi" in printed.err
    assert "<currentTime>" in printed.out
    assert cli.main(["post", "/edev", str(end_device(server, tmp_path)), "--exi", *server.options]) == 0
    mirror = tmp_path / "status.xml"
    mirror.write_text(
        '<DERStatus xmlns="urn:ieee:std:2030.5:ns"><readingTime>1800000000</readingTime></DERStatus>'
    )
    assert cli.main(["put", "/edev/1/der/1/ders", str(mirror), "--exi", *server.options]) == 0
    assert cli.main(["get", "/edev/1/der/1/ders", *server.options]) == 0
    assert "<readingTime>1800000000</readingTime>" in capsys.readouterr().out


def test_every_failure_has_its_exit_code(
    server: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ca = str(server.device.ca)
    assert cli.main(["get", "/nowhere", *server.options]) == 1
    assert cli.main(["get", "/dcap", *server.options, "--profile", "1999"]) == 2
    assert cli.main(["get", "/dcap", "--server", "https://127.0.0.1:1", "--ca", ca]) == 3
    assert cli.main(["get", "/dcap", *server.anonymous]) == 4
    assert cli.main(["get", "/dcap", *server.anonymous[2:], "--server-lfdi", "00" * 20]) == 4
    assert cli.main(["put", "/edev/1", str(tmp_path / "none.xml"), *server.options]) == 1
    capsys.readouterr()
