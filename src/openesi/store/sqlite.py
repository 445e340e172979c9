"""The store in one SQLite file: WAL, ``synchronous=FULL``, one commit for all writes that wait.

Writes run on the event loop, a batch at a time, in savepoints of their own; the commit, which waits for the
disk, runs in a thread while the loop goes on answering. Other processes (the command line) may read and
write the same file at any time.
"""

from __future__ import annotations

import asyncio
import mmap
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from openesi.store import (
    ALIAS,
    ASSIGNABLE,
    Errand,
    PeerRecord,
    Reader,
    Row,
    StoreError,
    Transaction,
    list_tag,
    peer_tag,
)

T = TypeVar("T")

BUSY_MS = 5_000  # how long another process may hold the file before we give up
MAX_WAITING = 10_000  # writes that wait for a commit; a flood of POSTs could fill memory
MAX_BATCH = 1_000  # writes in one commit: the first must not wait for the last of a flood
_INDEX_HEADER_OCTETS = 96  # two copies of the WAL-index information (SQLite file format, 2.2)
KEPT_CHANGES = 20_000  # paths remembered for readers; one that is further behind forgets everything
CHECKPOINT_PAGES = 4_000  # 16 MB of log between checkpoints

_DISK_ERRORS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_LOOK = "see whether its directory may be written to, and its disk is not full"
_ERRAND = "subscription, seq, attempts, next, parked"
_COLUMNS = "path, type, body, listing, scope, key, sort, state, due"
_UPSERT = (
    f"INSERT INTO resource ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A write that waits for its batch."""

    change: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    long: bool


class SQLiteStore:
    """A store in the file ``path``, made if it is not there. Raises StoreError if it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._writer = _connect(path)
        try:
            _migrate(self._writer)
        except StoreError:
            self._writer.close()
            raise
        self._writer.execute("PRAGMA busy_timeout = 0")  # waiting is done in the thread, see _begin
        self._reading = _connect(path)
        self.reader: Reader = _Reading(self._reading)
        self._transaction = _Writing(self._writer)
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="openesi-commit")
        self._seen = self._last_change()
        # Every commit, by whatever process, writes the header of the WAL index (96 octets at the start of the
        # -shm file, which lives as long as a connection does). To compare it costs a tenth of asking SQLite.
        try:
            with Path(f"{path}-shm").open("rb") as file:
                self._index = mmap.mmap(file.fileno(), _INDEX_HEADER_OCTETS, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # SQLite does without it where it may not write
            self._writer.close()
            self._reading.close()
            raise StoreError(f"{path} cannot be used as a database: {path}-shm: {error}; {_LOOK}") from error
        self._index_seen = b""

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run ``query`` at once: a read from the page cache is cheaper than a thread switch."""
        return query(self.reader)

    async def write(self, change: Callable[[Transaction], T], *, long: bool = False) -> T:
        """Run ``change`` with the next batch; return once the batch is on the disk."""
        if len(self._waiting) >= MAX_WAITING:
            raise StoreError(f"{MAX_WAITING} writes wait for the disk already; try again later")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(change, future, long))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return await future

    def run(self, change: Callable[[Transaction], T]) -> T:
        """Run ``change`` and commit it, for callers without an event loop (the command line, tests)."""
        try:
            self._begin_waiting()
            try:
                self._transaction.begin()
                result = change(self._transaction)
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._transaction.finish()
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"the database refused: {error}") from error
        return result

    def changes(self) -> set[str] | None:
        """See ``Store``. Costs a fraction of a microsecond while nothing changes."""
        index = self._index[:]
        if index == self._index_seen:
            return set()
        self._index_seen = index
        rows = self._reading.execute(
            "SELECT seq, path FROM change WHERE seq > ? ORDER BY seq", (self._seen,)
        ).fetchall()
        if not rows:
            return set()
        first, self._seen, behind = rows[0][0], rows[-1][0], self._seen
        return None if first != behind + 1 else {path for _, path in rows}

    async def close(self) -> None:
        """Finish the writes that wait, then let go of the file."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])
        self.close_now()

    def close_now(self) -> None:
        """Let go of the file where no write waits."""
        self._thread.shutdown()
        self._index.close()
        self._reading.close()
        self._writer.close()

    async def _flush(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._flush_batch(batch)
        finally:
            self._flushing = None  # also after a mistake of ours: who writes next begins anew
            for one in (*batch, *self._waiting):
                if not one.future.done():
                    one.future.set_exception(StoreError("the write failed; the log says why"))
            self._waiting.clear()

    async def _flush_batch(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await self._begin()
            if any(one.long for one in batch):
                settled = await loop.run_in_executor(self._thread, self._run_all, batch)
            else:
                settled = self._run_all(batch)
            await loop.run_in_executor(self._thread, self._writer.commit)
        except sqlite3.Error as error:
            self._abandon(batch, error)
            return
        except BaseException:
            self._writer.rollback()
            raise
        for one, (result, problem) in zip(batch, settled, strict=True):
            if one.future.done():
                continue
            if problem is not None:
                one.future.set_exception(problem)
            else:
                one.future.set_result(result)

    def _run_all(self, batch: list[_Waiting]) -> list[tuple[Any, Exception | None]]:
        self._transaction.begin()
        settled = [self._run_one(one.change) for one in batch]
        self._transaction.finish()
        return settled

    async def _begin(self) -> None:
        """Begin a transaction at once; where another process writes, wait for it in the thread."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._begin_waiting)

    def _begin_waiting(self) -> None:
        self._writer.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        finally:
            self._writer.execute("PRAGMA busy_timeout = 0")

    def _run_one(self, change: Callable[[Transaction], Any]) -> tuple[Any, Exception | None]:
        """Run one change in a savepoint; what it raises is its own business, not the batch's."""
        self._writer.execute("SAVEPOINT one")
        mark = self._transaction.mark()
        result, problem = None, None
        try:
            result = change(self._transaction)
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 (handed to the one who asked)
            self._writer.execute("ROLLBACK TO one")
            self._transaction.rewind(mark)
            problem = error
        self._writer.execute("RELEASE one")
        return result, problem

    def _abandon(self, batch: list[_Waiting], error: sqlite3.Error) -> None:
        if self._writer.in_transaction:
            self._writer.rollback()
        for one in batch:
            if not one.future.done():
                one.future.set_exception(StoreError(f"the database refused: {error}"))

    def _last_change(self) -> int:
        last: int = self._reading.execute("SELECT coalesce(max(seq), 0) FROM change").fetchone()[0]
        return last


class _Reading:
    """``Reader`` over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def get(self, path: str) -> Row | None:
        return self._one(f"SELECT {_COLUMNS} FROM resource WHERE path = ?", (path,))

    def find(self, listing: str, key: bytes) -> Row | None:
        return self._one(f"SELECT {_COLUMNS} FROM resource WHERE key = ? AND listing = ?", (key, listing))

    # "+type" and "+listing" keep the planner from reading all of a type or list where the key is the way.

    def find_anywhere(self, key: bytes, type_name: str) -> Row | None:
        return self._one(f"SELECT {_COLUMNS} FROM resource WHERE key = ? AND +type = ?", (key, type_name))

    def aliases(self, path: str, *, start: int = 0, limit: int = -1) -> list[Row]:
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM resource WHERE key = ? AND +type = '{ALIAS}'"
            " ORDER BY listing LIMIT ? OFFSET ?",
            (path.encode(), limit, start),
        )
        return [_row(row) for row in rows]

    def count_aliases(self, path: str) -> int:
        query = f"SELECT count(*) FROM resource WHERE key = ? AND +type = '{ALIAS}'"
        counted: int = self._execute(query, (path.encode(),)).fetchone()[0]
        return counted

    def aliased(self, scope: bytes) -> list[str]:
        rows = self._execute(
            f"SELECT DISTINCT key FROM resource WHERE scope = ? AND type = '{ALIAS}'", (scope,)
        )
        return [row[0].decode() for row in rows]

    def find_between(self, listing: str, first: bytes, last: bytes) -> Row | None:
        where = "key BETWEEN ? AND ? AND +listing = ? ORDER BY key LIMIT 1"
        return self._one(f"SELECT {_COLUMNS} FROM resource WHERE {where}", (first, last, listing))

    def page(
        self,
        listing: str,
        *,
        scope: bytes | None = None,
        start: int = 0,
        limit: int = 1,
        bound: tuple[bytes, bool] | None = None,
        state: int | None = None,
    ) -> list[Row]:
        where, values = _membership(listing, scope, state)
        if bound is not None:
            prefix, below = bound
            where += " AND sort < ?" if below else " AND sort > ?"
            values.append(prefix if below else prefix + b"\xff" * 9)
        values += [limit, start]
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM resource WHERE {where} ORDER BY sort LIMIT ? OFFSET ?", values
        )
        return [_row(row) for row in rows]

    def in_states(self, listing: str, states: Sequence[int], limit: int) -> list[Row]:
        marks = ", ".join("?" * len(states))
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM resource WHERE listing = ? AND state IN ({marks}) LIMIT ?",
            (listing, *states, limit),
        )
        return [_row(row) for row in rows]

    def count(self, listing: str, *, scope: bytes | None = None, state: int | None = None) -> int:
        if state is not None:
            where, values = _membership(listing, scope, state)
            query = f"SELECT count(*) FROM resource WHERE {where}"
        elif scope is None:
            query, values = "SELECT coalesce(sum(members), 0) FROM tally WHERE listing = ?", [listing]
        else:
            query = "SELECT coalesce(sum(members), 0) FROM tally WHERE listing = ? AND scope = ?"
            values = [listing, scope]
        counted: int = self._execute(query, values).fetchone()[0]
        return counted

    def of_type(self, type_name: str, *, limit: int) -> list[Row]:
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM resource WHERE type = ? ORDER BY path LIMIT ?", (type_name, limit)
        )
        return [_row(row) for row in rows]

    def peer(self, lfdi: bytes) -> PeerRecord | None:
        row = self._execute(
            "SELECT lfdi, edition, revoked, certificate, aggregator FROM peer WHERE lfdi = ?", (lfdi,)
        ).fetchone()
        if row is None:
            return None
        return PeerRecord(
            lfdi=row[0], edition=row[1], revoked=bool(row[2]), certificate=row[3], aggregator=bool(row[4])
        )

    def pinned(self) -> list[bytes]:
        rows = self._execute("SELECT certificate FROM peer WHERE certificate IS NOT NULL AND revoked = 0")
        return [row[0] for row in rows]

    def next_due(self) -> int | None:
        due: int | None = self._execute("SELECT min(due) FROM resource WHERE due IS NOT NULL").fetchone()[0]
        return due

    def errands(self, now: int, limit: int) -> list[Errand]:
        rows = self._execute(
            f"SELECT {_ERRAND} FROM outbox"
            " WHERE pending = 1 AND parked IS NULL AND next <= ? ORDER BY next LIMIT ?",
            (now, limit),
        )
        return [_errand(row) for row in rows]

    def next_errand(self) -> int | None:
        query = "SELECT min(next) FROM outbox WHERE pending = 1 AND parked IS NULL"
        earliest: int | None = self._execute(query).fetchone()[0]
        return earliest

    def parked(self, limit: int) -> list[Errand]:
        rows = self._execute(f"SELECT {_ERRAND} FROM outbox WHERE parked IS NOT NULL LIMIT ?", (limit,))
        return [_errand(row) for row in rows]

    def setting(self, name: str) -> str | None:
        row = self._execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _one(self, query: str, values: tuple[object, ...]) -> Row | None:
        row = self._execute(query, values).fetchone()
        return _row(row) if row is not None else None


class _Writing(_Reading):
    """``Transaction`` over one connection. Begin and commit are the store's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._writer_many = connection.executemany
        self._untrimmed = 0
        self._watched = False
        self._touched: dict[str, None] = {}  # in the order in which it happened, each once

    def begin(self) -> None:
        """Note whether anybody watches; nothing is written for nobody."""
        self._touched.clear()
        self._watched = bool(self._execute("SELECT EXISTS (SELECT 1 FROM watch)").fetchone()[0])

    def finish(self) -> None:
        """Write down who is to be told of what changed, and forget old changes, before the commit."""
        self._writer_many("INSERT INTO change (path) VALUES (?)", [(path,) for path in self._touched])
        self._untrimmed += len(self._touched)
        if self._touched and self._watched:
            self._writer_many(
                "INSERT INTO outbox (subscription) SELECT subscription FROM watch WHERE tag = ?"
                " ON CONFLICT DO UPDATE SET seq = seq + 1, pending = 1",
                [(tag,) for tag in self._touched],
            )
        self._trim()

    def mark(self) -> int:
        """Return where ``rewind`` leads back to."""
        return len(self._touched)

    def rewind(self, mark: int) -> None:
        """Forget what was touched by a change that is taken back."""
        while len(self._touched) > mark:
            self._touched.popitem()

    def watch(self, subscription: str, tags: set[str]) -> None:
        self._execute("DELETE FROM watch WHERE subscription = ?", (subscription,))
        self._writer_many("INSERT INTO watch VALUES (?, ?)", [(tag, subscription) for tag in tags])
        if not tags:
            self._execute("DELETE FROM outbox WHERE subscription = ?", (subscription,))
        self._watched = self._watched or bool(tags)

    def settle_errand(
        self,
        errand: Errand,
        *,
        next_try: int,
        attempts: int = 0,
        done: bool = False,
        parked: str | None = None,
    ) -> None:
        self._execute(
            "UPDATE outbox SET next = ?, attempts = ?, parked = ?, pending = NOT (? AND seq = ?)"
            " WHERE subscription = ?",
            (next_try, attempts, parked, done, errand.seq, errand.subscription),
        )

    def insert(self, listing: str, row: Callable[[str], Row]) -> Row:
        (number,) = self._execute(
            "INSERT INTO serial VALUES (?, 2) ON CONFLICT DO UPDATE SET next = next + 1 RETURNING next - 1",
            (listing,),
        ).fetchone()
        made = row(f"{listing}/{number}")
        self.put(made)
        return made

    def put(self, row: Row) -> None:
        before = self._execute("SELECT listing, scope FROM resource WHERE path = ?", (row.path,)).fetchone()
        self._execute(
            _UPSERT,
            (row.path, row.type, row.body, row.listing, row.scope, row.key, row.sort, row.state, row.due),
        )
        if before is None or before != (row.listing, row.scope):
            if before is not None and before[0] is not None:
                self._tally(before[0], before[1], -1)
                self._touch_list(row.type, before[0], before[1])
            self._tally(row.listing, row.scope, 1)
        self.touch(row.path)
        if row.listing is not None:
            self._touch_list(row.type, row.listing, row.scope)
            if before is not None and row.type in ASSIGNABLE:
                self._put_aliases(row)

    def update(self, row: Row) -> None:
        self._execute(
            "UPDATE resource SET body = ?, state = ?, due = ? WHERE path = ?",
            (row.body, row.state, row.due, row.path),
        )
        self.touch(row.path)
        if row.listing is not None:
            self._touch_list(row.type, row.listing, row.scope)

    def delete(self, path: str) -> int:
        below = (path, path + "/", path + "0")  # "0" follows "/" in every collation by code point
        where = "path = ? OR (path > ? AND path < ?)"
        gone = self._execute(
            f"SELECT path, listing, scope, type FROM resource WHERE {where}", below
        ).fetchall()
        self._execute(f"DELETE FROM resource WHERE {where}", below)
        for one, listing, scope, kind in gone:
            self._tally(listing, scope, -1)
            if kind == "Subscription":
                self.watch(one, set())
            self.touch(one)
            if listing is not None:
                self._touch_list(kind, listing, scope)
            if kind in ASSIGNABLE:
                for alias in self.aliases(one):
                    self.delete(alias.path)
        if any(one == path and listing is not None for one, listing, _, _ in gone):
            # A member's number is never given again, so its lists need neither numbers nor counts.
            for table in ("serial", "tally"):
                self._execute(f"DELETE FROM {table} WHERE listing > ? AND listing < ?", below[1:])
        return len(gone)

    def due(self, now: int, limit: int) -> list[Row]:
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM resource WHERE due <= ? ORDER BY due LIMIT ?", (now, limit)
        )
        return [_row(row) for row in rows]

    def touch(self, path: str) -> None:
        self._touched[path] = None

    def put_peer(self, record: PeerRecord) -> None:
        self._execute(
            "INSERT OR REPLACE INTO peer VALUES (?, ?, ?, ?, ?)",
            (record.lfdi, record.edition, record.revoked, record.certificate, record.aggregator),
        )
        self.touch(peer_tag(record.lfdi))

    def keep(self, name: str, value: str) -> None:
        self._execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def _touch_list(self, kind: str, listing: str, scope: bytes | None) -> None:
        self.touch(list_tag(listing, scope))
        if kind == ALIAS and scope is not None:
            self.touch(listing)
            self.touch(peer_tag(scope))  # who may see what is shown there has changed

    def _put_aliases(self, row: Row) -> None:
        """Give what shows a resource its new place, and tell of the change wherever it is shown."""
        for alias in self.aliases(row.path):
            self.put(replace(alias, sort=row.sort))

    def _trim(self) -> None:
        """Forget changes that every reader has had time to see."""
        if self._untrimmed > KEPT_CHANGES // 2:
            self._execute(
                "DELETE FROM change WHERE seq <= (SELECT max(seq) FROM change) - ?", (KEPT_CHANGES,)
            )
            self._untrimmed = 0

    def _tally(self, listing: str | None, scope: bytes | None, by: int) -> None:
        if listing is not None:
            self._execute(
                "INSERT INTO tally VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET members = members + excluded.members",
                (listing, scope or b"", by),
            )


def _membership(listing: str, scope: bytes | None, state: int | None) -> tuple[str, list[object]]:
    where, values = "listing = ?", list[object]((listing,))
    if scope is not None:
        where += " AND scope = ?"
        values.append(scope)
    if state is not None:
        where += " AND state = ?"
        values.append(state)
    return where, values


def _errand(row: tuple[Any, ...]) -> Errand:
    return Errand(subscription=row[0], seq=row[1], attempts=row[2], next=row[3], parked=row[4])


def _row(row: tuple[Any, ...]) -> Row:
    return Row(
        path=row[0], type=row[1], body=row[2], listing=row[3], scope=row[4],
        key=row[5], sort=row[6], state=row[7], due=row[8],
    )  # fmt: skip


def _connect(path: Path) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        advice = f"; {_LOOK}" if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK_ERRORS else ""
        raise StoreError(f"{path} cannot be used as a database: {error}{advice}") from error
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the file up to the newest schema. A file from a newer program is refused, not guessed at."""
    scripts = sorted(
        (int(entry.name.removesuffix(".sql")), entry.read_text("utf-8"))
        for entry in resources.files("openesi.store").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    newest = scripts[-1][0]
    try:
        connection.execute("BEGIN IMMEDIATE")  # two processes may meet here
        current = connection.execute("PRAGMA user_version").fetchone()[0]
        for version, script in scripts:
            if version > current:
                for statement in script.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be prepared: {error}") from error
    if current > newest:
        raise StoreError(
            f"the database has schema {current}, this program knows {newest}: install a newer openesi"
        )
