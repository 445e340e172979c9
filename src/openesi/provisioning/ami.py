"""The AMI network's own commands: small JSON documents, versioned, the key sealed for one meter.

The use case calls these legs proprietary (steps 2 to 4 and 10 to 12); this is our open form of them.
"""

from __future__ import annotations

import secrets
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from openesi.errors import PeerError

VERSION: Final = 1
NONCE_BYTES: Final = 13
MAX_BYTES: Final = 4096  # a command is a few hundred bytes; a mesh node has no memory for more


class AmiError(PeerError):
    """A command that is none, or not for this meter."""


class OpenWindow(msgspec.Struct, frozen=True, tag="han.window.open", tag_field="command"):
    """Let one device in. ``sealed_key`` opens with the meter's own key only; times are Unix seconds."""

    meter: str
    mac: str
    device_type: int
    sealed_key: bytes
    start: float
    end: float
    correlation: str
    version: int = VERSION


class CloseWindow(msgspec.Struct, frozen=True, tag="han.window.close", tag_field="command"):
    """Let the device in no longer."""

    meter: str
    mac: str
    correlation: str
    version: int = VERSION


class RemoveDevice(msgspec.Struct, frozen=True, tag="han.device.remove", tag_field="command"):
    """Put the device out."""

    meter: str
    mac: str
    correlation: str
    version: int = VERSION


class HanState(msgspec.Struct, frozen=True, tag="han.state", tag_field="command"):
    """What became of a device, as of ``at`` (Unix seconds)."""

    meter: str
    mac: str
    state: str
    at: float
    correlation: str
    detail: str = ""
    short: int = 0
    version: int = VERSION


class Ack(msgspec.Struct, frozen=True, tag="ack", tag_field="command"):
    """The receiver has it on disk, or will not have it."""

    ok: bool = True
    reason: str = ""


Command = OpenWindow | CloseWindow | RemoveDevice | HanState
_Any = OpenWindow | CloseWindow | RemoveDevice | HanState | Ack
_DECODER: Final[msgspec.json.Decoder[_Any]] = msgspec.json.Decoder(_Any)


def serialize(command: Command | Ack) -> bytes:
    """The command's document."""
    return msgspec.json.encode(command)


def parse(octets: bytes) -> Command | Ack:
    """The command in a document. Raises ``AmiError``."""
    if len(octets) > MAX_BYTES:
        raise AmiError(f"a command has at most {MAX_BYTES} bytes, not {len(octets)}")
    try:
        command = _DECODER.decode(octets)
    except msgspec.DecodeError as error:  # ValidationError is one
        raise AmiError(f"the command cannot be read: {error}") from None
    if not isinstance(command, Ack) and command.version != VERSION:
        raise AmiError(f"commands of version {command.version} are not known here; update the meter")
    return command


def seal(link_key: bytes, meter_key: bytes, *, meter: str, mac: str) -> bytes:
    """A device's link key, for the eyes of one meter."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESCCM(meter_key).encrypt(nonce, link_key, f"{meter}|{mac}".encode())


def unseal(sealed: bytes, meter_key: bytes, *, meter: str, mac: str) -> bytes:
    """The link key; raises ``AmiError`` where it was sealed for another meter or another device."""
    nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESCCM(meter_key).decrypt(nonce, rest, f"{meter}|{mac}".encode())
    except (InvalidTag, ValueError):
        raise AmiError("the device's key was sealed for another meter: was the meter replaced?") from None
