"""All roles in one process, with a clock that is an argument: what the demonstrator and the tests run.

It carries letters between roles as a network would: they take time, and by a script they are lost,
doubled, or find nobody. What happens at one moment is one transaction, so answers leave after what they
answer is on disk.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from openesi.provisioning.letters import Letter
from openesi.provisioning.roles.base import Role
from openesi.provisioning.roles.meter_esi import Antenna, MeterEsi
from openesi.provisioning.se.radio import Ether, Frame
from openesi.provisioning.state import State

# Times are rounded up to this grid, so that what happens "at once" shares a transaction.
GRID_S: Final = 0.01
LATENCY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Passage:
    """What becomes of a letter or an answer on its way."""

    delay_s: float = LATENCY_S
    lost: bool = False
    copies: int = 1


class Way:
    """The two ways between roles."""

    THERE: Final = "there"
    BACK: Final = "back"


# (letter, way) -> what becomes of it
Fate = Callable[[Letter, str], Passage]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said, for those who watch."""

    at: float
    source: str
    target: str
    step: int
    label: str
    body: bytes
    note: str = ""  # "lost", "answered FAILED", ...
    radio: bool = False
    subject: str = ""


class World:
    """Roles, homes, and the ways between them."""

    def __init__(
        self,
        state: State,
        *,
        now: float,
        fate: Fate = lambda letter, way: Passage(),
        watch: Callable[[Line], None] | None = None,
        carry: Callable[[Letter], None] | None = None,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self.now = now
        self.fate = fate
        self.down: set[str] = set()
        self.sent: dict[str, int] = {}  # label -> letters carried, copies and losses included
        self._state = state
        self.watch = watch
        self._carry_away = carry
        self.settled = settled  # called when what happened at one moment is on disk
        self._roles: dict[str, Role] = {}
        self._homes: list[Ether] = []
        self._home_of: dict[str, int] = {}
        self._esi_of: list[str] = []
        self._stations: dict[bytes, str] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        # Who is on the agenda for when: one entry each, or every letter would leave one behind.
        self._planned: dict[str | int, float] = {}

    def add(self, role: Role) -> None:
        """Let a role take part; one of the same name is replaced, as after a restart."""
        self._roles[role.name] = role
        self.poke(role)

    def remove(self, name: str) -> None:
        """Let a role go; it lives in another process."""
        self._roles.pop(name, None)

    def add_home(self, ether: Ether, esi: MeterEsi) -> None:
        """Let a meter and the devices around it take part."""
        self.add(esi)
        ether.place(Antenna(esi))
        self._home_of[esi.name] = len(self._homes)
        self._esi_of.append(esi.name)
        self._stations[esi.eui64] = esi.name
        self._homes.append(ether)
        self._poke_home(len(self._homes) - 1)

    def call(self, eui64: bytes, name: str) -> None:
        """Name a station of the air for those who watch."""
        self._stations[eui64] = name

    def poke(self, role: Role) -> None:
        """Say that a role may have something to do: somebody used it from outside."""
        self._schedule_role(role.name)

    def poke_home(self, esi: MeterEsi) -> None:
        """Say that somebody pressed a button near this meter."""
        self._poke_home(self._home_of[esi.name])

    def overhear(self, now: float, frame: Frame, lost: bool, *, subject: str = "") -> None:
        """Give as ``watch`` to an ``Ether`` to have its frames among the lines, as about ``subject``."""
        if self.watch is None:
            return
        source = self._stations.get(frame.source, frame.source.hex())
        target = self._stations.get(frame.target, frame.target.hex()) if frame.target else "everybody"
        note = "lost" if lost else ""
        line = Line(
            now, source, target, frame.step, frame.label, frame.payload, note, radio=True, subject=subject
        )
        self.watch(line)

    def run(self, until: float, *, stop: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until ``until``, or until ``stop`` says so, or until nothing is left to happen."""
        while self._agenda and self._agenda[0][0] <= until and not stop():
            self.now = max(self.now, self._agenda[0][0])
            with self._state.transaction():
                while self._agenda and self._agenda[0][0] <= self.now:
                    heapq.heappop(self._agenda)[2]()
            self.settled()
        if not stop() and math.isfinite(until):
            self.now = max(self.now, until)
        self.settled()

    def accept(self, letter: Letter, now: float) -> bytes:
        """Take a letter that came from outside for a role here; the answer may leave when this returns."""
        self.now = max(self.now, now)
        self._say(letter, "")
        reply = self._roles[letter.target].receive(letter, self.now)
        self._schedule_role(letter.target)
        return reply

    def answer(self, letter: Letter, reply: bytes, now: float) -> None:
        """An answer came from outside to a letter that was carried away."""
        self.now = max(self.now, now)
        self._answer(letter, reply)

    def refresh(self) -> None:
        """Look for letters that another process put in the outboxes of roles here."""
        for role in self._roles.values():
            if role.refresh():
                self._schedule_role(role.name)

    def next_event(self) -> float | None:
        """When something happens next."""
        return self._agenda[0][0] if self._agenda else None

    # -- carrying

    def _at(self, time: float, act: Callable[[], None]) -> None:
        moment = math.ceil(max(time, self.now) / GRID_S) * GRID_S
        heapq.heappush(self._agenda, (moment, next(self._count), act))

    def _schedule_role(self, name: str) -> None:
        if name not in self._roles:
            return
        self._plan(name, self._roles[name].next_deadline(), lambda: self._run_role(name))

    def _plan(self, key: str | int, deadline: float | None, act: Callable[[], None]) -> None:
        """Put a role or a home on the agenda, unless it is there for an earlier time."""
        if deadline is None or self._planned.get(key, math.inf) <= deadline:
            return
        self._planned[key] = deadline

        def run() -> None:
            if self._planned.get(key) == deadline:  # else an earlier entry was made, and this one is void
                del self._planned[key]
                act()

        self._at(deadline, run)

    def _run_role(self, name: str) -> None:
        role = self._roles.get(name)
        if role is None:
            return
        role.tick(self.now)
        for letter in role.due(self.now):
            self._carry(letter)
        self._schedule_role(name)

    def _carry(self, letter: Letter) -> None:
        passage = self.fate(letter, Way.THERE)
        self.sent[letter.label] = self.sent.get(letter.label, 0) + 1
        lost = passage.lost or letter.target in self.down or letter.source in self.down
        nobody = letter.target not in self._roles
        if nobody and self._carry_away is not None:
            self._say(letter, "")
            self._carry_away(letter)
            return
        self._say(letter, "nobody there" if nobody or letter.target in self.down else "lost" if lost else "")
        if lost or nobody:
            return
        for _ in range(passage.copies):
            self._at(self.now + passage.delay_s, lambda: self._deliver(letter))

    def _deliver(self, letter: Letter) -> None:
        if letter.target in self.down:
            return
        reply = self._roles[letter.target].receive(letter, self.now)
        self._schedule_role(letter.target)
        if letter.target in self._home_of:
            self._poke_home(self._home_of[letter.target])
        passage = self.fate(letter, Way.BACK)
        if passage.lost:
            self._say(letter, "answer lost")
            return
        self._at(self.now + passage.delay_s, lambda: self._answer(letter, reply))

    def _answer(self, letter: Letter, reply: bytes) -> None:
        if letter.source in self.down:
            return
        self._roles[letter.source].settle(letter.id, reply, self.now)
        self._schedule_role(letter.source)

    def _poke_home(self, index: int) -> None:
        self._plan(index, self._homes[index].next_deadline(), lambda: self._run_home(index))

    def _run_home(self, index: int) -> None:
        self._homes[index].run(self.now)
        self._poke_home(index)
        self._schedule_role(self._esi_of[index])

    def _say(self, letter: Letter, note: str) -> None:
        if self.watch is not None:
            self.watch(
                Line(
                    self.now,
                    letter.source,
                    letter.target,
                    letter.step,
                    letter.label,
                    letter.body,
                    note,
                    subject=letter.subject,
                )
            )
