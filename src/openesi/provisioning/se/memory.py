"""What a meter knows of its home network, and keeps through a power cut."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec


class Stage(StrEnum):
    """Where a device stands, as the meter sees it."""

    OPEN = "WindowOpen"
    SEEN = "Seen"
    JOINED = "Joined"
    COMMISSIONED = "Commissioned"
    PROVISIONED = "Provisioned"
    ACTIVE = "Active"
    EXPIRED = "Expired"
    FAILED = "Failed"


WAITING: Final = frozenset({Stage.OPEN, Stage.SEEN})
ENDED: Final = frozenset({Stage.EXPIRED, Stage.FAILED})


class Entry(msgspec.Struct):
    """One line of the key table."""

    preconfigured_key: bytes
    device_type: int
    window_end: float
    short: int
    stage: Stage = Stage.OPEN
    link_key: bytes | None = None
    joins: int = 0
    joined_at: float = 0.0
    described: bool = False
    established_at: float | None = None
    reported: bool = False
    asked: list[int] = []
    interview_at: float | None = None
    interviews: int = 0


class Memory(msgspec.Struct):
    """What a meter keeps through a power cut."""

    network_key: bytes
    pan: int
    counter: int = 0
    next_short: int = 1
    entries: dict[str, Entry] = {}  # by MAC


def form_network(entropy: Callable[[int], bytes] = secrets.token_bytes) -> Memory:
    """The memory of a meter that starts its network now."""
    return Memory(network_key=entropy(16), pan=int.from_bytes(entropy(2)) & 0x3FFF)
