from __future__ import annotations

from openesi.server.message import Request, Response

from .conftest import Pki, Server


def echo(request: Request) -> Response:
    return Response(
        200, f"{request.method} {request.target}".encode() + request.body, content_type="text/plain"
    )


def test_a_get_over_mutual_tls(server: Server, pki: Pki) -> None:
    server.start(echo, tls=pki.settings())
    client = server.connect(pki.client_context(pki.device))
    answer = client.ask(b"GET /dcap HTTP/1.1\r\nHost: esi\r\n\r\n")
    assert answer.status == 200
    assert answer.body == b"GET /dcap"
