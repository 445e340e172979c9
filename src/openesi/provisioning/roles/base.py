"""What every role does: take a letter once, answer it, repeat what is not answered, and never forget.

The rules are the same for all, so they stand here once:

* A letter is handled in one transaction together with all that follows from it. Its answer leaves after that.
* A letter that comes again gets the same answer and has no effect. One that re-uses an id for something else
  is refused.
* A letter to send is repeated, with its id, until it is answered, refused, or not worth sending any more.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

from openesi.provisioning.letters import Language, Letter
from openesi.provisioning.state import State, Waiting

# Seconds between attempts; the last one repeats. Jitter is not needed: attempts start when letters do.
BACKOFF_S: Final = (2.0, 5.0, 15.0, 60.0, 300.0)
# A letter is given up after this, unless it is worthless earlier. Shorter than receivers remember ids.
RETRY_FOR_S: Final = 7 * 86_400.0
# Letters that one role may have waiting; beyond it new work is refused as "high system activity".
MAX_WAITING: Final = 100_000


class Transient(Exception):
    """The receiver asks to be asked again later."""


class Role:
    """One actor. Subclasses say what letters mean; see the four methods at the end."""

    def __init__(self, name: str, state: State) -> None:
        self.name = name
        self.shelf = state.shelf(name)
        # Never later than the next letter in the outbox is due, also after a restart.
        self._next = self.shelf.next_due()

    # -- for the shell that carries letters

    def receive(self, letter: Letter, now: float) -> bytes:
        """Take a letter and return the answer, which may leave once this returns."""
        place = f"{letter.source}|{letter.id}"
        digest = hashlib.sha256(letter.body).digest()
        with self.shelf.state.transaction():
            known = self.shelf.select_reply(place)
            if known is not None:
                return known[1] if known[0] == digest else self._refuse_reuse(letter, now)
            self.shelf.note(
                now,
                "received",
                subject=letter.subject,
                step=letter.step,
                detail=f"{letter.label} from {letter.source}",
                body=letter.body,
            )
            reply, lasting = self._handle(letter, now)
            if lasting:
                self.shelf.insert_reply(place, digest, reply, now)
            return reply

    def due(self, now: float, *, limit: int = 100) -> list[Letter]:
        """Letters to send now. Each is settled by ``settle``, or comes again later."""
        if self._next is None or self._next > now:
            return []
        letters = []
        with self.shelf.state.transaction():
            for waiting in self.shelf.select_waiting(now, limit=limit):
                if now >= waiting.give_up:
                    self.shelf.update_outcome(waiting.letter.id, "given up")
                    self.shelf.note(
                        now, "given up", subject=waiting.letter.subject, detail=waiting.letter.label
                    )
                    self._on_dead(waiting.letter, now)
                    continue
                wait = BACKOFF_S[min(waiting.attempts, len(BACKOFF_S) - 1)]
                self._schedule(waiting, min(now + wait, max(waiting.give_up, now + 0.001)))
                letters.append(waiting.letter)
            self._next = self.shelf.next_due()
        return letters

    def settle(self, identifier: str, reply: bytes, now: float) -> None:
        """A letter was answered. A second answer to the same letter changes nothing."""
        with self.shelf.state.transaction():
            waiting = self.shelf.select_letter(identifier)
            if waiting is None:
                return
            try:
                self._on_reply(waiting.letter, reply, now)
            except Transient as later:
                self.shelf.note(
                    now,
                    "put off",
                    subject=waiting.letter.subject,
                    detail=f"{waiting.letter.label}: {later}",
                )
                return
            self.shelf.update_outcome(identifier, "answered")

    def next_deadline(self) -> float | None:
        """When ``due`` or ``tick`` has something to do."""
        return self._next

    def refresh(self) -> bool:
        """Look at the outbox again; True if a letter is due earlier than was known."""
        known, self._next = self._next, self.shelf.next_due()
        return self._next is not None and (known is None or self._next < known)

    def tick(self, now: float) -> None:
        """Do what the clock asks for."""

    # -- for subclasses

    def post(
        self,
        target: str,
        language: Language,
        body: bytes,
        *,
        label: str,
        now: float,
        step: int = 0,
        correlation: str = "",
        subject: str = "",
        identifier: str = "",
        due: float | None = None,
        give_up: float | None = None,
    ) -> str:
        """Put a letter in the outbox and return its id; one with the same id is not put there twice."""
        letter = Letter(
            identifier or str(uuid.uuid4()),
            self.name,
            target,
            language,
            body,
            label,
            correlation,
            step,
            subject,
        )
        when = now if due is None else due
        if self.shelf.insert_letter(letter, due=when, give_up=give_up or now + RETRY_FOR_S):
            self._next = when if self._next is None else min(self._next, when)
        return letter.id

    def overloaded(self) -> bool:
        """Whether new work has to be refused."""
        return self.shelf.count_waiting() >= MAX_WAITING

    def _handle(self, letter: Letter, now: float) -> tuple[bytes, bool]:
        """Act on a letter; returns the answer, and whether a repetition gets the same one."""
        raise NotImplementedError

    def _refuse_reuse(self, letter: Letter, now: float) -> bytes:
        """The answer to a letter whose id was used for another."""
        raise NotImplementedError

    def _on_reply(self, letter: Letter, reply: bytes, now: float) -> None:
        """A letter was answered; raise ``Transient`` to have it sent again."""
        raise NotImplementedError

    def _on_dead(self, letter: Letter, now: float) -> None:
        """A letter was given up."""

    def _schedule(self, waiting: Waiting, due: float) -> None:
        self.shelf.update_due(waiting.letter.id, due, waiting.attempts + 1)
