"""``openesi event``: controls, as the operator sends and watches them."""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from openesi.cli import offers, output, units
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.modes import parse_modes
from openesi.cli.options import AsJson, RandomizeDuration, RandomizeStart, StartAt, noun_app
from openesi.errors import WrongUsage

app = noun_app(
    """Send, cancel, list and watch events.

    \b
    openesi event send --limit 2kW --for 2m
    openesi event list
    openesi event show /derp/1/derc/1
    openesi event cancel /derp/1/derc/1
    """
)

WATCH_S = 1.0
Event = Annotated[str, typer.Argument(metavar="EVENT", help="Its href, as /derp/1/derc/1, or its mRID.")]


@app.command()
def send(
    *,
    limit: Annotated[
        str | None,
        typer.Option(metavar="POWER", help="Most power the devices may give together: 2kW or 40%."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="POWER", help="Power each device is to give: 1.5kW; negative: take.")
    ] = None,
    connect: Annotated[bool | None, typer.Option(help="Connect to the grid, or disconnect.")] = None,
    energize: Annotated[bool | None, typer.Option(help="Energize, or cease to energize.")] = None,
    modes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="MODE=VALUE", help="Any mode: opModExpLimW=1.5kW, opModFixedW=-50%."),
    ] = None,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 90s, 2m, 1.5h.")] = "1h",
    start: StartAt = "now",
    program: Annotated[str, typer.Option(metavar="HREF", help="The program it belongs to.")] = "/derp/1",
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="At most 32 octets.")] = None,
    randomize_start: RandomizeStart = None,
    randomize_duration: RandomizeDuration = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing; print the XML that devices would get.")
    ] = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Send a DERControl.

    \b
    openesi event send --limit 2kW --for 2m
    openesi event send --limit 40% --at 'in 10m' --for 1h
    openesi event send --no-energize --for 5m
    openesi event send --set opModFixedPFInjectW=0.95 --set opModVoltWatt=/derp/1/dc/2
    """
    body: dict[str, Any] = {
        "duration_s": units.parse_duration(duration),
        "program": program,
        "description": description,
        "randomize_start_s": randomize_start,
        "randomize_duration_s": randomize_duration,
        "connect": connect,
        "energize": energize,
    }
    if start.strip() != "now":
        body["start"] = units.parse_start(start, now=time.time())
    if limit is not None:
        unit, value = units.parse_limit(limit)
        body[f"limit_{unit}"] = float(value)
    if target is not None:
        body["target_w"] = float(units.parse_power(target))
    if modes:
        body["control"] = parse_modes(modes)
    if limit is None and target is None and connect is None and energize is None and not modes:
        raise WrongUsage("Say what to do: --limit 2kW, --target 1kW, --no-connect, --no-energize or --set.")
    path = "/api/events?dry_run=true" if dry_run else "/api/events"
    given = {name: value for name, value in body.items() if value is not None}
    sent = ask("POST", path, api=api, data=data, body=given)
    if as_json:
        output.write_json(sent)
        return
    if dry_run:
        output.write(sent["xml"])
        return
    output.write(output.render_facts(_facts(sent)))
    output.say(f"\nWatch it: openesi event watch. Take it back: openesi event cancel {sent['href']}")


@app.command()
def cancel(
    events: Annotated[list[str], typer.Argument(metavar="EVENT...", help="Hrefs or mRIDs, of any kind.")],
    *,
    randomized: Annotated[
        bool, typer.Option("--randomized", help="Devices end within their randomization, not all at once.")
    ] = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="What devices are told.")] = None,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Cancel events, all that are named or none."""
    named = [_path(event).removeprefix("/api/events/") for event in events]
    body = {"events": named, "randomized": randomized, "reason": reason}
    cancelled = ask("POST", "/api/cancel", api=api, data=data, body=body)
    if as_json:
        output.write_json(cancelled[0] if len(cancelled) == 1 else cancelled)
        return
    rows = [(one["href"], one["type"], one["status"].replace("_", " ")) for one in cancelled]
    output.write(output.render_table(("event", "type", "status"), rows))


@app.command()
def supersede(
    event: Event,
    *,
    modes: Annotated[
        list[str], typer.Option("--set", metavar="MODE=VALUE", help="What it sets instead: opModMaxLimW=20%.")
    ],
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Put a newer DERControl in the place of one, for what is left of its time."""
    query = urlencode({"event": "/" + _path(event).removeprefix("/api/events/")})
    body = {"DERControlBase": parse_modes(modes)}
    made = ask("POST", f"/api/supersede?{query}", api=api, data=data, body=body)
    if as_json:
        output.write_json(made)
    else:
        output.write(made["href"])


@app.command("list")
def list_(
    *,
    ended: Annotated[bool, typer.Option("--all", help="Those that are over, too: the last ones.")] = False,
    program: Annotated[
        str | None, typer.Option(metavar="HREF", help="Of one program only, as /derp/1.")
    ] = None,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """List events that are not over, and who answered."""
    query = urlencode({"ended": str(ended).lower()} | ({"program": program} if program else {}))
    found = ask("GET", f"/api/events?{query}", api=api, data=data)
    if as_json:
        output.write_json(found)
    elif found:
        output.write(_table(found))
    else:
        output.say("No event. Next: openesi event send --limit 2kW --for 2m")


@app.command()
def show(
    event: Event,
    *,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Show an event: what it asks for, which device answered what, and who is silent."""
    found = ask("GET", _path(event), api=api, data=data)
    if as_json:
        output.write_json(found)
        return
    other = offers.facts({"href": found["href"], **found["event"]}) if "event" in found else None
    output.write(output.render_facts(other or _facts(found)))
    offers.write_answers(found)


@app.command()
def watch(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """Print a line whenever an event comes, changes, is answered or goes, until interrupted."""
    known: dict[str, Any] = {}
    output.say("Watching events; Ctrl+C ends.")
    while True:
        found = {event["href"]: event for event in ask("GET", "/api/events", api=api, data=data)}
        for event in changes(known, found):
            _write_change(event, as_json=as_json)
        known = found
        time.sleep(WATCH_S)


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events that came, changed status or were answered, and as ``over`` those that went."""
    gone = [event | {"status": "over"} for href, event in before.items() if href not in now]
    told = [
        event
        for href, event in now.items()
        if href not in before or any(event[name] != before[href][name] for name in ("status", "responses"))
    ]
    return told + gone


def _write_change(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.write_json_line(event)
        return
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    parts = (when, f"{event['status']:<10}", event["href"], _control(event), _answers(event))
    output.write("  ".join(part for part in parts if part))
    sys.stdout.flush()


def _facts(event: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Event", event["href"]),
        ("mRID", event["mrid"]),
        ("Status", event["status"].replace("_", " ")),
        ("Control", _control(event)),
        ("Start", _time(event["start"])),
        ("End", _time(event["start"] + event["duration"])),
        ("Answers", _answers(event) or "none"),
    ]


def _table(events: list[dict[str, Any]]) -> str:
    rows = [
        (
            event["href"],
            event["status"].replace("_", " "),
            _time(event["start"]),
            units.format_duration(event["duration"]),
            _control(event),
            _answers(event) or "-",
            event["description"] or "",
        )
        for event in events
    ]
    headers = ("event", "status", "start", "for", "control", "answers", "description")
    return output.render_table(headers, rows)


def _control(event: dict[str, Any]) -> str:
    parts = []
    for name, value in event["control"].items():
        if name == "opModMaxLimW":
            watts = f"{units.format_power(event['limit_w'])}, " if event["limit_w"] is not None else ""
            parts.append(f"limit {watts}{value / 100:g} % of setMaxW")
        elif name == "opModTargetW":
            parts.append(f"target {units.format_power(value['value'] * 10.0 ** value['multiplier'])}")
        elif name in _SWITCHES:
            parts.append(_SWITCHES[name][bool(value)])
        else:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def _answers(event: dict[str, Any]) -> str:
    told = [f"{count} {name.replace('_', ' ')}" for name, count in event["responses"].items() if count]
    return ", ".join(told)


def _path(event: str) -> str:
    if not re.fullmatch(r"/?[0-9A-Za-z-]+(/[0-9A-Za-z]+)*", event):
        raise WrongUsage(f"{event!r} is no event: give its href, as /derp/1/derc/1, or its mRID.")
    return f"/api/events/{event.lstrip('/')}"


_SWITCHES = {
    "opModConnect": ("disconnect", "connect"),
    "opModEnergize": ("cease to energize", "energize"),
}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
