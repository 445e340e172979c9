"""The live page: the sequence diagram while it grows, each message to be opened. Routes over a ``Board``."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from openesi.provisioning.board import Board
from openesi.provisioning.diagram import render_page_head

HERE: Final = Path(__file__).parent
_FILES: Final = {"diagram.css": "text/css", "live.css": "text/css", "live.js": "text/javascript"}
_LARGEST: Final = 1 << 53  # numbers that a page can count to


def routes(board: Board, *, title: str) -> list[Route]:
    """The page and what it asks for. Whoever mounts them puts a guard before them: nobody logs in here."""
    template = Template((HERE / "live.html").read_text("utf-8"))
    page = template.substitute(title=html.escape(title), lanes=render_page_head())
    files = {name: (HERE / name).read_bytes() for name in _FILES}

    async def get_page(request: Request) -> Response:
        del request
        return Response(page, media_type="text/html")

    async def get_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            return Response("there is no such file\n", 404, media_type="text/plain")
        return Response(files[name], media_type=_FILES[name])

    async def get_rows(request: Request) -> Response:
        text = request.query_params.get("after", "0")
        if not text.isascii() or not text.isdigit() or int(text[:17]) > _LARGEST:
            return Response("after is a number\n", 422, media_type="text/plain")
        return Response(msgspec.json.encode(board.news(int(text[:17]))), media_type="application/json")

    async def get_message(request: Request) -> Response:
        said = board.message(request.path_params["number"])
        if said is None:
            return Response("this message is no longer kept\n", 404, media_type="text/plain")
        return Response(said, media_type="text/plain")

    return [
        Route("/", get_page),
        Route("/rows", get_rows),
        Route("/messages/{number:int}", get_message),
        Route("/{name}", get_file),
    ]
