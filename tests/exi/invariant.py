"""What must hold for any octets at all; the tests and the fuzzer call it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from openesi import exi
from openesi.sep2 import editions, xml
from openesi.sep2 import exi as sep_exi
from openesi.sep2.errors import DecodeError

# Many times what any of them takes, also on a slow machine that does something else: a hang is looked for.
TIME_MAX_S = 5.0

NON_STRICT = sep_exi.grammars_of(editions.IEEE_2018)


def verdict(stream: bytes) -> str:
    """Read a stream in every way: our own errors or a document, and the ways agree. Return which it was."""
    started = time.perf_counter()
    outcome, document = _attempt(sep_exi.to_xml, stream)
    refusal, value = _attempt(sep_exi.decode, stream)
    if value is not None:
        edition = sep_exi.edition_of(stream)
        # The XML codec goes by the name of the document element, not by its xsi:type.
        assert value == xml.parse(document, edition) or b"xsi:type" in document
        if edition is editions.IEEE_2018:  # not every value of the model has a place in the older ones
            assert sep_exi.decode(sep_exi.encode(value)) == value
    list(exi.trace(stream, NON_STRICT))
    assert time.perf_counter() - started < TIME_MAX_S
    assert outcome in ("read", refusal) or "strict grammars" in refusal
    return outcome


def broken(stream: bytes) -> Iterator[bytes]:
    """Give every truncation of a stream, and the stream with each of its bits flipped."""
    for length in range(len(stream)):
        yield stream[:length]
    for position in range(8 * len(stream)):
        changed = bytearray(stream)
        changed[position >> 3] ^= 0x80 >> (position & 7)
        yield bytes(changed)


def _attempt(read: Callable[[bytes], Any], stream: bytes) -> tuple[str, Any]:
    try:
        return "read", read(stream)
    except DecodeError as caught:
        error = caught
    assert error.status in (400, 415)
    assert str(error)
    return f"{error.status} {error}", None
