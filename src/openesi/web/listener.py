"""The operator's listener: the API and the pages on a port of their own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from openesi.bounded_http import BoundedProtocol
from openesi.errors import LocalError
from openesi.server.service import Service
from openesi.web import api, pages
from openesi.web.answers import answer_fault, answer_http_error
from openesi.web.guard import Guard, own_names
from openesi.web.live import Live
from openesi.web.token import TokenGuard
from openesi.web.whereabouts import announced

START_S = 10.0  # a listener that is not up by then will not come up
MAX_CONNECTIONS = 200  # browsers keep a few each open for the live stream


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the command that runs us has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_app(live: Live, token: str | None = None) -> Starlette:
    """Return the ASGI application of one server's operator side; ``token`` as in ``listening``."""
    app = Starlette(
        routes=[*api.routes(live), *pages.routes(live)],
        middleware=[
            Middleware(Guard, names=own_names()),
            Middleware(TokenGuard, token=token),
            Middleware(GZipMiddleware, minimum_size=1_000),
        ],
        exception_handlers={HTTPException: answer_http_error, Exception: answer_fault},
    )
    app.state.token = token
    return app


@asynccontextmanager
async def listening(
    service: Service, *, host: str, port: int, live: Live | None = None, token: str | None = None
) -> AsyncIterator[str]:
    """Serve API and pages while the block runs; yield their URL. Raises LocalError if the port is taken.

    ``live`` is what the page shows, if somebody else wants to look at it, too. ``token`` is asked of whoever
    wants to change something, and of other machines for everything; None asks nobody.
    """
    sock = _bound(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}"
    live = live or Live(service)
    await live.step()
    config = uvicorn.Config(
        make_app(live, token),
        http=BoundedProtocol,
        log_level="warning",
        access_log=False,
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    following = asyncio.create_task(live.run(), name="openesi-page")
    task = asyncio.create_task(server.serve(sockets=[sock]), name="openesi-web")
    try:
        async with asyncio.timeout(START_S):
            while not server.started and not task.done():  # noqa: ASYNC110 (uvicorn offers no event)
                await asyncio.sleep(0.01)
        with announced(service.place.data, url):
            yield url
    finally:
        server.should_exit = True
        live.close()
        await task
        following.cancel()
        await asyncio.wait((following,))
        sock.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio turns off Nagle's algorithm, which costs every answer with a body 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise LocalError(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another with --web-port"
        ) from error
    return sock
