"""The emulated dongle on a pseudo-terminal, on TCP, or inside this process.

Thin shells around ``emulator``.
"""

from __future__ import annotations

import os
import select
import socket
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from openesi.errors import LocalError
from openesi.gateway.cache import Point
from openesi.gateway.emulator import Emulator
from openesi.gateway.events import Stop
from openesi.gateway.fragments import Scale
from openesi.gateway.links import LinkLost
from openesi.gateway.record import MeterRecord, SeriesName

TICK_S = 0.2  # how soon a stop or a fault is noticed
READ_BYTES = 4096
MAX_CLIENTS = 4  # programs that share the TCP dongle; it has no authentication, so it listens on loopback
READ_EVERY_S = 4
REGISTERS_EVERY_S = 60
KILO = Scale(1, 1000)


def run_on_pty(
    emulator: Emulator, stop: Stop, *, opened: Callable[[str], None], link: Path | None = None
) -> None:
    """Serve a pseudo-terminal until ``stop``; ``opened`` gets its path. ``link`` is a symbolic link that
    follows it.

    While the script says "unplug" the terminal is gone; afterwards there is a new one, as with USB.
    """
    while not stop.is_set():
        master, slave = os.openpty()
        try:
            tty.setraw(slave)
            os.set_blocking(master, False)
            path = os.ttyname(slave)
            if link is not None:
                _point_to(link, path)
            opened(str(link) if link is not None else path)
            _serve_pty(emulator, master, stop)
        finally:
            os.close(slave)
            os.close(master)
            if link is not None:
                link.unlink(missing_ok=True)
        while emulator.unplugged(time.monotonic()) and not stop.is_set():
            emulator.output(time.monotonic())
            stop.wait(TICK_S)


def run_on_tcp(
    emulator: Emulator, stop: Stop, *, host: str, port: int, opened: Callable[[int], None]
) -> None:
    """Serve TCP until ``stop``; ``opened`` gets the port. Raises LocalError if the port cannot be had."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise LocalError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    clients: list[socket.socket] = []
    with listening:
        opened(listening.getsockname()[1])
        while not stop.is_set():
            readable, _, _ = select.select([listening, *clients], [], [], _wait_s(emulator))
            now = time.monotonic()
            if listening in readable:
                client, _ = listening.accept()
                client.settimeout(1.0)
                if len(clients) >= MAX_CLIENTS or emulator.unplugged(now):
                    client.close()
                else:
                    clients.append(client)
            for client in [each for each in clients if each in readable]:
                data = _receive(client)
                if data:
                    emulator.receive(data, now)
                else:
                    clients.remove(client)
                    client.close()
            if emulator.unplugged(now):
                while clients:
                    clients.pop().close()
            output = emulator.output(time.monotonic())
            for client in [each for each in clients if output and not _send(each, output)]:
                clients.remove(client)
                client.close()
    for client in clients:
        client.close()


class EmulatedLink:
    """The dongle inside this process, as a line."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        if emulator.unplugged(time.monotonic()):
            raise LinkLost("the emulated dongle is unplugged")

    def read(self, timeout_s: float) -> bytes:
        """See Link."""
        now = time.monotonic()
        end = now + max(0.0, timeout_s)
        while True:
            if self._emulator.unplugged(now):
                raise LinkLost("the emulated dongle was unplugged")
            data = self._emulator.output(now)
            if data or now >= end:
                return data
            time.sleep(max(0.001, min(end, self._emulator.next_deadline()) - now))
            now = time.monotonic()

    def write(self, data: bytes) -> None:
        """See Link."""
        self._emulator.receive(data, time.monotonic())

    def close(self) -> None:
        """See Link."""


def backfill(record: MeterRecord, emulator: Emulator) -> None:
    """Put the past of an emulated meter (its ``history_s``) into ``record``, as if the gateway had run all
    the time.

    To be done before the emulator is first asked for anything.
    """
    until_s = emulator.meter_time_s
    start_s = until_s - emulator.history_s
    record.restore(SeriesName.POWER, _past_power(emulator, start_s, until_s))
    registers = list(_past_registers(emulator, start_s, until_s))
    record.restore(SeriesName.ENERGY, [Point(t, delivered, KILO) for t, delivered, _ in registers])
    record.restore(SeriesName.ENERGY_RECEIVED, [Point(t, received, KILO) for t, _, received in registers])


def _past_power(emulator: Emulator, start_s: int, until_s: int) -> Iterator[Point]:
    for time_s in range(start_s, until_s, READ_EVERY_S):
        yield Point(time_s, emulator.house.power_w(time_s), KILO)


def _past_registers(emulator: Emulator, start_s: int, until_s: int) -> Iterator[tuple[int, int, int]]:
    for time_s in range(start_s, until_s, REGISTERS_EVERY_S):
        yield (time_s, *emulator.registers_wh(time_s))


def _serve_pty(emulator: Emulator, master: int, stop: Stop) -> None:
    while not stop.is_set() and not emulator.unplugged(time.monotonic()):
        readable, _, _ = select.select([master], [], [], _wait_s(emulator))
        now = time.monotonic()
        if readable:
            emulator.receive(os.read(master, READ_BYTES), now)
        output = emulator.output(now)
        while output:
            try:
                output = output[os.write(master, output) :]
            except BlockingIOError:
                break  # nobody reads the terminal: what it cannot hold is lost, as on a real line


def _wait_s(emulator: Emulator) -> float:
    return max(0.0, min(TICK_S, emulator.next_deadline() - time.monotonic()))


def _point_to(link: Path, target: str) -> None:
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


def _receive(client: socket.socket) -> bytes:
    try:
        return client.recv(READ_BYTES)
    except OSError:
        return b""  # gone


def _send(client: socket.socket, data: bytes) -> bool:
    try:
        client.sendall(data)
    except OSError:
        return False
    return True
