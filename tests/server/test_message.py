from __future__ import annotations

import pytest

from openesi.errors import LocalError
from openesi.server.message import Response


def test_head_has_the_length_of_the_body_and_no_closing_line() -> None:
    response = Response(200, b"<Time/>", (("X-A", "b"),), "application/sep+xml")
    assert response.head == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/sep+xml\r\nX-A: b\r\nContent-Length: 7\r\n"
    )


@pytest.mark.parametrize("status", [201, 400, 404, 599])
def test_an_empty_body_still_has_a_length(status: int) -> None:
    assert b"Content-Length: 0\r\n" in Response(status).head


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_has_no_length(status: int) -> None:
    assert b"Content-Length" not in Response(status).head


def test_a_body_cannot_hide_behind_no_content() -> None:
    with pytest.raises(LocalError, match="204"):
        Response(204, b"x")


def test_an_unknown_status_keeps_the_space_that_clients_insist_on() -> None:
    assert Response(599).head.startswith(b"HTTP/1.1 599 \r\n")


@pytest.mark.parametrize("value", ["/a\r\nSet-Cookie: x", "/a\n", "/a\0", "/ä"])
def test_a_header_cannot_break_out_of_its_line(value: str) -> None:
    with pytest.raises(LocalError, match="Location"):
        Response(201, headers=(("Location", value),))
