"""Which part of a file a GET asks for (RFC 9110: 13 conditional requests, 14 ranges). Values in, values out.

One range is served; what asks for several gets the whole, as a server may. Times of change are not told, so
a date in If-Range never fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_RANGE = re.compile(r"bytes *= *(\d{0,18}) *- *(\d{0,18}) *", re.IGNORECASE | re.ASCII)


class Part(NamedTuple):
    """The octets to send, half open, and under which status: 200, 206, 304, 412 or 416."""

    status: int
    start: int = 0
    end: int = 0


def select(method: str, headers: Mapping[str, str], *, octets: int, etag: str) -> Part:
    """Return what to answer to a GET or HEAD of so many ``octets`` with the strong entity tag ``etag``."""
    expected = headers.get("if-match")
    if expected is not None and not _names(expected, etag, weak=False):
        return Part(412)
    known = headers.get("if-none-match")
    if known is not None and _names(known, etag, weak=True):
        return Part(304)
    whole = Part(200, 0, octets)
    wanted, still = headers.get("range"), headers.get("if-range")
    if wanted is None or method != "GET" or (still is not None and still.strip() != etag):
        return whole
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or found.groups() == ("", ""):
        return whole
    first, last = found.groups()
    if not first:  # the last so many octets
        start, end = max(0, octets - int(last)), octets
    else:
        start, end = int(first), min(octets, int(last) + 1) if last else octets
        if last and int(last) < start:
            return whole  # not a range at all
    return Part(206, start, end) if start < end else Part(416)


def _names(listed: str, etag: str, *, weak: bool) -> bool:
    """Tell whether a list of entity tags names ``etag``."""
    if listed.strip() == "*":
        return True
    tags = (one.strip() for one in listed.split(","))
    return any((one.removeprefix("W/") if weak else one) == etag for one in tags)
