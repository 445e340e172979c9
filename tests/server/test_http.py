"""The reader alone: octets in, requests or a refusal out, no socket."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.errors import PeerError
from openesi.server.http import Limits, Reading, RequestReader
from openesi.server.message import Peer, Request

DEVICE = Peer(b"\x3e" * 20, 1, b"DER", False, "::1")
LIMITS = Limits(body_octets=1000, head_octets=2000, headers=20)


class Log:
    """Writes down what a reader says."""

    def __init__(self) -> None:
        self.requests: list[tuple[Request, bool]] = []
        self.refusal: tuple[int, str] | None = None
        self.refused: Request | None = None

    def identify(self, headers: dict[str, str]) -> Peer:
        if headers.get("x-client-cert") == "forged":
            raise PeerError("no", status=403)
        return DEVICE

    def take(self, request: Request, last: bool) -> None:
        self.requests.append((request, last))

    def refuse(self, status: int, text: str, request: Request) -> None:
        assert self.refusal is None
        self.refusal = (status, text)
        self.refused = request


def read(*pieces: bytes, peer: Peer | None = DEVICE) -> Log:
    log = Log()
    reader = RequestReader(LIMITS, log, peer)
    for piece in pieces:
        reader.feed(piece)
    return log


def read_one(octets: bytes) -> Request:
    """Read a request at once and octet by octet; both must give the same."""
    whole, dripped = read(octets), read(*(octets[i : i + 1] for i in range(len(octets))))
    assert whole.refusal is None
    assert whole.requests == dripped.requests
    (request, _), *more = whole.requests
    assert not more
    return request


def refusal(octets: bytes) -> int:
    log = read(octets)
    assert log.requests == []
    assert log.refusal is not None
    return log.refusal[0]


def test_a_get_as_a_certified_client_sends_it() -> None:
    request = read_one(
        b"GET /edev?l=1 HTTP/1.1\r\nDate: Fri, 20 Nov 2026 10:30:03 GMT\r\nHost: [::1]:18443\r\n"
        b"Accept: application/sep+xml; level=-S1\r\n\r\n"
    )
    assert (request.method, request.target, request.path, request.query) == (
        "GET",
        "/edev?l=1",
        "/edev",
        "l=1",
    )
    assert request.headers["accept"] == "application/sep+xml; level=-S1"
    assert request.peer is DEVICE


def test_a_put_as_a_certified_client_sends_it_with_padded_length() -> None:
    request = read_one(
        b"PUT /edev/1/der/1/dercap HTTP/1.1\r\nHost: esi\r\nContent-Type: application/sep+xml\r\n"
        b"Content-Length: 5     \r\n\r\n<DER>"
    )
    assert request.body == b"<DER>"


def test_a_chunked_post_with_extension_and_trailer() -> None:
    request = read_one(
        b"POST /mup HTTP/1.1\r\nHost: esi\r\nTransfer-Encoding: Chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nHost: other\r\n\r\n"
    )
    assert request.body == b"abcde"
    assert request.headers["host"] == "esi"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/edev/1?s=0&l=5", "/edev/1", "s=0&l=5"),
        (b"/ed%41v", "/ed%41v", ""),
        (b"/a?b?c", "/a", "b?c"),
        (b"https://esi.example:8443/tm?x", "/tm", "x"),
        (b"HTTP://esi.example", "/", ""),
        (b"http://[::1]:80?q", "/", "q"),
    ],
)
def test_targets(target: bytes, path: str, query: str) -> None:
    request = read_one(b"GET " + target + b" HTTP/1.1\r\nHost: esi\r\n\r\n")
    assert (request.path, request.query) == (path, query)


def test_the_authority_of_an_absolute_target_replaces_host() -> None:
    request = read_one(b"GET https://real:1/tm HTTP/1.1\r\nHost: esi\r\n\r\n")
    assert request.headers["host"] == "real:1"


def test_a_repeated_header_is_joined() -> None:
    request = read_one(b"GET / HTTP/1.1\r\nHost: esi\r\nACCEPT: a\r\naccept: b\r\n\r\n")
    assert request.headers["accept"] == "a, b"


def test_requests_in_one_piece_come_in_order_and_end_with_the_last() -> None:
    log = read(
        b"GET /1 HTTP/1.1\r\nHost: esi\r\n\r\n"
        b"POST /2 HTTP/1.1\r\nHost: esi\r\nContent-Length: 2\r\n\r\nab"
        b"GET /3 HTTP/1.1\r\nHost: esi\r\nConnection: close\r\n\r\n"
        b"GET /4 HTTP/1.1\r\nHost: esi\r\n\r\n"
    )
    assert [(r.path, r.body, last) for r, last in log.requests] == [
        ("/1", b"", False),
        ("/2", b"ab", False),
        ("/3", b"", True),
    ]
    assert log.refusal is None


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: esi\r\nConnection: keep-alive\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: esi\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: esi\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n",
    ],
)
def test_the_last_request_of_a_connection(head: bytes) -> None:
    log = read(head)
    assert [last for _, last in log.requests] == [True]
    assert log.refusal is None


HOST = b"Host: esi\r\n"


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        # what llhttp lets through
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: user@esi\r\n\r\n", 400),
        (b"GET http:// HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET ftp://esi/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET https://u@esi/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /tm#now HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"POST /mup HTTP/1.1\r\n" + HOST + b"\r\n", 411),
        (b"PUT /tm HTTP/1.1\r\n" + HOST + b"\r\n", 411),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nExpect: a miracle\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\n"
            + HOST
            + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nx",
            400,
        ),
        (b"GET /" + b"x" * 255 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"x" * 2000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"A%d: x\r\n" % i for i in range(20)) + b"\r\n", 431),
        (b"PROPFIND / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"CONNECT esi:443 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        # what llhttp refuses
        (b"FOO /dcap HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"GETX /dcap HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"\x00\x01\x02", 400),
        (b"FOO\r\n\r\n", 400),
        (b"GET / HTTP/0.9\r\n" + HOST + b"\r\n", 505),
        (b"GET / HTTP/2.0\r\n" + HOST + b"Connection: keep-alive\r\n\r\n", 505),
        (b"GET / HTTP/3.7\r\n" + HOST + b"\r\n", 400),
        (b"GET  HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: esi\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost : esi\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: \0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (
            b"POST / HTTP/1.1\r\n"
            + HOST
            + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1 2\r\n\r\n", 400),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else None,
)
def test_refusals(octets: bytes, status: int) -> None:
    assert refusal(octets) == status


def test_a_chunked_body_is_cut_when_it_passes_the_limit() -> None:
    chunk = b"200\r\n" + b"x" * 512 + b"\r\n"
    assert refusal(b"POST / HTTP/1.1\r\nHost: esi\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 2) == 413


def test_a_header_without_end_is_cut_though_no_part_of_it_is_large() -> None:
    piece = b"x" * 100
    log = Log()
    reader = RequestReader(LIMITS, log, DEVICE)
    reader.feed(b"GET / HTTP/1.1\r\nA: ")
    for _ in range(1000):
        reader.feed(piece)
    assert log.refusal is not None
    assert log.refusal[0] == 431


def test_many_requests_in_one_piece_are_not_taken_for_a_large_header() -> None:
    one = b"GET / HTTP/1.1\r\nHost: esi\r\n\r\n"
    log = read(one * 100 + one[:10], one[10:])
    assert len(log.requests) == 101
    assert log.refusal is None


def test_a_stream_of_requests_is_not_taken_for_a_large_header_wherever_it_is_cut() -> None:
    stream = b"GET / HTTP/1.1\r\nHost: esi\r\n\r\n" * 5000
    log = read(*(stream[start : start + 16384] for start in range(0, len(stream), 16384)))
    assert len(log.requests) == 5000
    assert log.refusal is None


def test_the_rest_of_a_body_does_not_count_as_header() -> None:
    post = b"POST / HTTP/1.1\r\nHost: esi\r\nContent-Length: 900\r\n\r\n" + b"x" * 900
    log = Log()
    reader = RequestReader(Limits(body_octets=100_000, head_octets=100), log, DEVICE)
    reader.feed(b"POST / HTTP/1.1\r\nHost: esi\r\nContent-Length: 50000\r\n\r\n")
    for piece in (b"x" * 15000, b"x" * 15000, b"x" * 15000, b"x" * 5000 + post[:20], post[20:]):
        reader.feed(piece)
    assert [len(request.body) for request, _ in log.requests] == [50000, 900]
    assert log.refusal is None


def test_garbage_after_a_good_request_is_not_an_unknown_method() -> None:
    log = read(b"GET / HTTP/1.1\r\nHost: esi\r\n\r\n\1\2\3")
    assert len(log.requests) == 1
    assert log.refusal == (400, "the request line is not HTTP")


def test_nothing_is_read_after_a_refusal() -> None:
    log = read(
        b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: esi\r\n\r\n", b"GET / HTTP/1.1\r\nHost: esi\r\n\r\n"
    )
    assert log.requests == []


def test_a_continue_is_owed_until_the_body_comes() -> None:
    log = Log()
    reader = RequestReader(LIMITS, log, DEVICE)
    reader.feed(b"POST / HTTP/1.1\r\nHost: esi\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert reader.owes_continue
    assert reader.reading is Reading.BODY
    reader.feed(b"a")
    assert not reader.owes_continue
    reader.feed(b"b")
    assert log.requests[0][0].body == b"ab"


def test_the_receiver_identifies_requests_of_a_shared_connection() -> None:
    assert read(b"GET / HTTP/1.1\r\nHost: esi\r\n\r\n", peer=None).requests[0][0].peer is DEVICE
    forged = read(b"GET / HTTP/1.1\r\nHost: esi\r\nX-Client-Cert: forged\r\n\r\n", peer=None)
    assert forged.refusal is not None
    assert forged.refusal[0] == 403


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_octets_give_requests_or_one_refusal(pieces: list[bytes]) -> None:
    log = read(b"GET / HTTP/1.1\r\nHost: esi\r\n", *pieces)
    assert log.refusal is None or 400 <= log.refusal[0] <= 505


STREAM = (
    b"GET /1 HTTP/1.1\r\nHost: esi\r\n\r\n"
    b"POST /2 HTTP/1.1\r\nHost: esi\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n0\r\n\r\n"
    b"PUT /3 HTTP/1.1\r\nHost: esi\r\nContent-Length: 3\r\n\r\nxyz"
    b"FOO /4 HTTP/1.1\r\nHost: esi\r\n\r\n"
)


@given(st.sets(st.integers(1, len(STREAM) - 32), max_size=12))
def test_the_same_stream_cut_anywhere_says_the_same(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    log = read(*(STREAM[a:b] for a, b in pairwise(edges)))
    assert [(r.path, r.body) for r, _ in log.requests] == [("/1", b""), ("/2", b"abc"), ("/3", b"xyz")]
    assert log.refusal == (501, "unknown method")


def test_what_is_refused_is_not_taken_for_the_request_before() -> None:
    """An answer to HEAD has no body; one to nonsense that follows it on the same connection has."""
    head = b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n"
    for pieces in ([head, b"FOO / HTTP/1.1\r\n"], [head + b"FOO / HTTP/1.1\r\n"]):
        log = read(*pieces)
        assert log.refusal == (501, "unknown method")
        assert log.refused is not None
        assert log.refused.method == ""
