"""The air of one neighbourhood, simulated: frames take a moment, and some are lost.

Stations are addressed by EUI-64 here; the short addresses live where they belong, in the network frames.
A ``Station`` is the only thing this module asks of a device. A real radio stands beside all this: it takes
the place of the meter's coordinator (``coordinator.Coordinator``).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

LATENCY_S: Final = 0.02
MAC_TRIES: Final = 4  # a unicast frame that is not acknowledged is sent again, thrice; a broadcast is not
# Frames in the air at once. A station that answers each frame with two would otherwise fill the memory.
MAX_IN_FLIGHT: Final = 10_000


class Kind(Enum):
    """What the MAC layer makes of a frame. Source: IEEE 802.15.4, MAC commands."""

    BEACON_REQUEST = "beacon request"
    BEACON = "beacon"
    ASSOCIATION_REQUEST = "association request"
    ASSOCIATION_RESPONSE = "association response"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Frame:
    """One transmission. ``label`` and ``step`` are for people who watch, not for the receiver."""

    kind: Kind
    source: bytes
    target: bytes | None  # None: everybody in range
    pan: int
    payload: bytes = field(repr=False)
    label: str = ""
    step: int = 0


class Station(Protocol):
    """Whatever has an antenna."""

    eui64: bytes

    def receive(self, frame: Frame, now: float) -> list[Frame]:
        """Take a frame that arrived; returns what to transmit."""
        ...

    def tick(self, now: float) -> list[Frame]:
        """Do what is due; returns what to transmit."""
        ...

    def next_deadline(self) -> float | None:
        """When ``tick`` has to be called next."""
        ...


# Called for each attempt to send a frame: True loses it.
Loss = Callable[[Frame], bool]
Watcher = Callable[[float, Frame, bool], None]


class Ether:
    """All stations within range of each other."""

    def __init__(
        self, *, loss: Loss = lambda frame: False, watch: Watcher | None = None, mac_tries: int = MAC_TRIES
    ) -> None:
        self.loss = loss
        self._mac_tries = mac_tries
        self._watch = watch
        self._stations: dict[bytes, Station] = {}
        self._flying: list[tuple[float, int, Frame]] = []
        self._count = 0

    def place(self, station: Station) -> None:
        """Put a station within range; one with the same EUI-64 is replaced."""
        self._stations[station.eui64] = station

    def transmit(self, frames: list[Frame], now: float) -> None:
        """Let frames fly; they arrive ``LATENCY_S`` later, in order."""
        for frame in frames:
            if len(self._flying) >= MAX_IN_FLIGHT:
                return
            self._count += 1
            heapq.heappush(self._flying, (now + LATENCY_S, self._count, frame))

    def run(self, now: float) -> None:
        """Deliver what has arrived by ``now`` and do what is due."""
        while self._flying and self._flying[0][0] <= now:
            _, _, frame = heapq.heappop(self._flying)
            self._deliver(frame, now)
        for station in list(self._stations.values()):
            deadline = station.next_deadline()
            if deadline is not None and deadline <= now:
                self.transmit(station.tick(now), now)

    def next_deadline(self) -> float | None:
        """When ``run`` has something to do next."""
        times = [deadline for station in self._stations.values() if (deadline := station.next_deadline())]
        if self._flying:
            times.append(self._flying[0][0])
        return min(times, default=None)

    def _deliver(self, frame: Frame, now: float) -> None:
        tries = 1 if frame.target is None else self._mac_tries
        lost = all(self.loss(frame) for _ in range(tries))
        if self._watch is not None:
            self._watch(now, frame, lost)
        if lost:
            return
        for station in list(self._stations.values()):
            if station.eui64 != frame.source and frame.target in (None, station.eui64):
                self.transmit(station.receive(frame, now), now)
