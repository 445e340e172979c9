"""Parts of a file: which octets a request gets, and that pieces make up the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.server.ranges import Part, select

ETAG = '"abc"'
WHOLE = Part(200, 0, 1_000)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, WHOLE),
        ({"range": "bytes=0-0"}, Part(206, 0, 1)),
        ({"range": "bytes=0-999"}, Part(206, 0, 1_000)),
        ({"range": "Bytes = 10 - 19 "}, Part(206, 10, 20)),
        ({"range": "bytes=990-5000"}, Part(206, 990, 1_000)),
        ({"range": "bytes=999-"}, Part(206, 999, 1_000)),
        ({"range": "bytes=-10"}, Part(206, 990, 1_000)),
        ({"range": "bytes=-5000"}, Part(206, 0, 1_000)),
        ({"range": "bytes=1000-"}, Part(416)),
        ({"range": "bytes=1000-2000"}, Part(416)),
        ({"range": "bytes=-0"}, Part(416)),
        ({"range": "bytes=20-10"}, WHOLE),
        ({"range": "bytes=0-1,5-6"}, WHOLE),
        ({"range": "lines=0-1"}, WHOLE),
        ({"range": "bytes=-"}, WHOLE),
        ({"range": "bytes=a-b"}, WHOLE),
        ({"range": "bytes=" + "9" * 19 + "-"}, WHOLE),
        ({"range": "bytes=0-9", "if-range": ETAG}, Part(206, 0, 10)),
        ({"range": "bytes=0-9", "if-range": '"old"'}, WHOLE),
        ({"range": "bytes=0-9", "if-range": "W/" + ETAG}, WHOLE),
        ({"range": "bytes=0-9", "if-range": "Wed, 21 Oct 2015 07:28:00 GMT"}, WHOLE),
        ({"if-none-match": ETAG}, Part(304)),
        ({"if-none-match": f'"x", W/{ETAG}'}, Part(304)),
        ({"if-none-match": "*"}, Part(304)),
        ({"if-none-match": '"x"'}, WHOLE),
        ({"if-match": ETAG}, WHOLE),
        ({"if-match": "*"}, WHOLE),
        ({"if-match": '"x"'}, Part(412)),
        ({"if-match": "W/" + ETAG}, Part(412)),
    ],
    ids=str,
)
def test_what_a_request_gets(headers: dict[str, str], expected: Part) -> None:
    assert select("GET", headers, octets=1_000, etag=ETAG) == expected


def test_a_head_knows_no_ranges() -> None:
    assert select("HEAD", {"range": "bytes=0-9"}, octets=1_000, etag=ETAG) == WHOLE


@given(st.integers(1, 10_000), st.integers(1, 3_000))
def test_the_pieces_make_up_the_whole(octets: int, piece: int) -> None:
    reached = 0
    while reached < octets:
        wanted = {"range": f"bytes={reached}-{reached + piece - 1}"}
        part = select("GET", wanted, octets=octets, etag=ETAG)
        assert (part.status, part.start) == (206, reached)
        reached = part.end
    assert reached == octets
    assert select("GET", {"range": f"bytes={reached}-"}, octets=octets, etag=ETAG).status == 416


@given(st.text(max_size=40), st.integers(0, 50))
def test_no_header_breaks_it(text: str, octets: int) -> None:
    part = select("GET", {"range": text, "if-range": ETAG}, octets=octets, etag=ETAG)

    assert 0 <= part.start <= part.end <= octets
    assert part.status in (200, 206, 416)
