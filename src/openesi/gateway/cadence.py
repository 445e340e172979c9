"""The beat of reading: which reads were due, which came, which were lost. Time is an argument.

Reads are due every ``interval_s``. A reading counts for the due time it is nearest to; when half an interval
has passed without one, that read is lost. Normally the dongle reads by its own schedule and pushes; the beat
then follows the pushes and only asks when one is a quarter of an interval overdue. A dongle that does not
push is asked each time.
"""

from __future__ import annotations

from openesi.gateway.events import Outcome, Quantity, QueriesClosed

UNPUSHED_BEFORE_ASKING = 3  # so many missed pushes in a row, and the dongle is asked at the due time itself


class Cadence:
    """Due times of one quantity. Begins when ``start`` is called."""

    def __init__(self, quantity: Quantity, interval_s: float) -> None:
        self.quantity = quantity
        self.interval_s = interval_s
        self._due: float | None = None
        self._asked = False
        self._answered_by_asking = False
        self._unpushed = UNPUSHED_BEFORE_ASKING
        self.alive = False  # whether the last read that was due came

    @property
    def pushing(self) -> bool:
        """Whether readings come without asking."""
        return self._unpushed < UNPUSHED_BEFORE_ASKING

    def start(self, now: float) -> None:
        """The first read is due now. Without effect once started: time without a link is lost reads."""
        if self._due is None:
            self._due = now

    def answered(self, now: float) -> list[QueriesClosed]:
        """A reading came."""
        closed = self.advance(now)
        if self._due is None or now < self._due - self.interval_s / 2:
            if self._due is not None and self._answered_by_asking:
                # A second reading in the same beat: the dongle pushes too. Follow its phase from here on.
                self._unpushed = 0
                self._answered_by_asking = False
                self._due = now + self.interval_s
            return closed
        self.alive = True
        late = now >= self._due + self.interval_s / 4
        if self._asked:
            self._unpushed += 1
            self._due += self.interval_s
        else:
            self._unpushed = 0
            self._due = now + self.interval_s
        self._answered_by_asking, self._asked = self._asked, False
        return [*closed, QueriesClosed(self.quantity, Outcome.LATE if late else Outcome.ANSWERED)]

    def advance(self, now: float) -> list[QueriesClosed]:
        """Count the reads that can no longer come."""
        if self._due is None or now < self._due + self.interval_s / 2:
            return []
        lost = int((now - self._due - self.interval_s / 2) // self.interval_s) + 1
        self._due += lost * self.interval_s
        self._unpushed += lost
        self.alive = False
        self._asked = self._answered_by_asking = False
        return [QueriesClosed(self.quantity, Outcome.LOST, lost)]

    def wants_asking(self, now: float) -> bool:
        """Whether the read that is due should be asked for now."""
        return self._due is not None and not self._asked and now >= self._asking_time(self._due)

    def asked(self) -> None:
        """The read that is due has been asked for."""
        self._asked = True

    def skip(self) -> None:
        """The read that is due gives its place to another quantity: neither counted nor lost."""
        if self._due is not None:
            self._due += self.interval_s
            self._asked = False

    def next_deadline(self, *, can_ask: bool) -> float:
        """When ``advance``, or ``wants_asking`` if asking is possible, will next have something to say."""
        if self._due is None:
            return float("inf")
        closing = self._due + self.interval_s / 2
        return min(closing, self._asking_time(self._due)) if can_ask and not self._asked else closing

    def _asking_time(self, due: float) -> float:
        return due + self.interval_s / 4 if self.pushing else due
