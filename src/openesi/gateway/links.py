"""Lines to a dongle: what one is, and TCP to a port server. What is said on them is ``poller``'s business."""

from __future__ import annotations

import select
import socket
from typing import Protocol

READ_BYTES = 4096
CONNECT_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 2.0  # the line takes 100 bytes in 9 ms; one that blocks so long is dead
KEEPALIVE_S = 15  # a TCP peer that vanished is noticed within a minute


class LinkLost(ConnectionError):
    """The line ended: unplugged, closed by the far end, or not there."""


class Link(Protocol):
    """An open line."""

    def read(self, timeout_s: float) -> bytes:
        """Bytes as soon as there are some, nothing after ``timeout_s``. Raises LinkLost."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises LinkLost."""
        ...

    def close(self) -> None:
        """End it; never raises."""
        ...


class TcpLink:
    """A serial port behind TCP (ser2net and its like, or the emulator)."""

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
        except OSError as error:
            raise LinkLost(f"cannot reach {host} port {port}: {reason_of(error)}") from error
        self._socket.settimeout(WRITE_TIMEOUT_S)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            self._socket.setsockopt(socket.IPPROTO_TCP, option, KEEPALIVE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)

    def read(self, timeout_s: float) -> bytes:
        """See Link."""
        try:
            readable, _, _ = select.select([self._socket], [], [], max(0.0, timeout_s))
            if not readable:
                return b""
            data = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise LinkLost(f"the connection broke: {reason_of(error)}") from error
        if not data:
            raise LinkLost("the far end closed the connection")
        return data

    def write(self, data: bytes) -> None:
        """See Link."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkLost(f"the connection broke: {reason_of(error)}") from error

    def close(self) -> None:
        """See Link."""
        self._socket.close()


def reason_of(error: Exception) -> str:
    """Why a line failed, in the system's words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
