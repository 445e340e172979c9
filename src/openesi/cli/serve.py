"""``openesi serve``: the server on this machine."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated

import typer

from openesi.cli import output, units
from openesi.cli.loops import run, stopping
from openesi.cli.options import DataDir, TimeZone, noun_app, time_zone
from openesi.discovery import Where
from openesi.errors import WrongUsage
from openesi.sep2.editions import EDITIONS
from openesi.server.service import Door, Place, open_door, running
from openesi.server.settings import Settings, Unwritten, is_local
from openesi.server.tls import ProxySettings
from openesi.server.volttron import routes as volttron
from openesi.server.workers import run_workers
from openesi.web.listener import listening
from openesi.web.token import open_token
from openesi.web.whereabouts import TOKEN_FILE

app = noun_app("Run the IEEE 2030.5 server and the operator's page.", single=True)

MAX_PEN_DIGITS = 99_999_999  # what the eight hexadecimal digits of an mRID hold as decimal ones
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


@app.command()
def serve(
    data: DataDir,
    *,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="ADDRESS", help="Address to listen on; all if not given."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port for devices; 0 takes a free one.")] = 8443,
    web_host: Annotated[
        str, typer.Option(help="Address of the operator's page and API. Without TLS: keep it local.")
    ] = "127.0.0.1",
    web_port: Annotated[int, typer.Option(help="Port of the operator's page; 0 takes a free one.")] = 8080,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="sqlite:///FILE; DIR/openesi.db if not given.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer devices.")] = 1,
    profile: Annotated[
        str, typer.Option(metavar="NAME", help=f"Edition devices are spoken to in: {', '.join(EDITIONS)}.")
    ] = "2018",
    timezone: TimeZone = "UTC",
    pen: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Your IANA enterprise number, for mRIDs.")
    ] = 0,
    gcm: Annotated[
        bool, typer.Option("--gcm", help="Offer AES-128-GCM after the mandatory AES-128-CCM-8.")
    ] = False,
    ca: Annotated[
        list[Path] | None,
        typer.Option("--ca", metavar="FILE", help="Trust client certificates of this CA too; repeatable."),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option("--proxy", metavar="NETWORK", help="Speak plain HTTP to TLS proxies here; repeatable."),
    ] = None,
    proxy_header: Annotated[
        str, typer.Option(metavar="NAME", help="Header in which a proxy hands the certificate over.")
    ] = "X-Client-Cert",
    in_band: Annotated[
        bool, typer.Option(help="Let devices with a trusted certificate register themselves.")
    ] = True,
    poll: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="pollRate given to devices.")] = 900,
    post: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="postRate given to mirrors.")] = 300,
    flow_budget: Annotated[
        str | None,
        typer.Option(
            metavar="POWER", help="Grant flow reservations by itself within this, as 50kW; else you answer."
        ),
    ] = None,
    notify_every: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, help="Shortest time between two notifications to one.")
    ] = 30,
    notify_local: Annotated[
        bool | None,
        typer.Option(
            help="Notify also on this machine and link. If not given: where --host is this machine alone."
        ),
    ] = None,
    time_quality: Annotated[
        int,
        typer.Option(metavar="N", min=3, max=7, help="Of the clock: 3 authoritative ... 7 set by nobody."),
    ] = 4,
    unwritten: Annotated[
        Unwritten, typer.Option(help="Answer for what a device has not written yet.")
    ] = Unwritten.BLANK,
    fixed_connection_points: Annotated[
        bool,
        typer.Option(
            "--fixed-connection-points",
            help="Refuse (409) a device of CSIP-AUS that writes another ConnectionPoint over its own.",
        ),
    ] = False,
    volttron_port: Annotated[
        int | None,
        typer.Option(
            "--volttron-port",
            metavar="PORT",
            help="Serve devices made for VOLTTRON's SEP2 agent at its paths, as plain HTTP on 127.0.0.1 for "
            "a TLS proxy on this machine; 0 takes a free one.",
        ),
    ] = None,
    discovery: Annotated[bool, typer.Option(help="Let devices find the server by multicast.")] = True,
    discovery_interface: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Show the server on this interface only; repeatable."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not log refused requests.")] = False,
) -> None:
    """Run the server until it is told to stop.

    Certificates and database are made in DIR if they are not there.
    Prints one line when it is up: ready https://... http://...

    \b
    openesi serve --data DIR
    openesi serve --data DIR --timezone America/Los_Angeles --poll 300
    """
    if profile not in EDITIONS:
        raise WrongUsage(f"There is no profile {profile!r}. Choose one of {', '.join(EDITIONS)}.")
    if profile.startswith("csip-aus") and pen > MAX_PEN_DIGITS:
        raise WrongUsage(f"--pen {pen}: CSIP-AUS has room for eight digits in an mRID.")
    place = Place(
        data=data,
        hosts=tuple(host) if host else None,
        port=port,
        database=_database(database),
        allow_gcm=gcm,
        extra_ca_files=tuple(ca or ()),
        proxy=_proxy(proxy, proxy_header),
        discovery=_where(host, discovery_interface) if discovery else None,
    )
    settings = Settings(
        edition=EDITIONS[profile],
        pen=pen,
        timezone=time_zone(timezone).key,
        in_band_registration=in_band,
        notify_every_s=notify_every,
        notify_local=is_local(host) if notify_local is None else notify_local,
        time_quality=time_quality,
        unwritten=unwritten,
        fixed_connection_points=fixed_connection_points,
        default_poll_rate=poll,
        post_rate=post,
        flow_budget_w=_budget(flow_budget),
    )
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, format=LOG_FORMAT)
    place.data.mkdir(parents=True, exist_ok=True)
    if workers == 1:
        run(
            run_until_told(place, settings, web_host=web_host, web_port=web_port, volttron_port=volttron_port)
        )
        return
    door = open_door(place)

    def work(number: int) -> None:
        first = number == 0
        run(
            run_until_told(
                place if first else replace(place, discovery=None),
                settings,
                web_host=web_host,
                web_port=web_port if first else None,
                volttron_port=volttron_port if first else None,
                door=door,
            )
        )

    run_workers(workers, work)


async def run_until_told(
    place: Place,
    settings: Settings,
    *,
    web_host: str,
    web_port: int | None,
    volttron_port: int | None = None,
    door: Door | None = None,
) -> None:
    """Run server and web listener until SIGINT or SIGTERM; print where they are once they are up.

    A worker without ``web_port`` only serves devices.
    """
    stop = stopping()
    async with running(place, settings, door=door) as service, contextlib.AsyncExitStack() as beside:
        if volttron_port is not None:
            old = await beside.enter_async_context(volttron.serving(service, port=volttron_port))
            output.say(f"Devices made for VOLTTRON's SEP2 agent find their paths at {old}.")
        if web_port is None:
            await stop.wait()
            return
        token = open_token(place.data)
        async with listening(service, host=web_host, port=web_port, token=token) as web_url:
            output.say(
                f"Who changes something on the page or the API shows the token in {place.data / TOKEN_FILE}."
            )
            output.write(f"ready {service.url} {web_url}")
            await stop.wait()


def _database(url: str | None) -> Path | None:
    if url is None:
        return None
    scheme, _, rest = url.partition("://")
    if scheme != "sqlite" or not rest.startswith("/"):
        raise WrongUsage(f"--database {url!r}: this build stores in sqlite:///FILE only.")
    return Path(rest[1:])


def _proxy(networks: list[str] | None, header: str) -> ProxySettings | None:
    if not networks:
        return None
    try:
        return ProxySettings(tuple(ip_network(one) for one in networks), header.lower())
    except ValueError as error:
        raise WrongUsage(f"--proxy: {error}. Give an address or a network as 10.0.0.0/8.") from None


def _where(hosts: list[str] | None, interfaces: list[str] | None) -> Where:
    """Return where the server shows itself: not with addresses it does not listen on."""
    listened = None
    with contextlib.suppress(ValueError):  # a name may stand for any address
        listened = frozenset(ip_address(one) for one in hosts) if hosts else None
    if listened is not None and any(one.is_unspecified for one in listened):
        listened = None
    return Where(interfaces=tuple(interfaces or ()), hosts=listened)


def _budget(text: str | None) -> float | None:
    if text is None:
        return None
    power_w = units.parse_power(text)
    if power_w < 0:
        raise WrongUsage(f"{text!r}: a budget cannot be negative.")
    return float(power_w)
