"""The live page of ``openesi provision``: a listener of its own, in a thread, on this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse
from starlette.routing import Route

from openesi.errors import LocalError
from openesi.provisioning import page
from openesi.provisioning.board import Board
from openesi.web.guard import Guard, own_names
from openesi.web.pages import HERE

MAX_CONNECTIONS: Final = 50
START_S: Final = 10.0


@contextlib.contextmanager
def showing(board: Board, *, title: str, host: str, port: int) -> Iterator[str]:
    """Show a board while the block runs; yields the page's address. Raises ``LocalError`` if it is taken."""
    try:
        sock = socket.create_server((host, port))
    except OSError as error:
        raise LocalError(
            f"cannot show the page at {host} port {port}: {error.strerror}; choose another with --web-port"
        ) from error
    icon = Route("/icon.svg", lambda request: FileResponse(HERE / "static" / "icon.svg"))
    app = Starlette(
        routes=[icon, *page.routes(board, title=title)], middleware=[Middleware(Guard, names=own_names())]
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="openesi-page", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_S
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://{host}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_S)
        sock.close()
