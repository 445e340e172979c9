"""What a source of meter data reports, whatever it speaks.

The one interface between sources and the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from openesi.gateway.fragments import DeviceInfo, NetworkStatus, Scale


class Quantity(Enum):
    """The two values the meter is asked for."""

    POWER = "power"
    ENERGY = "energy"


class Outcome(Enum):
    """What became of a read that was due."""

    ANSWERED = "answered"
    LATE = "late"  # came, but only after a quarter of an interval, or after asking again
    LOST = "lost"  # did not come before the next one was due


@dataclass(frozen=True, slots=True)
class PowerRead:
    """Power, import positive, export negative.

    ``time_s``: the meter's own Unix second, None if it gave none.
    """

    time_s: int | None
    raw: int
    scale: Scale


@dataclass(frozen=True, slots=True)
class EnergyRead:
    """The energy registers; one the meter does not have, or marks invalid, is None."""

    time_s: int | None
    delivered: int | None
    received: int | None
    scale: Scale


@dataclass(frozen=True, slots=True)
class QueriesClosed:
    """``count`` reads of ``quantity`` that were due came to this end."""

    quantity: Quantity
    outcome: Outcome
    count: int = 1


class LinkState(Enum):
    """The line between this host and the dongle (or the meter)."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The line opened or closed, with the reason in words."""

    state: LinkState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleProof:
    """What the dongle read back: may it ask the meter for ``event`` by itself?"""

    event: str
    enabled: bool
    frequency_s: int | None


@dataclass(frozen=True, slots=True)
class Damaged:
    """``count`` fragments came broken and were dropped."""

    count: int


@dataclass(frozen=True, slots=True)
class ForeignData:
    """Data of a cluster that this gateway does not read arrived unasked."""

    root: str


Event = (
    PowerRead
    | EnergyRead
    | QueriesClosed
    | LinkChanged
    | ScheduleProof
    | Damaged
    | ForeignData
    | DeviceInfo
    | NetworkStatus
)


class Stop(Protocol):
    """Tells a source to end; ``wait`` returns true at once when it is time."""

    def is_set(self) -> bool:
        """Whether the source is to end."""
        ...

    def wait(self, timeout_s: float | None = None) -> bool:
        """Sleep up to ``timeout_s`` seconds; true when the source is to end."""
        ...


class Source(Protocol):
    """A meter that can be read and nothing else. A dongle is one, an IEEE 2030.5 meter another."""

    name: str

    def run(self, report: Callable[[Iterable[Event], float], None], stop: Stop) -> None:
        """Read until ``stop``; report events with the monotonic time at which they happened.

        Does not raise for anything that the line, the dongle or the meter does: it reports, and tries again.
        """
        ...
