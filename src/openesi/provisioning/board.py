"""What goes on, to be looked at while it does: the newest lines and states, for the live page.

One thread writes (where the roles live), another may read.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import Final

from openesi.provisioning import lifecycle
from openesi.provisioning.diagram import render_body, render_page_row, render_page_state
from openesi.provisioning.letters import redact
from openesi.provisioning.roles.dr_application import NAME as DR
from openesi.provisioning.state import JOURNAL_BODY_BYTES, State
from openesi.provisioning.world import Line

MAX_ROWS: Final = 2000  # newest kept; with bodies as long as the journal's, 33 MB at most
MAX_ANSWERED: Final = 300  # rows in one answer; the page asks again for the rest
MAX_DEVICES: Final = 200  # whose states are told
# What is told beside messages and states, if it stands in the journal: what did not go well.
_TOLD: Final = frozenset({"refused", "was refused", "put off", "given up", "not done", "turned away"})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a device stands, and what to do about it."""

    device: str
    state: str
    reason: str
    todo: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A state, or something that did not go well."""

    name: str
    why: str
    device: str


@dataclass(frozen=True, slots=True)
class News:
    """What a page that has seen everything before ``next`` does not know yet."""

    run: str
    next: int
    html: str
    devices: list[Standing]


class Board:
    """Give ``hear`` as ``watch`` and ``look`` as ``settled`` to a ``World``."""

    def __init__(self, state: State, *, start: float | None = None) -> None:
        self._state = state
        self._start = start
        self._lock = threading.Lock()
        self._rows: deque[tuple[int, Line | Notice]] = deque(maxlen=MAX_ROWS)
        self._next = 1
        self._devices: OrderedDict[str, Standing] = OrderedDict()
        self._journal = state.last_entry()
        self._run = secrets.token_hex(4)

    def hear(self, line: Line) -> None:
        """A line was said. What is in the journal by now came before it."""
        self.look()
        self._add(replace(line, body=redact(line.body)[:JOURNAL_BODY_BYTES]))

    def look(self) -> None:
        """Read what is new in the journal: states of devices, and what did not go well."""
        while entries := self._state.select_journal(after=self._journal):
            for entry in entries:
                self._journal = entry.number
                if entry.role == DR and entry.event in set(lifecycle.State):
                    self._stands(entry.subject, entry.event, entry.detail)
                    self._add(Notice(entry.event, entry.detail, entry.subject))
                elif entry.event in _TOLD:
                    self._add(Notice(f"{entry.role}: {entry.event}", entry.detail, entry.subject))

    def news(self, after: int) -> News:
        """The rows after number ``after``."""
        with self._lock:
            rows = [(number, row) for number, row in self._rows if number > after][:MAX_ANSWERED]
            devices = list(self._devices.values())
        html = "".join(self._render(number, row) for number, row in rows)
        return News(self._run, rows[-1][0] if rows else after, html, devices)

    def message(self, number: int) -> str | None:
        """The message of a row, to be read; None where there is none any more."""
        with self._lock:
            found = next((row for at, row in self._rows if at == number), None)
        return render_body(found.body) if isinstance(found, Line) else None

    def _add(self, row: Line | Notice) -> None:
        with self._lock:
            self._rows.append((self._next, row))
            self._next += 1

    def _stands(self, device: str, state: str, reason: str) -> None:
        todo = lifecycle.RECOVERY.get(lifecycle.State(state), "")
        with self._lock:
            self._devices[device] = Standing(device, state, reason, f"What to do: {todo}." if todo else "")
            self._devices.move_to_end(device)
            while len(self._devices) > MAX_DEVICES:
                self._devices.popitem(last=False)

    def _render(self, number: int, row: Line | Notice) -> str:
        if isinstance(row, Notice):
            return render_page_state(row.name, row.why, device=row.device)
        return render_page_row(row, self._start, number=number)
