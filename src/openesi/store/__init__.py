"""What the server remembers: the resource tree, who its peers are, and what changed.

``Store`` is what the server asks of an engine; ``sqlite.SQLiteStore`` is the default one. Reads and writes
are functions of a ``Reader`` or a ``Transaction`` that the store runs when and where it is safe: so a
read-modify-write is atomic, many writers share one commit, and an engine may run them in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from openesi.errors import LocalError

T = TypeVar("T")

# Scopes that are no LFDI: what every registered device sees, and what only groups see it is assigned to.
PUBLIC = b"public"
ASSIGNED = b"assigned"

ALIAS = "Alias"  # the type of rows that show another resource in a list; their key is its path

# What may be assigned to groups, and so be shown by aliases (the links of IEEE 2030.5-2018, type
# FunctionSetAssignmentsBase), and the groups themselves.
ASSIGNABLE = frozenset({
    "CustomerAccount", "DERProgram", "DemandResponseProgram", "File", "FunctionSetAssignments",
    "MessagingProgram", "Prepayment", "ResponseSet", "TariffProfile", "UsagePoint",
})  # fmt: skip


class StoreError(LocalError):
    """The database could not do what was asked: full disk, foreign file, damaged. Nothing was changed."""


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One stored resource.

    ``listing`` is the path of the list it is a member of (None: none); ``scope`` the LFDI that may see it in
    a list that shows everyone only their own, or ``PUBLIC`` or ``ASSIGNED``; ``key`` what identifies it
    within its list (an mRID, an LFDI; the path of what an alias shows); ``sort`` its place in the list;
    ``state`` the currentStatus of an event; ``due`` the time (s) at which its state changes by itself;
    ``body`` the document in XML.
    """

    path: str
    type: str
    body: bytes
    listing: str | None = None
    scope: bytes | None = None
    key: bytes | None = None
    sort: bytes = b""
    state: int | None = None
    due: int | None = None


class PeerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a certificate beyond the resource tree.

    ``edition`` is the name of the edition this peer speaks (None: the server's); ``certificate`` the DER of a
    self-signed certificate that is trusted because it is pinned.
    """

    lfdi: bytes
    edition: str | None = None
    revoked: bool = False
    certificate: bytes | None = None
    aggregator: bool = False


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription that is to be notified.

    ``seq`` counts the changes it is about; ``attempts`` the tries that failed; ``next`` is when to try (s);
    ``parked`` says why it is not tried any more.
    """

    subscription: str
    seq: int
    attempts: int
    next: int
    parked: str | None = None


def list_tag(listing: str, scope: bytes | None) -> str:
    """Return the name under which a change of a list is announced: per viewer where each sees their own."""
    return listing if scope is None else f"{listing}#{scope.hex()}"


def peer_tag(lfdi: bytes) -> str:
    """Return the name under which a change of what is known of a certificate is announced."""
    return f"peer:{lfdi.hex()}"


class Reader(Protocol):
    """Reads of one moment."""

    def get(self, path: str) -> Row | None:
        """Return the resource at ``path``."""

    def find(self, listing: str, key: bytes) -> Row | None:
        """Return the member of ``listing`` that ``key`` identifies."""

    def find_anywhere(self, key: bytes, type_name: str) -> Row | None:
        """Return a resource of a type by its key, whatever list it is in."""

    def aliases(self, path: str, *, start: int = 0, limit: int = -1) -> list[Row]:
        """Return the aliases of the resource at ``path``, by the list they are in; -1: all of them."""

    def count_aliases(self, path: str) -> int:
        """Return how many lists show the resource at ``path``."""

    def aliased(self, scope: bytes) -> list[str]:
        """Return the paths of the resources that aliases of a scope show, each once."""

    def find_between(self, listing: str, first: bytes, last: bytes) -> Row | None:
        """Return the first member of ``listing`` whose key is not before ``first`` nor after ``last``."""

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
        """Return members of ``listing`` in order; ``bound`` is what ``lists.time_bound`` gives."""

    def in_states(self, listing: str, states: Sequence[int], limit: int) -> list[Row]:
        """Return members of ``listing`` that are in one of ``states``, in any order."""

    def count(self, listing: str, *, scope: bytes | None = None, state: int | None = None) -> int:
        """Return how many members ``page`` would show without limit."""

    def of_type(self, type_name: str, *, limit: int) -> list[Row]:
        """Return the resources of one type, wherever they are, in the order of their paths."""

    def peer(self, lfdi: bytes) -> PeerRecord | None:
        """Return what is known of a certificate."""

    def pinned(self) -> list[bytes]:
        """Return the DER of every pinned self-signed certificate that is not revoked."""

    def next_due(self) -> int | None:
        """Return the earliest time at which some resource changes by itself."""

    def errands(self, now: int, limit: int) -> list[Errand]:
        """Return notifications whose time has come, the longest waiting first."""

    def next_errand(self) -> int | None:
        """Return the earliest time at which a notification is to be tried."""

    def parked(self, limit: int) -> list[Errand]:
        """Return notifications that were given up."""

    def setting(self, name: str) -> str | None:
        """Return a value kept with ``Transaction.keep``."""


class Transaction(Reader, Protocol):
    """Reads and writes that become durable together, or not at all."""

    def insert(self, listing: str, row: Callable[[str], Row]) -> Row:
        """Add a member to ``listing`` under the next free identifier; ``row`` makes it, given its path."""

    def put(self, row: Row) -> None:
        """Write a resource at its path, new or not."""

    def update(self, row: Row) -> None:
        """Write body, state and due of a resource that stays what and where it is; cheaper than ``put``."""

    def delete(self, path: str) -> int:
        """Remove a resource, all below it and what shows any of these; return how many stood there."""

    def due(self, now: int, limit: int) -> list[Row]:
        """Return resources whose time to change has come, earliest first."""

    def touch(self, path: str) -> None:
        """Tell readers that what is shown at ``path`` changed though no row there did."""

    def watch(self, subscription: str, tags: set[str]) -> None:
        """Have changes of ``tags`` told to a subscription, and of nothing else; an empty set ends it."""

    def settle_errand(
        self,
        errand: Errand,
        *,
        next_try: int,
        attempts: int = 0,
        done: bool = False,
        parked: str | None = None,
    ) -> None:
        """Note how a notification went. ``done`` clears it unless something has changed since."""

    def put_peer(self, record: PeerRecord) -> None:
        """Remember a certificate."""

    def keep(self, name: str, value: str) -> None:
        """Remember a small value by name."""


class Store(Protocol):
    """An engine."""

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run ``query`` and return its result."""

    async def write(self, change: Callable[[Transaction], T], *, long: bool = False) -> T:
        """Run ``change`` in a transaction; return its result once it is durable.

        ``long``: it takes its time, so reads go on meanwhile (other writes wait); it runs in a thread.
        What ``change`` raises is raised here, and nothing of it is kept. Raises StoreError.
        """

    def changes(self) -> set[str] | None:
        """Return the paths and tags changed since the last call, by whomever; None: forget everything."""

    async def close(self) -> None:
        """Finish what was asked and let go of the database."""
