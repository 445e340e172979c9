"""A dongle on a serial port of this machine, and finding it by its USB id. Needs pyserial."""

from __future__ import annotations

import select

import serial
from serial.tools import list_ports

from openesi.errors import LocalError
from openesi.gateway.links import READ_BYTES, WRITE_TIMEOUT_S, LinkLost, reason_of

BAUD = 115_200

USB_IDS = {
    (0x0403, 0x8A28): "RAVEn",
    (0x04B4, 0x0003): "EMU-2",
}
"""The dongles this gateway knows, by USB vendor and product."""


class SerialLink:
    """A serial port, opened for this process alone."""

    def __init__(self, device: str) -> None:
        try:
            self._port = serial.Serial(
                device, BAUD, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True, rtscts=False
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise LinkLost(f"cannot open {device}: {reason_of(error)}") from error

    def read(self, timeout_s: float) -> bytes:
        """See Link."""
        try:
            select.select([self._port.fileno()], [], [], max(0.0, timeout_s))
            return bytes(self._port.read(READ_BYTES))
        except (serial.SerialException, OSError, TypeError) as error:
            # TypeError: pyserial's answer when another thread closed the port.
            raise LinkLost(f"the dongle is gone: {reason_of(error)}") from error

    def write(self, data: bytes) -> None:
        """See Link."""
        try:
            self._port.write(data)
        except (serial.SerialException, OSError) as error:
            raise LinkLost(f"the dongle takes nothing: {reason_of(error)}") from error

    def close(self) -> None:
        """See Link."""
        try:
            self._port.close()
        except OSError:
            return  # it is gone already


def find_dongles() -> list[tuple[str, str]]:
    """Device path and model of every known dongle that is plugged in."""
    found = []
    for port in list_ports.comports():
        model = USB_IDS.get((port.vid, port.pid))
        if model is not None:
            found.append((port.device, model))
    return sorted(found)


def choose_dongle() -> str:
    """The device path of the only dongle. Raises LocalError if there is none, or more than one."""
    dongles = find_dongles()
    if not dongles:
        raise LocalError(
            "no RAVEn or EMU-2 found on USB: plug it in, check the cable, or name the port with "
            "--source serial:/dev/ttyUSB0; `openesi gateway emulate --pty` makes one to try with"
        )
    if len(dongles) > 1:
        paths = ", ".join(path for path, _ in dongles)
        raise LocalError(f"several dongles found ({paths}): choose one with --source serial:PATH")
    return dongles[0][0]
