"""How long to wait, and how often to ask: numbers with names."""

from __future__ import annotations

from typing import Protocol

FIRST_S = 2.0  # before the first new attempt
FACTOR = 2.0
MOST_S = 300.0  # an unreachable server is tried at least this often
REFUSED_S = 900.0  # being refused does not pass by itself: somebody must act
SPREAD = 0.5  # of the delay is drawn, so that a fleet does not come back in step

DEFAULT_POLL_S = 900  # pollRate where the server gives none
LEAST_POLL_S = 1.0  # a server could ask to be polled without pause
MOST_POLL_S = 24 * 3600.0  # or never again
MOST_EVENT_POLL_S = 900.0  # lists of events (IEEE 2030.5-2018, clause 10.2.3.3 a)


class RandomSource(Protocol):
    """What is drawn from: ``random.Random()``; seeded in tests."""

    def random(self) -> float:
        """Return a number from 0 up to, not including, 1."""
        ...

    def randint(self, a: int, b: int, /) -> int:
        """Return a whole number from a to b, both included."""
        ...


def delay_s(failures: int, random: RandomSource, *, asked_s: float | None = None) -> float:
    """Return how long to wait after so many failures in a row, at least as long as the server asked."""
    full = min(MOST_S, FIRST_S * FACTOR ** min(failures - 1, 30))
    return max(asked_s or 0.0, full * (1 - SPREAD * random.random()))


def poll_s(poll_rate: int | None, *, most_s: float = MOST_POLL_S) -> float:
    """Return the seconds between two polls for the pollRate a server gives."""
    return min(most_s, max(LEAST_POLL_S, DEFAULT_POLL_S if poll_rate is None else poll_rate))
