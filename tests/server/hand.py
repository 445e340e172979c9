"""The operator's side of a test's server: what he writes, with the bounds and rules that hold for him."""

from __future__ import annotations

from typing import Any

from openesi.server.tree import Hand, Sight
from server.esi import Esi, lfdi_of


def write(
    esi: Esi, listing: str, values: object, *, device: int | None = None, scope: bytes | None = None
) -> str:
    """Add to a list, for one device, a scope or everybody; return the path."""

    def insert(tx: Any) -> str:
        own = scope if device is None else lfdi_of(device)
        hand = Hand(tx=tx, now=int(esi.now), settings=esi.settings, scope=own)
        path = hand.insert(listing, values)
        hand.finish()
        return path

    return esi.change(insert)


def put(esi: Esi, path: str, values: object) -> None:
    """Write over what stands at a path."""
    esi.change(lambda tx: Hand(tx=tx, now=int(esi.now), settings=esi.settings).put(path, values))


def merge(esi: Esi, path: str, changes: object) -> None:
    """Change some fields of what stands at a path."""
    esi.change(lambda tx: Hand(tx=tx, now=int(esi.now), settings=esi.settings).merge(path, changes))


def remove(esi: Esi, path: str) -> None:
    """Remove what stands at a path."""
    esi.change(lambda tx: Hand(tx=tx, now=int(esi.now), settings=esi.settings).remove(path))


def deep(esi: Esi, path: str, *, depth: int = 9) -> dict[str, Any]:
    """Return what stands at a path and below it, as the operator is shown it."""
    return esi.look(
        lambda reader: Sight(reader=reader, now=esi.now, settings=esi.settings).deep(path, depth=depth)
    )
