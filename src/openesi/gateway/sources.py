"""Where readings come from:

``serial:DEV``, ``tcp://HOST:PORT``, ``sep2:https://HOST:PORT``, ``emulator:``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from openesi.errors import LocalError
from openesi.gateway.cache import MAX_AGE_S
from openesi.gateway.emulate import EmulatedLink
from openesi.gateway.emulator import Emulator
from openesi.gateway.events import Event, Source, Stop
from openesi.gateway.links import Link, LinkLost, TcpLink
from openesi.gateway.poller import Poller

REOPEN_S = (0.5, 1.0, 2.0)  # then every 2 s: a dongle that is plugged in again is read within one interval
LONGEST_WAIT_S = 1.0  # how long a stop may go unnoticed on a quiet line


@dataclass(frozen=True, slots=True)
class Settings:
    """How to read. ``meter_mac_id`` only matters for a dongle that knows several meters."""

    interval_s: int = 4
    energy_interval_s: int = 60
    meter_mac_id: str = ""
    identity: Identity | None = None  # for a 2030.5 meter


@dataclass(frozen=True, slots=True)
class Identity:
    """What is shown to a 2030.5 meter, and how it is known: PEM files, or the meter's LFDI in hexadecimal."""

    cert: str
    key: str
    ca: str
    server_lfdi: str


class RavenSource:
    """A RAVEn or EMU-2 at the end of a line. ``open_link`` raises LinkLost when there is none."""

    def __init__(self, name: str, open_link: Callable[[], Link], settings: Settings) -> None:
        self.name = name
        self._open_link = open_link
        self._poller = Poller(
            interval_s=settings.interval_s,
            energy_interval_s=settings.energy_interval_s,
            meter_mac_id=settings.meter_mac_id,
        )

    def run(self, report: Callable[[Iterable[Event], float], None], stop: Stop) -> None:
        """See Source."""
        attempt = 0
        while not stop.is_set():
            try:
                link = self._open_link()
            except LinkLost as error:
                now = time.monotonic()
                report([*self._poller.closed(str(error)), *self._poller.advance(now).events], now)
                stop.wait(REOPEN_S[min(attempt, len(REOPEN_S) - 1)])
                attempt += 1
                continue
            attempt = 0
            try:
                reason = self._converse(link, report, stop)
            except LinkLost as error:
                reason = str(error)
            finally:
                link.close()
            report(self._poller.closed(reason), time.monotonic())

    def _converse(self, link: Link, report: Callable[[Iterable[Event], float], None], stop: Stop) -> str:
        poller = self._poller
        now = time.monotonic()
        report(poller.opened(now), now)
        while not stop.is_set():
            step = poller.advance(now)
            report(step.events, now)
            if step.reopen:
                return "the dongle has fallen silent"
            for command in step.commands:
                link.write(command.wire)
            data = link.read(min(LONGEST_WAIT_S, poller.next_deadline() - time.monotonic()))
            now = time.monotonic()
            if data:
                report(poller.receive(data, now), now)
        return "stopped"


class EmulatedSource(RavenSource):
    """No hardware at all: the emulated dongle inside this process, with two days behind it."""

    def __init__(self, settings: Settings) -> None:
        self.emulator = Emulator(time.monotonic(), int(time.time()), history_s=MAX_AGE_S)
        super().__init__("emulator:", lambda: EmulatedLink(self.emulator), settings)


def parse_source(text: str, settings: Settings) -> Source:
    """The source that ``text`` names; ``serial:`` alone is the only dongle on USB.

    Raises LocalError for a text that names none, and for settings that the meter does not allow.
    """
    kind, _, rest = text.partition(":")
    match kind:
        case "serial":
            return _serial_source(rest, settings)
        case "tcp":
            host, port = _parse_address(text)
            return RavenSource(f"tcp://{host}:{port}", lambda: TcpLink(host, port), settings)
        case "sep2":
            return _sep2_source(rest, settings)
        case "emulator":
            return EmulatedSource(settings)
        case _:
            raise LocalError(
                f"{text!r} is no source: write serial:/dev/ttyUSB0, tcp://HOST:PORT, "
                "sep2:https://HOST:PORT, emulator: or serial: alone to find the dongle"
            )


def _serial_source(device: str, settings: Settings) -> RavenSource:
    try:
        from openesi.gateway.serialport import SerialLink, choose_dongle
    except ModuleNotFoundError as error:
        raise LocalError(
            "a serial port needs pyserial. Run: python -m pip install 'openesi[gateway]'"
        ) from error
    path = device or choose_dongle()
    return RavenSource(f"serial:{path}", lambda: SerialLink(path), settings)


def _sep2_source(url: str, settings: Settings) -> Source:
    # Only who reads such a meter needs the 2030.5 model in memory.
    from openesi.client import Client
    from openesi.client.tls import TLSSettings
    from openesi.gateway.commands import schedule_read
    from openesi.gateway.sep2source import Sep2Source

    schedule_read("demand", settings.interval_s)  # the same bounds as for a dongle
    schedule_read("summation", settings.energy_interval_s)
    me = settings.identity or Identity("", "", "", "")
    if url.startswith("https:") and not (me.cert and me.key):
        raise LocalError(
            "a 2030.5 meter wants a certificate: give --cert and --key (`openesi pki` makes them)"
        )
    try:
        pin = bytes.fromhex(me.server_lfdi) or None
    except ValueError as error:
        raise LocalError(f"{me.server_lfdi!r} is no LFDI: 40 hexadecimal digits") from error
    tls = TLSSettings(
        cert=Path(me.cert) if me.cert else None,
        key=Path(me.key) if me.key else None,
        ca=(Path(me.ca),) if me.ca else (),
        server_lfdi=pin,
        profile=False,  # meters in the field carry self-signed certificates outside the profile
        legacy_renegotiation=True,
    )

    def open_client() -> Client:
        return Client(url, tls=tls)

    open_client()  # raises what is wrong with url and files now, not in the thread
    return Sep2Source(f"sep2:{url}", open_client, settings.interval_s, settings.energy_interval_s)


def _parse_address(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port:
        raise LocalError(f"{text!r} needs a host and a port, like tcp://192.168.1.5:2000")
    return host, port
