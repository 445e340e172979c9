"""``openesi run``: one device as a real 2030.5 client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openesi.cli import output
from openesi.cli.options import noun_app
from openesi.cli.request import Ca, Cert, Key, Profile, Server, ServerLfdi, tls_settings
from openesi.cli.units import parse_duration
from openesi.errors import OpenESIError, WrongUsage

if TYPE_CHECKING:
    from collections.abc import Callable

    from openesi.client import Notify
    from openesi.client.agent import Agent
    from openesi.devices.solar import Disturbance

app = noun_app("Run one device as a real 2030.5 client.", single=True)

AUTO = "auto"  # as --profile: what the server's first document shows
DNS_SD = "dns-sd:"  # as --server: found on the network
REFRESH_S = 0.5
PLAIN_S = 5.0  # into a pipe a line is written no more often


@app.command()
def run(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="inverter, battery, charger, evse, thermostat, water-heater, pool-pump, switch, appliance, "
            "display, meter",
        ),
    ],
    *,
    server: Server = "https://localhost:8443",
    cert: Cert = None,
    key: Key = None,
    ca: Ca = None,
    server_lfdi: ServerLfdi = None,
    profile: Profile = AUTO,
    pin: Annotated[
        int | None, typer.Option(metavar="N", help="The device's PIN; the server must hold the same.")
    ] = None,
    register: Annotated[
        bool, typer.Option(help="Register at the server if it does not know the device.")
    ] = True,
    connection_point: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Where it is connected, for servers of CSIP-AUS: the NMI."),
    ] = None,
    public: Annotated[
        bool,
        typer.Option("--public", help="Follow what the server offers to everybody where it assigns nothing."),
    ] = False,
    memory: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What it remembers over restarts; beside --cert if not given."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="N", help="Stop after so many seconds; until told if not given.")
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Let the grid at an inverter or battery stray: 264V, 61.5Hz, or from 30 s on for 20 s, "
            "'264V@30s+20s'; repeatable.",
        ),
    ] = None,
    notify: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST][:PORT]",
            help="Listen for notifications there and subscribe, besides polling; `:` for any free port.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what it does.")] = False,
) -> None:
    """Run a simulated device at a server: it registers, reports, meters, and obeys.

    \b
    openesi run inverter --server https://localhost:8443 --cert inverter.pem --key inverter.key --ca serca.pem
    openesi run thermostat --cert t.pem --key t.key --ca serca.pem --pin 111115
    openesi run inverter --grid 61.5Hz@1m+30s
    openesi run inverter --server dns-sd: --notify :9443
    """
    from openesi.client import Client
    from openesi.client.agent import Agent
    from openesi.devices.catalogue import DEVICES, describe
    from openesi.devices.solar import SolarInverter
    from openesi.sep2.editions import EDITIONS

    entry = DEVICES.get(name)
    if entry is None:
        raise WrongUsage(f"There is no device {name!r}. Choose one of {', '.join(DEVICES)}.")
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    strays = [_disturbance(text, time.time()) for text in grid or ()]
    settings = tls_settings(cert, key, ca, server_lfdi, "2018" if profile == AUTO else profile)
    listen = _listening_at(notify)
    if memory is None and cert is not None:
        memory = cert.with_suffix(".memory.json")

    async def main() -> None:
        this = asyncio.current_task()
        if this is not None:  # a service manager ends it as Ctrl+C does: what is open is closed
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
        edition = EDITIONS.get(profile)
        if server == DNS_SD:
            client = await Client.discover(tls=settings, edition=edition)
        else:
            client = Client(server, tls=settings, edition=edition)
        async with client as esi:
            device = entry.make(time.time())
            if isinstance(device, SolarInverter):
                device.disturbances += strays
            elif strays:
                raise WrongUsage("--grid is for inverter and battery.")
            agent = Agent(
                esi,
                device,
                pin=pin,
                register=register,
                public=public,
                connection_point=connection_point,
                memory=memory,
                notify=listen,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await _drive(agent, lambda: describe(device))

    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(main())


def _listening_at(text: str | None) -> Notify | None:
    """Read ``HOST``, ``HOST:PORT``, ``:PORT`` or ``:``. Raises WrongUsage."""
    from openesi.client import Notify

    if text is None:
        return None
    found = re.fullmatch(r"(?:\[(.+)\]|([^:\[\]]*))(?::([0-9]{0,5}))?", text.strip())
    port = int(found[3] or 0) if found is not None else 0
    if found is None or port > 0xFFFF:
        raise WrongUsage(f"--notify {text!r}: write HOST, HOST:PORT, :PORT or a lone colon.")
    return Notify(host=found[1] or found[2] or "", port=port)


_DISTURBANCE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(V|Hz)(?:@([^+]+)(?:\+(.+))?)?")


def _disturbance(text: str, now: float) -> Disturbance:
    """Read ``264V``, ``61.5Hz@30s`` or ``61.5Hz@30s+20s``, times from ``now`` on. Raises WrongUsage."""
    from openesi.devices.solar import Disturbance

    found = _DISTURBANCE.fullmatch(text.strip())
    if found is None:
        raise WrongUsage(f"--grid {text!r}: write 264V, 61.5Hz@30s or 61.5Hz@30s+20s.")
    value, unit, begins, lasts = found.groups()
    start = now + parse_duration(begins) if begins else now
    quantity = {"V": "voltage_v", "Hz": "frequency_hz"}[unit]
    end = start + parse_duration(lasts) if lasts else math.inf
    return Disturbance(start=start, end=end, **{quantity: float(value)})


async def _drive(agent: Agent, describe: Callable[[], str]) -> None:
    """Make the first contact, whose failure ends the command; then go on whatever happens."""
    from openesi.client.agent import State

    agent.tick()
    await agent.turn()
    if agent.state in (State.WAITING, State.REFUSED) and agent.problem is not None:
        raise agent.problem
    showing = asyncio.create_task(_show(agent, describe))
    try:
        await agent.run()
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


async def _show(agent: Agent, describe: Callable[[], str]) -> None:
    if not sys.stdout.isatty():
        while True:
            output.write(_line(agent, describe()))
            sys.stdout.flush()
            await asyncio.sleep(PLAIN_S)
    from rich.live import Live
    from rich.text import Text

    with Live(Text(""), refresh_per_second=2, transient=True) as live:
        while True:
            live.update(Text(_line(agent, describe())))
            await asyncio.sleep(REFRESH_S)


def _line(agent: Agent, doing: str) -> str:
    clock = time.strftime("%H:%M:%S", time.gmtime(agent.shared.now))
    problem: OpenESIError | None = agent.problem
    trouble = f"  ({problem})" if problem is not None else ""
    return output.printable(f"{clock}Z  {agent.state.value}  {doing}{trouble}").replace("\n", " ")
