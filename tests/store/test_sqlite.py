"""The store on a real file: order, counts, atomic writes, other processes, damage."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.store import PeerRecord, Row, StoreError, Transaction
from openesi.store.sqlite import KEPT_CHANGES, SQLiteStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "openesi.db"


@pytest.fixture
def store(file: Path) -> Iterator[SQLiteStore]:
    made = SQLiteStore(file)
    yield made
    made.close_now()


def row(path: str, **fields: object) -> Row:
    values: dict[str, object] = {"path": path, "type": "T", "body": b"<T/>"}
    return Row(**(values | fields))  # type: ignore[arg-type]


def member(tx: Transaction, sort: bytes, **fields: object) -> str:
    return tx.insert("/a", lambda path: row(path, listing="/a", sort=sort, **fields)).path


def test_members_are_numbered_once_and_for_all(store: SQLiteStore) -> None:
    first = store.run(lambda tx: member(tx, b"x"))
    store.run(lambda tx: tx.delete(first))

    assert store.run(lambda tx: member(tx, b"x")) == "/a/2"


def test_pages_are_in_order_within_scope_state_and_bound(store: SQLiteStore) -> None:
    def fill(tx: Transaction) -> None:
        for sort, scope, state in ((b"c", b"1", 1), (b"a", b"1", 0), (b"b", b"2", 1), (b"d", b"1", 1)):
            member(tx, sort, scope=scope, state=state)

    store.run(fill)

    def sorts(**window: object) -> list[bytes]:
        return [found.sort for found in store.reader.page("/a", limit=9, **window)]  # type: ignore[arg-type]

    assert sorts() == [b"a", b"b", b"c", b"d"]
    assert sorts(scope=b"1") == [b"a", b"c", b"d"]
    assert sorts(scope=b"1", state=1, start=1) == [b"d"]
    assert sorts(bound=(b"b", False)) == [b"c", b"d"]
    assert sorts(bound=(b"c", True)) == [b"a", b"b"]
    counts = (
        store.reader.count("/a"),
        store.reader.count("/a", scope=b"1"),
        store.reader.count("/a", scope=b"1", state=1),
        store.reader.count("/nothing"),
    )
    assert counts == (4, 3, 2, 0)


def test_deleting_takes_what_is_below_and_nothing_beside(store: SQLiteStore) -> None:
    for path in ("/a/1", "/a/1/b", "/a/1/b/c", "/a/10", "/a/1x"):
        store.run(lambda tx, path=path: tx.put(row(path)))  # type: ignore[misc]

    assert store.run(lambda tx: tx.delete("/a/1")) == 3
    assert [found.path for found in store.reader.of_type("T", limit=9)] == ["/a/10", "/a/1x"]


def test_a_key_is_unique_within_its_list(store: SQLiteStore) -> None:
    store.run(lambda tx: member(tx, b"x", key=b"k"))

    with pytest.raises(StoreError):
        store.run(lambda tx: member(tx, b"y", key=b"k"))
    assert store.reader.count("/a") == 1


class Unwanted(Exception):
    """What a change raises to be undone."""


def test_a_change_that_raises_leaves_nothing_and_spoils_no_other(store: SQLiteStore) -> None:
    def half(tx: Transaction) -> None:
        member(tx, b"lost")
        raise Unwanted

    async def several() -> list[object]:
        return await asyncio.gather(
            store.write(lambda tx: member(tx, b"1")),
            store.write(half),
            store.write(lambda tx: member(tx, b"2")),
            return_exceptions=True,
        )

    first, failed, second = asyncio.run(several())

    assert isinstance(failed, Unwanted)
    assert [found.path for found in store.reader.page("/a", limit=9)] == [first, second]


def test_a_mistake_of_ours_while_writing_keeps_nobody_waiting(store: SQLiteStore) -> None:
    def spoil(tx: Transaction) -> None:
        tx._untrimmed = None  # type: ignore[attr-defined]

    def mend(tx: Transaction) -> str:
        tx._untrimmed = 0  # type: ignore[attr-defined]
        return member(tx, b"1")

    async def live() -> str:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        both = (store.write(spoil), store.write(lambda tx: member(tx, b"lost")))
        for failed in await asyncio.gather(*both, return_exceptions=True):
            assert isinstance(failed, StoreError)
        path = await store.write(mend)
        await store.close()
        return path

    assert asyncio.run(asyncio.wait_for(live(), 10)) == "/a/1"


def test_a_write_waits_for_another_process_without_stopping_the_loop(store: SQLiteStore, file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    async def both() -> str:
        writing = asyncio.create_task(store.write(lambda tx: member(tx, b"x")))
        await asyncio.get_running_loop().run_in_executor(None, other.execute, "SELECT 1")
        assert not writing.done()  # the loop came back to us while the write waits
        other.execute("COMMIT")
        return await writing

    assert asyncio.run(both()) == "/a/1"
    other.close()


def test_changes_of_other_processes_are_seen_by_path(store: SQLiteStore, file: Path) -> None:
    other = SQLiteStore(file)
    assert store.changes() == set()
    other.run(lambda tx: member(tx, b"x", scope=b"\xab"))
    other.run(lambda tx: tx.put_peer(PeerRecord(lfdi=b"\x01" * 20)))

    assert store.changes() == {"/a/1", "/a#ab", "peer:" + "01" * 20}
    assert store.changes() == set()
    other.close_now()


def test_a_list_that_a_member_leaves_has_changed(store: SQLiteStore) -> None:
    path = store.run(lambda tx: member(tx, b"x"))
    store.changes()
    store.run(lambda tx: tx.put(row(path)))

    assert store.changes() == {"/a/1", "/a"}


def test_a_reader_that_is_too_far_behind_forgets_everything(store: SQLiteStore, file: Path) -> None:
    other = SQLiteStore(file)

    def touch_many(tx: Transaction) -> None:
        for number in range(KEPT_CHANGES + 10):
            tx.touch(f"/{number}")

    other.run(touch_many)
    other.run(lambda tx: tx.touch("/last"))

    assert store.changes() is None
    assert store.changes() == set()
    other.close_now()


def test_what_is_written_is_there_after_reopening(file: Path) -> None:
    first = SQLiteStore(file)
    kept = PeerRecord(lfdi=b"\2" * 20, edition="2013", revoked=True, certificate=b"der", aggregator=True)
    first.run(lambda tx: (tx.put(row("/x", due=5)), tx.put_peer(kept), tx.keep("name", "value")))
    first.close_now()
    second = SQLiteStore(file)

    assert second.reader.get("/x") == row("/x", due=5)
    assert second.reader.peer(kept.lfdi) == kept
    assert second.reader.pinned() == []
    assert second.reader.next_due() == 5
    assert second.reader.setting("name") == "value"
    second.close_now()


def test_a_file_of_a_newer_program_is_refused(file: Path) -> None:
    SQLiteStore(file).close_now()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()

    with pytest.raises(StoreError, match="newer openesi"):
        SQLiteStore(file)


def test_a_file_that_is_no_database_is_refused(file: Path) -> None:
    file.write_bytes(b"this is no database at all" * 100)

    with pytest.raises(StoreError):
        SQLiteStore(file)


def test_commits_wait_for_the_disk(store: SQLiteStore) -> None:
    pragmas = [
        store._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    ]

    assert pragmas == ["wal", 2]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("insert"), st.sampled_from([None, b"1", b"2"])),
            st.tuples(st.just("delete"), st.integers(1, 12)),
            st.tuples(st.just("move"), st.integers(1, 12)),
        ),
        max_size=25,
    )
)
def test_counts_are_always_what_a_page_shows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]]
) -> None:
    store = SQLiteStore(tmp_path_factory.mktemp("store") / "openesi.db")

    def apply(tx: Transaction) -> None:
        for verb, value in steps:
            if verb == "insert":
                member(tx, b"x", scope=value)
            elif verb == "delete":
                tx.delete(f"/a/{value}")
            elif tx.get(f"/a/{value}") is not None:
                tx.put(row(f"/a/{value}", listing="/b", scope=b"1"))

    store.run(apply)
    for listing in ("/a", "/b"):
        for scope in (None, b"1", b"2"):
            shown = store.reader.page(listing, scope=scope, limit=99)
            assert store.reader.count(listing, scope=scope) == len(shown)
    store.close_now()


def test_a_place_that_cannot_be_written_is_named_with_what_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no such place.*its disk is not full"):
        SQLiteStore(tmp_path / "no such place" / "openesi.db")


def test_nothing_is_left_of_a_member_that_is_gone(store: SQLiteStore, file: Path) -> None:
    def fill(tx: Transaction) -> str:
        made = member(tx, b"x")
        for _ in range(3):
            tx.insert(f"{made}/b", lambda path: row(path, listing=f"{made}/b", scope=b"s", sort=b"y"))
        return made

    first = store.run(fill)
    second = store.run(fill)
    store.run(lambda tx: tx.delete(first))
    assert (store.reader.count(f"{first}/b"), store.reader.count(f"{second}/b")) == (0, 3)
    with contextlib.closing(sqlite3.connect(file)) as database:
        for table in ("serial", "tally"):
            left = {listing for (listing,) in database.execute(f"SELECT listing FROM {table}")}
            assert left == {"/a", f"{second}/b"}
    assert store.run(lambda tx: member(tx, b"x")) == "/a/3"


def test_what_a_key_finds_is_found_without_reading_all_others(store: SQLiteStore) -> None:
    """Each response looks for its event, each question by multicast for a device: among a million of them."""

    def fill(tx: Transaction) -> None:
        for number in range(3_000):
            key = number.to_bytes(20, "big")
            member(tx, key, key=key, type="EndDevice")
            tx.put(row(f"/b/{number}", listing=f"/b/{number}", key=f"/fsa/{number}".encode(), type="Alias"))

    store.run(fill)
    first, last = (number.to_bytes(20, "big") for number in (1_000, 1_001))
    questions = (
        lambda: store.reader.find_anywhere(first, "EndDevice"),
        lambda: store.reader.find_between("/a", first, last),
        lambda: store.reader.find("/a", first),
        lambda: store.reader.count_aliases("/fsa/1000"),
        lambda: store.reader.aliases("/fsa/1000"),
    )
    for question in questions:
        steps = steps_of(store, question)
        assert steps < 20, "hundreds of the machine's steps, where all rows cost tens of thousands"


def steps_of(store: SQLiteStore, question: Callable[[], object]) -> int:
    """Return how many hundred steps of SQLite's machine a question takes."""
    connection: sqlite3.Connection = store.reader._execute.__self__  # type: ignore[attr-defined]
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 100)
    try:
        assert question() is not None
    finally:
        connection.set_progress_handler(None, 0)
    return steps
