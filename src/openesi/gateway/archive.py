"""The optional cache file: the 48 hours survive a restart. Off by default, readable by its owner only.

SQLite keeps it whole through a crash. Points are written in batches, so a worn SD card sees one write in half
a minute and a crash loses at most that; old ones are deleted and overwritten, because data that is not there
cannot be asked for.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from openesi.errors import LocalError
from openesi.gateway.cache import Point
from openesi.gateway.fragments import Scale
from openesi.gateway.record import SeriesName

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS point (
        series TEXT NOT NULL, time_s INTEGER NOT NULL, raw INTEGER NOT NULL,
        multiplier INTEGER NOT NULL, divisor INTEGER NOT NULL, PRIMARY KEY (series, time_s)
    ) WITHOUT ROWID
"""


class CacheFile:
    """Not thread-safe: one thread at a time. Raises LocalError if the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            self._database = sqlite3.connect(path, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("PRAGMA secure_delete = ON")
            self._database.execute(_SCHEMA)
            self._database.commit()
        except (sqlite3.Error, OSError) as error:
            raise LocalError(
                f"the cache file {path} cannot be used ({error}): remove it with `openesi gateway forget`, "
                "or start without --cache-file"
            ) from error

    def select(self, series: SeriesName) -> list[Point]:
        """All points of a series, oldest first; rows that make no sense are left out."""
        rows = self._database.execute(
            "SELECT time_s, raw, multiplier, divisor FROM point WHERE series = ? ORDER BY time_s",
            [series.value],
        )
        return [
            Point(time_s, raw, Scale(multiplier, divisor))
            for time_s, raw, multiplier, divisor in rows
            if 0 < time_s < 1 << 32 and 0 < multiplier < 1 << 32 and 0 < divisor < 1 << 32
        ]

    def insert(self, points: Iterable[tuple[SeriesName, Point]], *, keep_from_s: int) -> None:
        """Write ``points`` and delete what is older than ``keep_from_s``; all or nothing.

        Raises OSError when the disk does not take it (full, worn out); the file then stands as before.
        """
        rows = [
            (name.value, point.time_s, point.raw, point.scale.multiplier, point.scale.divisor)
            for name, point in points
        ]
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO point VALUES (?, ?, ?, ?, ?)", rows)
                self._database.execute("DELETE FROM point WHERE time_s < ?", [keep_from_s])
        except sqlite3.Error as error:
            raise OSError(f"the cache file {self._path} was not written: {error}") from error

    def close(self) -> None:
        """Close the file; what was inserted is in it."""
        self._database.close()


def forget(path: Path) -> bool:
    """Remove a cache file and what SQLite keeps beside it; whether there was one."""
    present = path.exists()
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        file.unlink(missing_ok=True)
    return present
