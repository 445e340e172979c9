"""The wire over real sockets and real TLS: order, bodies, bounds, deadlines, the end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openesi.errors import LocalError, PeerError
from openesi.server.http import Limits
from openesi.server.message import Request, Response
from openesi.server.wire import serve

from .conftest import Client, Pki, Server

GET = b"GET /dcap HTTP/1.1\r\nHost: esi\r\n\r\n"
POST_HEAD = b"POST /mup HTTP/1.1\r\nHost: esi\r\nContent-Length: 5\r\n\r\n"
LIST = Response(200, b"x" * 300_000, content_type="application/sep+xml")


def get(path: str, *headers: bytes) -> bytes:
    return b"".join((f"GET {path} HTTP/1.1\r\nHost: esi\r\n".encode(), *headers, b"\r\n"))


class Application:
    """Echoes; answers to /slow when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.arrived = threading.Event()
        self._gates: list[asyncio.Future[None]] = []

    def __call__(self, request: Request) -> object:
        self.asked.append(request.target)
        if request.path == "/slow":
            return self._slow(request)
        if request.path == "/raise":
            raise ValueError("a bug")
        if request.path == "/peer-error":
            raise PeerError("no such thing", status=404)
        if request.path == "/nothing":
            return None
        if request.path == "/bad-header":
            return Response(200, headers=(("Location", "/a\r\nB: c"),))
        if request.path == "/204":
            return Response(204)
        if request.path == "/list":
            return LIST
        return self._echo(request)

    @staticmethod
    def _echo(request: Request) -> Response:
        return Response(
            200, f"{request.method} {request.target} ".encode() + request.body, content_type="text/plain"
        )

    async def _slow(self, request: Request) -> Response:
        gate = asyncio.get_running_loop().create_future()
        self._gates.append(gate)
        self.arrived.set()
        await gate
        return self._echo(request)

    def open_gate(self) -> None:
        self._gates.pop(0).set_result(None)


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def client(server: Server, pki: Pki, application: Application) -> Client:
    server.start(application, tls=pki.settings(), limits=Limits(body_octets=5000, pipeline_depth=4))
    return server.connect(pki.client_context(pki.device))


# Answers.


def test_a_get(client: Client) -> None:
    answer = client.ask(GET)
    assert answer.status == 200
    assert answer.body == b"GET /dcap "
    assert answer.headers["content-type"] == "text/plain"
    assert parsedate_to_datetime(answer.headers["date"]).tzinfo is not None
    assert "connection" not in answer.headers


def test_a_head_has_the_length_and_no_body(client: Client) -> None:
    client.send(b"HEAD /dcap HTTP/1.1\r\nHost: esi\r\n\r\n", GET)
    assert client.receive(head_only=True).headers["content-length"] == "11"
    assert client.receive().body == b"GET /dcap "


def test_no_content_has_no_length(client: Client) -> None:
    assert client.ask(get("/204")).status == 204
    assert client.ask(GET).status == 200


def test_an_answer_larger_than_a_record(client: Client) -> None:
    assert client.ask(get("/list")).body == LIST.body


def test_the_head_stays_small_enough_for_small_clients(client: Client) -> None:
    answer = client.ask(get("/list"))
    assert sum(len(name) + len(value) + 4 for name, value in answer.headers.items()) < 300


def test_100_continue_comes_once_the_head_is_accepted(client: Client) -> None:
    client.send(b"POST /mup HTTP/1.1\r\nHost: esi\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert client.receive().status == 100
    assert client.ask(b"ab").body == b"POST /mup ab"


def test_100_continue_waits_for_the_answers_before_it(
    client: Client, server: Server, application: Application
) -> None:
    client.send(
        get("/slow"), b"POST /mup HTTP/1.1\r\nHost: esi\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    application.arrived.wait(5)
    server.call(application.open_gate)
    assert client.receive().body == b"GET /slow "
    assert client.receive().status == 100
    assert client.ask(b"ab").body == b"POST /mup ab"


def test_a_body_too_large_is_refused_before_it_is_sent(client: Client) -> None:
    client.send(
        b"POST /mup HTTP/1.1\r\nHost: esi\r\nContent-Length: 33554432\r\nExpect: 100-continue\r\n\r\n"
    )
    answer = client.receive()
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert client.is_closed()


def test_who_sends_a_refused_body_all_the_same_can_read_why(client: Client, server: Server) -> None:
    client.send(b"POST /mup HTTP/1.1\r\nHost: esi\r\nContent-Length: 400000\r\n\r\n", b"x" * 400_000)
    assert client.receive().status == 413
    assert client.is_closed()


@pytest.mark.parametrize("head", [b"GET / HTTP/1.0\r\n\r\n", get("/", b"Connection: close\r\n")])
def test_the_connection_ends_when_the_client_asks_for_it(client: Client, head: bytes) -> None:
    assert client.ask(head).headers["connection"] == "close"
    assert client.is_closed()


def test_an_error_of_the_wire_is_worded_by_the_hook(
    server: Server, pki: Pki, application: Application
) -> None:
    def on_error(status: int, text: str, request: Request) -> Response:
        return Response(
            status, f"{request.method} {request.path}: {text}".encode(), content_type="text/plain"
        )

    server.start(application, tls=pki.settings(), on_error=on_error)
    client = server.connect(pki.client_context(pki.device))
    answer = client.ask(b"POST /mup HTTP/1.1\r\nHost: esi\r\n\r\n")
    assert answer.status == 411
    assert answer.body == b"POST /mup: POST needs Content-Length"
    assert application.asked == []


# Applications that fail.


def test_a_failing_application_gives_500_and_one_traceback(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert client.ask(get("/raise")).status == 500
    failures = [record for record in caplog.records if "request_failed" in record.message]
    assert len(failures) == 3
    assert [record.exc_info is not None for record in failures] == [True, False, False]
    assert client.ask(GET).status == 200


@pytest.mark.parametrize(("path", "status"), [("/nothing", 500), ("/bad-header", 500), ("/peer-error", 404)])
def test_other_failures_of_an_application(client: Client, path: str, status: int) -> None:
    assert client.ask(get(path)).status == status
    assert client.ask(GET).status == 200


# Order.


def test_pipelined_requests_are_answered_in_order(
    client: Client, server: Server, application: Application
) -> None:
    client.send(get("/1") + get("/slow") + get("/2") + get("/slow") + get("/3"))
    application.arrived.wait(5)
    assert client.receive().body == b"GET /1 "
    assert application.asked == ["/1", "/slow"]
    application.arrived.clear()
    server.call(application.open_gate)
    application.arrived.wait(5)
    server.call(application.open_gate)
    assert [client.receive().body for _ in range(4)] == [b"GET /slow ", b"GET /2 ", b"GET /slow ", b"GET /3 "]


def test_a_refusal_waits_for_the_answers_before_it(
    client: Client, server: Server, application: Application
) -> None:
    client.send(get("/slow") + b"FOO / HTTP/1.1\r\nHost: esi\r\n\r\n")
    application.arrived.wait(5)
    server.call(application.open_gate)
    assert client.receive().body == b"GET /slow "
    assert client.receive().status == 501
    assert client.is_closed()


def test_reading_stops_while_too_many_requests_wait(
    client: Client, server: Server, application: Application
) -> None:
    for number in range(20):  # one record each; four may wait
        client.send(get("/slow" if number == 0 else f"/{number}"))
    application.arrived.wait(5)
    (connection,) = server.wire.connections
    server.call(lambda: None)
    assert len(connection._waiting) <= 4
    server.call(application.open_gate)
    assert [client.receive().body for _ in range(20)] == [
        b"GET /slow ",
        *(b"GET /%d " % number for number in range(1, 20)),
    ]


def test_reading_stops_while_too_many_octets_wait(
    client: Client, server: Server, application: Application
) -> None:
    post = b"POST /%d HTTP/1.1\r\nHost: esi\r\nContent-Length: 4000\r\n\r\n" + b"x" * 4000
    client.send(get("/slow"), post % 1, post % 2, post % 3, post % 4)
    application.arrived.wait(5)
    (connection,) = server.wire.connections
    server.call(lambda: None)
    assert len(connection._waiting) <= 2
    server.call(application.open_gate)
    assert [client.receive().body[:7] for _ in range(5)] == [
        b"GET /sl",
        *(b"POST /%d" % n for n in (1, 2, 3, 4)),
    ]


def test_a_client_that_never_reads_is_not_answered_without_end(
    client: Client, server: Server, application: Application
) -> None:
    for _ in range(4):
        client.send(get("/list") * 100)
    server.call(lambda: None)
    (connection,) = server.wire.connections
    assert server.call(connection._transport.get_write_buffer_size) < 3 * len(LIST.body)
    assert len(application.asked) < 50
    server.pass_time(61)
    server.call(lambda: None)
    assert not server.wire.connections


def test_half_a_connection_is_enough_for_an_answer(
    client: Client, server: Server, application: Application
) -> None:
    client.send(get("/slow"))
    application.arrived.wait(5)
    with socket.socket(
        fileno=os.dup(client.sock.fileno())
    ) as tcp:  # below TLS, which Python would end as well
        tcp.shutdown(socket.SHUT_WR)
    server.call(application.open_gate)
    assert client.receive().body == b"GET /slow "


def test_a_client_that_leaves_does_not_stop_its_request(
    client: Client, server: Server, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    client.send(get("/slow"))
    application.arrived.wait(5)
    client.close()
    server.call(application.open_gate)
    server.call(lambda: None)
    assert server.wire.statistics.failed == 0
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# Deadlines. Time passes by telling the wire so.


def test_an_idle_connection_outlives_a_poll_interval_and_is_closed_after_its_time(
    client: Client, server: Server
) -> None:
    assert client.ask(GET).status == 200
    server.pass_time(950)
    assert client.ask(GET).status == 200
    server.pass_time(1002)
    assert client.is_closed()


def test_a_connection_without_request_is_closed_like_an_idle_one(client: Client, server: Server) -> None:
    server.call(lambda: None)
    server.pass_time(950)
    assert len(server.wire.connections) == 1
    server.pass_time(1002)
    assert client.is_closed()


def test_a_dripping_head_gets_408_for_drips_do_not_move_the_deadline(client: Client, server: Server) -> None:
    client.send(b"GET /dcap HT")
    _settle(server, "HEAD")
    server.pass_time(9)
    client.send(b"TP/1.1\r\nHos")
    server.call(lambda: None)
    server.pass_time(10.5)
    assert client.receive().status == 408
    assert client.is_closed()


def test_a_stalled_body_gets_408(client: Client, server: Server, application: Application) -> None:
    client.send(POST_HEAD, b"abc")
    _settle(server, "BODY")
    server.pass_time(59)
    server.pass_time(60.5)
    assert client.receive().status == 408
    assert client.is_closed()
    assert application.asked == []


def test_a_deadline_does_not_count_while_a_request_is_worked_on(
    client: Client, server: Server, application: Application
) -> None:
    client.send(get("/slow"))
    application.arrived.wait(5)
    server.pass_time(5000)
    server.call(application.open_gate)
    assert client.receive().body == b"GET /slow "


def test_who_connects_and_says_nothing_is_cut(
    server: Server, pki: Pki, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    server.start(application, tls=pki.settings())
    client = server.connect()
    _connected(server)
    server.pass_time(9)
    assert len(server.wire.connections) == 1
    server.pass_time(10.5)
    assert client.is_closed()
    assert "peer_too_slow" in caplog.text


def test_who_was_refused_and_does_not_hang_up_is_cut(client: Client, server: Server) -> None:
    assert client.ask(b"FOO / HTTP/1.1\r\nHost: esi\r\n\r\n").status == 501
    server.call(lambda: None)
    assert len(server.wire.connections) == 1
    server.pass_time(2.5)
    server.call(lambda: None)
    assert not server.wire.connections


# Bounds on connections.


def test_the_longest_idle_connection_of_a_device_gives_way(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings(), limits=Limits(connections_per_lfdi=2))
    clients = [server.connect(pki.client_context(pki.device)) for _ in range(3)]
    assert clients[0].is_closed()
    assert clients[1].ask(GET).status == 200
    assert clients[2].ask(GET).status == 200
    stranger = server.connect(pki.client_context(pki.second))
    assert stranger.ask(GET).status == 200


def test_the_oldest_handshake_gives_way(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings(), limits=Limits(handshaking=2))
    silent = [server.connect() for _ in range(3)]
    assert silent[0].is_closed()
    assert server.connect(pki.client_context(pki.device)).ask(GET).status == 200


def test_too_many_connections_are_refused(server: Server, pki: Pki, application: Application) -> None:
    server.start(application, tls=pki.settings(), limits=Limits(connections=1))
    first = server.connect(pki.client_context(pki.device))
    with pytest.raises(OSError, match=r"reset|EOF"):
        server.connect(pki.client_context(pki.device))
    assert first.ask(GET).status == 200


# The end.


def test_draining_finishes_what_is_in_flight_and_closes_what_is_idle(
    server: Server, pki: Pki, application: Application
) -> None:
    server.start(application, tls=pki.settings())
    busy, idle, silent = server.connect(pki.client_context(pki.device)), *_two(server, pki)
    busy.send(get("/slow"))
    application.arrived.wait(5)
    port = server.wire.port
    end = asyncio.run_coroutine_threadsafe(server.wire.close(5), server._loop)
    assert idle.is_closed()
    assert silent.is_closed()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    server.call(application.open_gate)
    answer = busy.receive()
    assert answer.body == b"GET /slow "
    assert answer.headers["connection"] == "close"
    assert busy.is_closed()
    busy.close()
    end.result(5)


def test_draining_does_not_wait_for_ever(
    server: Server, pki: Pki, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    server.start(application, tls=pki.settings())
    client = server.connect(pki.client_context(pki.device))
    client.send(get("/slow"))
    application.arrived.wait(5)
    server.run(server.wire.close(0.05))
    assert client.is_closed()
    assert "drain_overdue" in caplog.text


def _two(server: Server, pki: Pki) -> tuple[Client, Client]:
    one = server.connect(pki.client_context(pki.device))
    assert one.ask(GET).status == 200
    return one, server.connect(pki.client_context(pki.device))


# Bad input.


def test_log_lines_about_bad_peers_are_bounded(
    client: Client, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1000):
        server.wire.complain("request_refused", "::1", "400 no")
    assert 0 < caplog.text.count("request_refused") <= 60


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_whatever_a_device_sends_the_server_goes_on(
    client: Client, server: Server, pki: Pki, junk: bytes
) -> None:
    bad = server.connect(pki.client_context(pki.device))
    bad.send(junk, b"\r\n\r\n\0")
    status = bad.receive().status
    assert 400 <= status <= 505
    assert bad.is_closed()
    bad.close()
    assert client.ask(GET).status == 200


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_whatever_comes_in_place_of_tls_the_server_goes_on(
    client: Client, server: Server, junk: bytes
) -> None:
    bad = server.connect()
    bad.send(junk)
    bad.sock.shutdown(socket.SHUT_WR)
    while bad.sock.recv(1000):
        pass
    bad.close()
    assert client.ask(GET).status == 200


def test_a_listener_needs_one_source_of_identity() -> None:
    async def without() -> None:
        await serve(lambda request: Response(200))

    with pytest.raises(LocalError, match="exactly one"):
        asyncio.run(without())


def _settle(server: Server, reading: str) -> None:
    """Wait until the server has read what was sent."""
    for _ in range(1000):
        (connection,) = server.wire.connections
        reader = connection._reader
        if reader is not None and reader.reading.name == reading:
            return
        server.call(lambda: None)
    raise AssertionError(f"not {reading}")


def _connected(server: Server) -> None:
    for _ in range(1000):
        if server.wire.connections:
            return
        server.call(lambda: None)
    raise AssertionError("no connection")
