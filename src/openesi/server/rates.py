"""How often devices are asked to come: set by the operator while the server runs, kept over restarts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Annotated

import msgspec

from openesi.sep2 import schema
from openesi.server.settings import Settings
from openesi.store import Reader, Transaction

TAG = "rates"  # what the store announces when they change
_NAME = "rates"

Seconds = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates in s; what is None is as the server was started.

    ``poll_s`` is by the type that carries the pollRate, ``default_poll_s`` for all other types, ``post_s``
    for mirrors that wish for none of their own.
    """

    poll_s: dict[str, Seconds] | None = None
    default_poll_s: Seconds | None = None
    post_s: Seconds | None = None


def keep_rates(tx: Transaction, rates: Rates) -> None:
    """Set the rates; every answer from the next on has them. Subscribers to what carries one are told."""
    old = kept_rates(tx)
    tx.keep(_NAME, msgspec.json.encode(rates).decode())
    tx.touch(TAG)
    for name in _polled():
        if _poll_s(old, name) != _poll_s(rates, name):
            tx.touch(tag_of(name))


def tag_of(type_name: str) -> str:
    """Return the name under which a change of the pollRate of a type is announced."""
    return f"{TAG}:{type_name}"


def _poll_s(rates: Rates, name: str) -> int | None:
    return (rates.poll_s or {}).get(name, rates.default_poll_s)


@cache
def _polled() -> tuple[str, ...]:
    """Return the names of the types that carry a pollRate."""
    types = schema.structured_types().values()
    return tuple(
        cls.__name__ for cls in types if any(field.name == "pollRate" for field in schema.fields(cls))
    )


def kept_rates(reader: Reader) -> Rates:
    """Return the rates that the operator set."""
    kept = reader.setting(_NAME)
    return msgspec.json.decode(kept, type=Rates) if kept else Rates()


def with_rates(settings: Settings, rates: Rates) -> Settings:
    """Return the settings a server was started with, as the operator's rates change them."""
    return replace(
        settings,
        poll_rates={**settings.poll_rates, **(rates.poll_s or {})},
        default_poll_rate=rates.default_poll_s or settings.default_poll_rate,
        post_rate=rates.post_s or settings.post_rate,
    )
