"""``openesi demo``: a whole house on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import sys
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openesi.cli import output
from openesi.cli.options import noun_app
from openesi.errors import LocalError

if TYPE_CHECKING:
    from openesi.pki import Authority, Identity
    from openesi.server.service import Service
    from openesi.server.settings import Settings

app = noun_app("Bring up a whole house on this machine; nothing to configure.", single=True)

DEFAULT_DATA = Path("openesi-data/demo")
POLL_S = 2  # an event shows within one poll


@app.command()
def demo(
    *,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Where certificates and database are kept.")
    ] = DEFAULT_DATA,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address for devices.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for devices; 0 takes a free one.")] = 8443,
    web_port: Annotated[int, typer.Option(help="Port of the operator's page; 0 takes a free one.")] = 8080,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what server and house do.")] = False,
) -> None:
    """Bring up a 2030.5 server, its page, and a house whose devices are real clients of it:
    solar inverter with battery, smart meter, thermostat, EVSE, display.

    Prints one line when all of it is up: ready https://... http://...
    Then, in another terminal, make the house give less power for a while:

    \b
    openesi event send --limit 2kW --for 2m
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(data, host, port=port, web_port=web_port, browser=not no_browser))


async def _run(data: Path, host: str, *, port: int, web_port: int, browser: bool) -> None:
    from openesi.cli.loops import stopping
    from openesi.server.service import Place, running
    from openesi.server.settings import Settings, is_local
    from openesi.web.listener import listening

    stop = stopping()
    settings = Settings(default_poll_rate=POLL_S, post_rate=POLL_S, notify_local=is_local([host]))
    place = Place(data=data, hosts=(host,), port=port)
    try:
        async with (
            running(place, settings) as service,
            listening(service, host="127.0.0.1", port=web_port) as web_url,
        ):
            await _live(service, settings, web_url, stop, browser=browser)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise LocalError(f"port {port} is taken: choose another with --port") from error


async def _live(
    service: Service, settings: Settings, web_url: str, stop: asyncio.Event, *, browser: bool
) -> None:
    """Run the house until told to stop, or until it fails."""
    from openesi.devices.house import NAMES, Credentials, run_house

    def credentials(name: str) -> Credentials:
        identity = _identity(service.authority, name, settings.default_pin)
        return Credentials(identity.cert, identity.key, identity.ca, identity.pin)

    ready = asyncio.Event()
    house = asyncio.create_task(
        run_house(service.url, {name: credentials(name) for name in NAMES}, ready=ready)
    )
    waiting = asyncio.create_task(ready.wait())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({house, waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            output.write(f"ready {service.url} {web_url}")
            sys.stdout.flush()
            if browser:
                _open(web_url)
            await asyncio.wait({house, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if house.done():
            house.result()
    finally:
        for task in (house, waiting, stopped):
            task.cancel()
        await asyncio.gather(house, waiting, stopped, return_exceptions=True)


def _identity(authority: Authority, name: str, pin: int) -> Identity:
    if name in authority.device_names():
        return authority.device(name)
    return authority.issue_device(name, now=datetime.now(UTC), pin=pin)


def _open(url: str) -> None:
    """Show the page where there is a screen; a browser in the terminal would take it away from us."""
    graphical = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if graphical and not webbrowser.open(url):
        output.say(f"Open {url} in a browser.")
