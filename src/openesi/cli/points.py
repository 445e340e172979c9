"""``openesi points``: DER devices as SunSpec points, read and set."""

from __future__ import annotations

import math
import re
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from openesi.cli import output, units
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.options import AsJson, noun_app
from openesi.errors import WrongUsage

app = noun_app(
    """Read and write DER devices as SunSpec points.

    \b
    openesi points scrape 167261211391
    openesi points get 167261211391 b802_SoC
    openesi points set 167261211391 b124_WChaMax 3000
    openesi points revert 167261211391 b124_WChaMax
    """
)

WATCH_S = 1.0
MAX_SCRAPED = 1_000  # devices that the server tells at once
Device = Annotated[str, typer.Argument(metavar="SFDI", help="The device's SFDI, or its LFDI.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The point, as b124_WChaMax.")]


@app.command()
def get(
    device: Device,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The point; all if not given.")] = None,
    *,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Read one point, or all of a device."""
    if name is None:
        scrape(device, api=api, data=data, as_json=as_json)
        return
    found = ask("GET", _path(device, name), api=api, data=data)
    output.write_json(found) if as_json else output.write(_shown(found["value"]))


@app.command("set", context_settings={"ignore_unknown_options": True})  # -5000 is a value
def set_(
    device: Device,
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="A number, in the point's unit; 0 is one.")],
    *,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 90s, 2m, 1.5h.")] = "24h",
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Set a point: the device, and no other, gets a DERControl that does it."""
    body = {"value": _number(value), "duration_s": units.parse_duration(duration)}
    found = ask("PUT", _path(device, name), api=api, data=data, body=body)
    if as_json:
        output.write_json(found)
        return
    output.write(_shown(found["value"]))
    output.say(f"{found['event']} sets it. Take it back: openesi points revert {device} {name}")


@app.command()
def revert(
    device: Device,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The point; all if not given.")] = None,
    *,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Take back what was set; what applied before applies again."""
    path = _path(device) if name is None else _path(device, name)
    found = ask("DELETE", path, api=api, data=data)
    if as_json:
        output.write_json(found)
    else:
        output.say("Taken back." if found["cancelled"] else "Nothing was set.")


@app.command()
def scrape(
    device: Annotated[
        str | None, typer.Argument(metavar="SFDI", help="The device; every one if not given.")
    ] = None,
    *,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Read all points of a device, or of every device."""
    if device is not None:
        found = ask("GET", _path(device), api=api, data=data)
        if as_json:
            output.write_json(found)
            return
        about = {row["Point"]: row for row in _config(device, api, data)["rows"]}
        rows = [
            (name, _shown(value), about.get(name, {}).get("Units", ""), about.get(name, {}).get("Notes", ""))
            for name, value in found["values"].items()
        ]
        output.write(output.render_table(("point", "value", "unit", "what"), rows))
        return
    everything = _scrape_all(api, data)
    if as_json:
        output.write_json(everything)
        return
    told = [
        (one["sfdi"], name, _shown(value))
        for one in everything
        for name, value in one["values"].items()
        if value is not None
    ]
    output.write(output.render_table(("device", "point", "value"), told))


@app.command()
def config(
    device: Annotated[
        str | None, typer.Argument(metavar="SFDI", help="The device; those without a table if not given.")
    ] = None,
    file: Annotated[
        Path | None, typer.Argument(metavar="CSV", help="A table to give it; tell the present one if none.")
    ] = None,
    *,
    semantics: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose numbers: documented or volttron-raw.")
    ] = None,
    everyone: Annotated[
        Path | None,
        typer.Option("--everyone", metavar="CSV", help="A table for all that have none of their own."),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Forget the table; the packaged one applies.")
    ] = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Tell or change which points a device has.

    \b
    openesi points config > points.csv
    openesi points config 167261211391 points.csv
    openesi points config --everyone ieee2030_5.csv --semantics volttron-raw
    """
    if everyone is not None and device is not None:
        raise WrongUsage("Give a device or --everyone, not both.")
    path = "/api/points-config" + (f"/{_device(device)}" if device is not None else "")
    table = everyone or file
    if reset:
        ask("DELETE", path, api=api, data=data)
    elif table is not None or semantics is not None:
        body: dict[str, Any] = {} if semantics is None else {"semantics": semantics}
        if table is not None:
            body["csv"] = _read(table)
        elif (known := ask("GET", path, api=api, data=data)) is not None:
            body["rows"] = known["rows"]
        ask("PUT", path, api=api, data=data, body=body)
    found = ask("GET", path, api=api, data=data)
    if as_json:
        output.write_json(found)
        return
    output.write(_csv(found["rows"]))
    output.say(f"Points: {len(found['rows'])}. Values: {found['semantics']}.")


@app.command()
def history(
    device: Device,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The point; all if not given.")] = None,
    *,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Tell how points changed since somebody first asked; the server keeps the last 1,000 changes."""
    query = f"?{urlencode({'name': name})}" if name is not None else ""
    found = ask("GET", f"/api/points-history/{_device(device)}{query}", api=api, data=data)
    if as_json:
        output.write_json(found)
        return
    rows = [(_time(at), point, _shown(value)) for at, point, value in found["rows"]]
    output.write(output.render_table(("time", "point", "value"), rows))


@app.command()
def watch(device: Device, *, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """Print points as they change, until interrupted."""
    known: dict[str, Any] = {}
    output.say("Watching points; Ctrl+C ends.")
    while True:
        values = ask("GET", _path(device), api=api, data=data)["values"]
        now = time.time()
        for name, value in values.items():
            if known.get(name) != value:
                line = {"at": round(now, 1), "name": name, "value": value}
                if as_json:
                    output.write_json_line(line)
                else:
                    output.write(f"{_time(now)}  {name:<18}{_shown(value)}")
        sys.stdout.flush()
        known = values
        time.sleep(WATCH_S)


def _scrape_all(api: str | None, data: Path | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = ask("GET", f"/api/points?start={len(found)}&limit={MAX_SCRAPED}", api=api, data=data)
        found += page
        if len(page) < MAX_SCRAPED:
            return found


def _config(device: str, api: str | None, data: Path | None) -> Any:
    return ask("GET", f"/api/points-config/{_device(device)}", api=api, data=data)


def _path(device: str, name: str | None = None) -> str:
    return f"/api/points/{_device(device)}" + (f"/{quote(name, safe='')}" if name is not None else "")


def _device(named: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f-]{3,60}", named):
        raise WrongUsage(f"{named!r} is no SFDI and no LFDI: `openesi device list` shows them.")
    return named


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise WrongUsage(f"{text!r} is no number. Give W as 3000, without a unit.") from None
    if not math.isfinite(value):
        raise WrongUsage(f"{text!r} is no number that can be set.")
    return value


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongUsage(f"{file} is no text in UTF-8.") from None


def _csv(rows: list[dict[str, str]]) -> str:
    import csv  # only this command writes it
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def _shown(value: object) -> str:
    return (
        "-"
        if value is None
        else f"{value:.15g}"  # what was set comes back so, without binary noise
        if isinstance(value, float)
        else str(value)
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
