"""Answers kept as bytes until something they show changes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from openesi.server.message import Response

# Who could abuse it: a client that asks for one list with ever other queries. The oldest answers go first.
MAX_OCTETS = 64 << 20
MAX_ENTRY_OCTETS = 1 << 20
ENTRY_OVERHEAD = 800  # octets of Python objects beside the body, measured


@dataclass(slots=True, eq=False)
class _Entry:
    response: Response
    since: float  # a clock that is set back must not make an answer hold for longer
    until: float
    depends: frozenset[str]
    octets: int


class Cache:
    """Answers by key; each is dropped when a path it depends on changes, or at the time it holds until."""

    def __init__(self, max_octets: int = MAX_OCTETS) -> None:
        self._max_octets = max_octets
        self._octets = 0
        self._entries: dict[Hashable, _Entry] = {}
        self._by_path: dict[str, set[Hashable]] = {}

    def get(self, key: Hashable, now: float) -> Response | None:
        """Return the answer kept under ``key`` if it still holds at ``now``."""
        entry = self._entries.get(key)
        return entry.response if entry is not None and entry.since <= now < entry.until else None

    def put(
        self, key: Hashable, response: Response, *, depends: Iterable[str], since: float, until: float
    ) -> None:
        """Keep an answer of the time ``since`` until a path in ``depends`` changes or ``until`` comes."""
        self._drop(key)
        octets = len(response.body) + ENTRY_OVERHEAD
        if octets > MAX_ENTRY_OCTETS:
            return
        entry = _Entry(response, since, until, frozenset(depends), octets)
        self._entries[key] = entry
        self._octets += octets
        for path in entry.depends:
            self._by_path.setdefault(path, set()).add(key)
        while self._octets > self._max_octets:
            self._drop(next(iter(self._entries)))

    def forget(self, paths: Iterable[str] | None) -> None:
        """Drop what depends on any of ``paths``; None: drop everything."""
        if paths is None:
            self._entries.clear()
            self._by_path.clear()
            self._octets = 0
            return
        for path in paths:
            for key in self._by_path.pop(path, ()):
                self._drop(key)

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._octets -= entry.octets
        for path in entry.depends:
            keys = self._by_path.get(path)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._by_path[path]
