"""What the roles remember, in one SQLite file: records, letters received, letters to send, a journal.

What a role acknowledges is on disk before the acknowledgment leaves: ``receive`` of a role runs in one
transaction, and letters that follow from it are written in the same one. The file holds install codes and
keys until they are no longer needed; it is readable by its owner alone.

``State`` is the file, ``Shelf`` one role's part of it. Nothing outside this module knows SQL.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

import msgspec

from openesi.errors import LocalError
from openesi.provisioning.letters import Language, Letter, redact

# Ids of letters received are kept longer than any sender repeats them, or replays would get through.
INBOX_KEEP_S: Final = 8 * 86_400.0
# Ids remembered; a device leaves about 25. With so many, new messages wait until old ids are dropped: a peer
# that is let in could fill the disk.
INBOX_ROWS: Final = 5_000_000
# The journal's rows; a device leaves about sixty. The oldest go first.
JOURNAL_ROWS: Final = 2_000_000
# Of a longer message the journal keeps the beginning: a peer could fill the disk with messages it may send.
JOURNAL_BODY_BYTES: Final = 16_384

MIGRATIONS: Final = (
    """
    CREATE TABLE record (
        role TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (role, kind, key)
    ) WITHOUT ROWID;
    CREATE TABLE inbox (
        role TEXT NOT NULL, id TEXT NOT NULL, digest BLOB NOT NULL, reply BLOB NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (role, id)
    ) WITHOUT ROWID;
    CREATE INDEX inbox_at ON inbox (at);
    CREATE TABLE outbox (
        role TEXT NOT NULL, id TEXT NOT NULL, target TEXT NOT NULL, language TEXT NOT NULL, body BLOB,
        label TEXT NOT NULL, correlation TEXT NOT NULL, step INTEGER NOT NULL, subject TEXT NOT NULL,
        due REAL NOT NULL, attempts INTEGER NOT NULL, give_up REAL NOT NULL, outcome TEXT,
        PRIMARY KEY (role, id)
    ) WITHOUT ROWID;
    CREATE INDEX outbox_waiting ON outbox (role, due) WHERE outcome IS NULL;
    CREATE TABLE journal (
        number INTEGER PRIMARY KEY, at REAL NOT NULL, role TEXT NOT NULL, subject TEXT NOT NULL,
        step INTEGER NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL, body BLOB
    );
    CREATE INDEX journal_subject ON journal (subject, number);
    """,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal. ``body`` is the message it is about, secrets masked."""

    number: int
    at: float
    role: str
    subject: str
    step: int
    event: str
    detail: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A letter to send, and how it has fared."""

    letter: Letter
    due: float
    attempts: int
    give_up: float


class State:
    """The file. ``":memory:"`` is allowed where nothing has to survive."""

    def __init__(self, path: Path | str) -> None:
        if path != ":memory:" and not Path(path).exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None)
        self._depth = 0
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA busy_timeout = 10000")
        self._migrate()
        self.inbox_rows = self._count_inbox()

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """The state, closed at the end. Raises ``LocalError`` where it cannot be used: the disk is full."""
        try:
            with closing(cls(path)) as state:
                yield state
        except sqlite3.DatabaseError as error:
            raise LocalError(f"{path} cannot be used ({error}): mend that and start again") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on disk at the end. Inside another transaction it is a part of that one."""
        if self._depth:
            yield
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk ends it by itself
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of a transaction that leaves no trace if it raises."""
        self._db.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO attempt")
            raise
        finally:
            self._db.execute("RELEASE attempt")

    def shelf(self, role: str) -> Shelf:
        """One role's part of the file."""
        return Shelf(self, self._db, role)

    def select_journal(self, *, subject: str = "", after: int = 0, limit: int = 1000) -> list[Entry]:
        """The journal after line ``after``, oldest first; of one device if ``subject`` is given."""
        return self._select(after, "ASC", subject=subject, limit=limit)

    def select_newest(self, *, subject: str = "", limit: int = 1000) -> list[Entry]:
        """The last lines of the journal, oldest first; of one device if ``subject`` is given."""
        return self._select(0, "DESC", subject=subject, limit=limit)[::-1]

    def _select(self, after: int, order: str, *, subject: str, limit: int) -> list[Entry]:
        of, values = (" AND subject = ?", (after, subject)) if subject else ("", (after,))
        rows = self._db.execute(
            "SELECT number, at, role, subject, step, event, detail, body FROM journal "  # noqa: S608 - constants
            f"WHERE number > ?{of} ORDER BY number {order} LIMIT ?",
            (*values, limit),
        )
        return [Entry(*row) for row in rows]

    def last_entry(self) -> int:
        """The number of the journal's last line; 0 while it is empty."""
        (number,) = self._db.execute("SELECT MAX(number) FROM journal").fetchone()
        return int(number or 0)

    def prune(self, now: float) -> None:
        """Drop what is too old to matter."""
        with self.transaction():
            self._db.execute("DELETE FROM inbox WHERE at < ?", (now - INBOX_KEEP_S,))
            self._db.execute(
                "DELETE FROM outbox WHERE outcome IS NOT NULL AND due < ?", (now - INBOX_KEEP_S,)
            )
            self.inbox_rows = self._count_inbox()
            self._db.execute(
                "DELETE FROM journal WHERE number <= (SELECT MAX(number) FROM journal) - ?", (JOURNAL_ROWS,)
            )

    def _count_inbox(self) -> int:
        return int(self._db.execute("SELECT COUNT(*) FROM inbox").fetchone()[0])

    def _migrate(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise LocalError(
                f"the state file is of version {version}, made by a newer OpenESI: update this one"
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


class Shelf:
    """One role's records, letters and journal. Writes belong inside ``transaction``."""

    def __init__(self, state: State, db: sqlite3.Connection, role: str) -> None:
        self.state = state
        self.role = role
        self._db = db

    # -- records

    def select(self, kind: type[T], key: str) -> T | None:
        """The record under ``key``; None if there is none."""
        row = self._db.execute(
            "SELECT value FROM record WHERE role = ? AND kind = ? AND key = ?",
            (self.role, kind.__name__, key),
        ).fetchone()
        return msgspec.json.decode(row[0], type=kind) if row else None

    def select_all(self, kind: type[T]) -> list[T]:
        """All records of a kind, by key."""
        rows = self._db.execute(
            "SELECT value FROM record WHERE role = ? AND kind = ? ORDER BY key", (self.role, kind.__name__)
        )
        return [msgspec.json.decode(row[0], type=kind) for row in rows]

    def select_first(self, kind: type[T]) -> T | None:
        """The record of a kind that stands first by key; None if there is none."""
        row = self._db.execute(
            "SELECT value FROM record WHERE role = ? AND kind = ? ORDER BY key LIMIT 1",
            (self.role, kind.__name__),
        ).fetchone()
        return msgspec.json.decode(row[0], type=kind) if row else None

    def insert(self, key: str, record: object) -> None:
        """Write a record; one under the same key is replaced."""
        self._db.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (self.role, type(record).__name__, key, msgspec.json.encode(record)),
        )

    def delete(self, kind: type, key: str) -> None:
        """Forget a record."""
        self._db.execute(
            "DELETE FROM record WHERE role = ? AND kind = ? AND key = ?", (self.role, kind.__name__, key)
        )

    # -- letters received

    def select_reply(self, identifier: str) -> tuple[bytes, bytes] | None:
        """Digest and reply of a letter that was received before."""
        row = self._db.execute(
            "SELECT digest, reply FROM inbox WHERE role = ? AND id = ?", (self.role, identifier)
        ).fetchone()
        return (row[0], row[1]) if row else None

    def insert_reply(self, identifier: str, digest: bytes, reply: bytes, now: float) -> None:
        """Remember how a letter was answered."""
        self._db.execute(
            "INSERT INTO inbox VALUES (?, ?, ?, ?, ?)", (self.role, identifier, digest, reply, now)
        )
        self.state.inbox_rows += 1

    # -- letters to send

    def insert_letter(self, letter: Letter, *, due: float, give_up: float) -> bool:
        """Put a letter in the outbox; False if one with its id is there already."""
        cursor = self._db.execute(
            "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, NULL) ON CONFLICT DO NOTHING",
            (
                self.role,
                letter.id,
                letter.target,
                letter.language,
                letter.body,
                letter.label,
                letter.correlation,
                letter.step,
                letter.subject,
                due,
                give_up,
            ),
        )
        return cursor.rowcount == 1

    def select_waiting(self, now: float, *, limit: int = 100) -> list[Waiting]:
        """Letters that are due, the longest due first."""
        rows = self._db.execute(
            "SELECT id, target, language, body, label, correlation, step, subject, due, attempts, give_up "
            "FROM outbox WHERE role = ? AND outcome IS NULL AND due <= ? ORDER BY due LIMIT ?",
            (self.role, now, limit),
        )
        return [self._waiting(row) for row in rows]

    def select_letter(self, identifier: str) -> Waiting | None:
        """A letter that waits for its answer; None if it has one."""
        row = self._db.execute(
            "SELECT id, target, language, body, label, correlation, step, subject, due, attempts, give_up "
            "FROM outbox WHERE role = ? AND id = ? AND outcome IS NULL",
            (self.role, identifier),
        ).fetchone()
        return self._waiting(row) if row else None

    def next_due(self) -> float | None:
        """When the next letter is due."""
        (due,) = self._db.execute(
            "SELECT MIN(due) FROM outbox WHERE role = ? AND outcome IS NULL", (self.role,)
        ).fetchone()
        return due if due is None else float(due)

    def count_waiting(self) -> int:
        """How many letters wait."""
        (count,) = self._db.execute(
            "SELECT COUNT(*) FROM outbox WHERE role = ? AND outcome IS NULL", (self.role,)
        ).fetchone()
        return int(count)

    def update_due(self, identifier: str, due: float, attempts: int) -> None:
        """Set when a letter is sent next."""
        self._db.execute(
            "UPDATE outbox SET due = ?, attempts = ? WHERE role = ? AND id = ?",
            (due, attempts, self.role, identifier),
        )

    def update_outcome(self, identifier: str, outcome: str) -> None:
        """A letter is dealt with; its body, which may hold a secret, goes."""
        self._db.execute(
            "UPDATE outbox SET outcome = ?, body = NULL WHERE role = ? AND id = ?",
            (outcome, self.role, identifier),
        )

    # -- journal

    def note(
        self,
        now: float,
        event: str,
        *,
        subject: str = "",
        step: int = 0,
        detail: str = "",
        body: bytes | None = None,
    ) -> None:
        """Write a line in the journal; secrets in ``body`` are masked here, so that none can get in."""
        shown = redact(body) if body is not None else None
        if shown is not None and len(shown) > JOURNAL_BODY_BYTES:
            shown = shown[:JOURNAL_BODY_BYTES] + b"... (%d bytes more)" % (len(shown) - JOURNAL_BODY_BYTES)
        self._db.execute(
            "INSERT INTO journal (at, role, subject, step, event, detail, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (now, self.role, subject, step, event, detail, shown),
        )

    def _waiting(self, row: tuple[str, str, str, bytes, str, str, int, str, float, int, float]) -> Waiting:
        identifier, target, language, body, label, correlation, step, subject, due, attempts, give_up = row
        letter = Letter(
            identifier, self.role, target, Language(language), body, label, correlation, step, subject
        )
        return Waiting(letter, due, attempts, give_up)
