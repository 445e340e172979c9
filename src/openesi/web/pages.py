"""The page, what it is made of, and what monitoring asks for."""

from __future__ import annotations

import platform
import shlex
import sqlite3
from html import escape
from importlib import metadata
from pathlib import Path
from string import Template

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from openesi import __version__
from openesi.sep2.editions import EDITIONS
from openesi.store import StoreError
from openesi.web.answers import answer
from openesi.web.live import Live
from openesi.web.meters import Power

HERE = Path(__file__).parent
PAGE = Template((HERE / "templates" / "page.html").read_text("utf-8"))


def render_page(live: Live) -> str:
    """Return the page with what is known now: it can be read before, and without, any script."""
    active = [event for event in live.events() if event.status == "active"]
    return PAGE.substitute(
        version=escape(__version__),
        server=escape(live.service.url),
        data=escape(shlex.quote(str(live.service.place.data.absolute()))),
        power=escape(format_power(live.power)),
        force=escape(f"Event in force: {active[0].href}" if active else "No event in force"),
        snapshot=_as_script_data(live.snapshot()),
    )


def format_power(power: Power) -> str:
    """Write the power of the devices for people: W below 1 kW, else kW with one decimal."""
    value = power.devices_w if power.devices_w is not None else power.grid_w
    if value is None:
        return "no power told"
    return f"{value:.0f} W" if abs(value) < 1_000 else f"{value / 1_000:.1f} kW"


def routes(live: Live) -> list[BaseRoute]:
    """Return the routes of the pages."""

    async def get_page(request: Request) -> Response:
        del request
        return HTMLResponse(render_page(live))

    async def get_health(request: Request) -> Response:
        """Tell whether the server can do its work: 200, or 503 and why not."""
        del request
        try:
            devices = await live.service.store.read(lambda reader: reader.count("/edev"))
        except (StoreError, sqlite3.Error) as error:
            return answer({"status": "failing", "error": str(error)}, 503)
        return answer({"status": "ok", "now": live.service.clock(), "devices": devices})

    async def get_versions(request: Request) -> Response:
        """Tell what runs here."""
        del request
        libraries = ("cryptography", "httptools", "msgspec", "starlette", "uvicorn")
        return answer({
            "openesi": __version__,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "editions": list(EDITIONS),
            "libraries": {name: metadata.version(name) for name in libraries},
        })  # fmt: skip

    return [
        Route("/", get_page),
        Route("/-/health", get_health),
        Route("/-/versions", get_versions),
        Mount("/static", _Static(directory=HERE / "static")),
    ]


class _Static(StaticFiles):
    """Files that browsers keep, and ask about each time: a new version is seen at once."""

    async def get_response(self, path: str, scope: object) -> Response:
        response = await super().get_response(path, scope)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response


def _as_script_data(value: object) -> str:
    """Return JSON that can stand in a script element: no text in it can end the element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
