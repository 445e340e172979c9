"""``openesi reservation``: what vehicles and other loads ask for in advance, and what they get."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Annotated, Any

import typer

from openesi.cli import offers, output, units
from openesi.cli.api import ApiUrl, RunningData
from openesi.cli.offers import Server
from openesi.cli.options import AsJson, noun_app
from openesi.cli.resource import DryRun
from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import reservations
from openesi.sep2.enums import EventState, RequestState
from openesi.sep2.json import from_json, to_json

app = noun_app(
    """List, grant and deny flow reservations.

    \b
    openesi reservation list
    openesi reservation grant /edev/1/frq/1
    openesi reservation grant /edev/1/frq/1 --power 3.5kW --at 'in 1h' --for 4h
    openesi reservation deny /edev/1/frq/1
    """
)

Request = Annotated[str, typer.Argument(metavar="REQUEST", help="As /edev/1/frq/1.")]
ALIVE = (EventState.SCHEDULED, EventState.ACTIVE)
NOTHING = {"multiplier": 0, "value": 0}


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List what devices ask for, and what they were answered."""
    server = Server(api, data)
    found = [
        {"device": device["lFDI"], **request, "answer": _answer(request, answers)}
        for device in server.members("/edev", "EndDevice")
        if device.get("FlowReservationRequestListLink", {}).get("all")
        for answers in [server.members(f"{device['href']}/frp", "FlowReservationResponse")]
        for request in server.members(f"{device['href']}/frq", "FlowReservationRequest")
    ]
    if as_json:
        output.write_json(found)
    elif found:
        rows = [
            (
                one["href"],
                one["device"],
                units.format_power(float(_scaled(one["powerRequested"]))),
                f"{_scaled(one['energyRequested']) / 1_000:g} kWh",
                offers.at(one["intervalRequested"]["start"]),
                units.format_duration(one["intervalRequested"]["duration"]),
                _said(one),
            )
            for one in found
        ]
        headers = ("request", "device", "power", "energy", "from", "within", "answer")
        output.write(output.render_table(headers, rows))
    else:
        output.say("No device asks for anything.")


@app.command()
def grant(
    request: Request,
    *,
    power: Annotated[
        str | None, typer.Option(metavar="POWER", help="Less than what is asked for, as 3.5kW.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When; as early as asked for if not given.")
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="How long; as long as it needs if not given.")
    ] = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Grant what a device asks for, or less. The newest answer counts."""
    server = Server(api, data)
    asked = _request(server, request)
    now = time.time()
    sign = -1 if asked.powerRequested.value < 0 else 1
    given_w = None if power is None else units.parse_power(power) * sign
    begin = max(int(now), asked.intervalRequested.start)
    if start is not None:
        begin = units.parse_start(start, now=now)
    length = units.parse_duration(duration) if duration else reservations.needed_s(asked, power_w=given_w)
    body = {
        "powerAvailable": to_json(asked.powerRequested) if given_w is None else units.active_power(given_w),
        "energyAvailable": to_json(asked.energyRequested),
    }
    _write(server, request, asked, begin, length, body, dry_run=dry_run, as_json=as_json)


@app.command()
def deny(
    request: Request,
    *,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Deny what a device asks for, also where it was granted before."""
    server = Server(api, data)
    asked = _request(server, request)
    begin = max(int(time.time()), asked.intervalRequested.start)
    body = {"powerAvailable": NOTHING, "energyAvailable": NOTHING}
    _write(server, request, asked, begin, 0, body, dry_run=dry_run, as_json=as_json)


def _write(
    server: Server,
    request: str,
    asked: sep.FlowReservationRequest,
    start: int,
    duration: int,
    body: dict[str, Any],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    answer = body | {
        "subject": asked.mRID.hex(),
        "interval": {"start": start, "duration": duration},
        "description": asked.description,
    }
    made = server.write("POST", f"{request.rpartition('/frq/')[0]}/frp", answer, dry_run=dry_run)
    if made is None:
        return
    output.write_json(made) if as_json else output.write(output.render_facts(offers.facts(made)))


def _request(server: Server, href: str) -> sep.FlowReservationRequest:
    offers.member_of(href, "/edev/N/frq/N", "/edev/1/frq/1")
    asked = from_json(server.get(href, limit=1), sep.FlowReservationRequest)
    if asked.RequestStatus.requestStatus == RequestState.CANCELLED:
        raise LocalError(f"{href} was cancelled by its device.")
    return asked


def _answer(request: dict[str, Any], answers: list[Any]) -> Any:
    """Return the newest answer to a request that holds, None without one."""
    wanted = request["mRID"].lstrip("0")
    ours = [one for one in answers if one["subject"].lstrip("0") == wanted]
    alive = [one for one in ours if one["EventStatus"]["currentStatus"] in ALIVE]
    return max(alive, key=lambda one: (one["creationTime"], one["mRID"]), default=None)


def _said(request: dict[str, Any]) -> str:
    if request["RequestStatus"]["requestStatus"] == RequestState.CANCELLED:
        return "cancelled by the device"
    answer = request["answer"]
    if answer is None:
        return "waits"
    start, duration = offers.times(answer)
    if answer["interval"]["duration"] == 0:
        return "denied"
    return f"{units.format_power(float(_scaled(answer['powerAvailable'])))} from {start} for {duration}"


def _scaled(quantity: dict[str, int]) -> Decimal:
    return Decimal(quantity["value"]).scaleb(quantity["multiplier"])
