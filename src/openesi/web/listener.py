"""The operator's listener: the API and the pages on a port of their own, and where to find it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from openesi.errors import LocalError
from openesi.server.service import Service
from openesi.web import api, pages
from openesi.web.answers import answer_fault, answer_http_error
from openesi.web.guard import Guard, own_names
from openesi.web.live import Live

RUNNING_FILE = "running.json"
START_S = 10.0  # a listener that is not up by then will not come up
MAX_CONNECTIONS = 200  # browsers keep a few each open for the live stream


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the command that runs us has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_app(live: Live) -> Starlette:
    """Return the ASGI application of one server's operator side."""
    return Starlette(
        routes=[*api.routes(live), *pages.routes(live)],
        middleware=[Middleware(Guard, names=own_names()), Middleware(GZipMiddleware, minimum_size=1_000)],
        exception_handlers={HTTPException: answer_http_error, Exception: answer_fault},
    )


@asynccontextmanager
async def listening(
    service: Service, *, host: str, port: int, live: Live | None = None
) -> AsyncIterator[str]:
    """Serve API and pages while the block runs; yield their URL. Raises LocalError if the port is taken.

    ``live`` is what the page shows, if somebody else wants to look at it, too.
    """
    sock = _bound(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}"
    live = live or Live(service)
    await live.step()
    config = uvicorn.Config(
        make_app(live),
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
        with _announced(service.place.data, url):
            yield url
    finally:
        server.should_exit = True
        live.close()
        await task
        following.cancel()
        await asyncio.wait((following,))
        sock.close()


def find_running(data: Path | None = None) -> str | None:
    """Return the URL of a running server's API: of a data directory, or of the server started last."""
    for file in (data / RUNNING_FILE,) if data else (state_file(),):
        with contextlib.suppress(OSError, ValueError, KeyError):
            found = json.loads(file.read_text("utf-8"))
            os.kill(found["pid"], 0)
            return str(found["api"])
    return None


def state_file() -> Path:
    """Return where the server that was started last says so."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "openesi" / RUNNING_FILE


@contextlib.contextmanager
def _announced(data: Path, url: str) -> Iterator[None]:
    """Say where the API is, for commands that are not told."""
    text = json.dumps({"pid": os.getpid(), "api": url})
    files = (data / RUNNING_FILE, state_file())
    for file in files:
        with contextlib.suppress(OSError):  # a home that cannot be written only costs convenience
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    try:
        yield
    finally:
        for file in files:
            with contextlib.suppress(OSError):
                if file.read_text("utf-8") == text:
                    file.unlink()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise LocalError(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another with --web-port"
        ) from error
    return sock
