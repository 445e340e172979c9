"""``openesi resource``: all that the server shows, read and written in the standard's terms."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from openesi.cli import output
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.options import AsJson, noun_app
from openesi.errors import LocalError, WrongUsage

app = noun_app(
    """Read and write any resource of a running server, in the standard's terms, as JSON.

    \b
    openesi resource table
    openesi resource get /derp/1 --deep 2
    openesi resource add /tp tariff.json --dry-run
    openesi resource set /derp/1 primacy=3
    openesi resource remove /derp/1/dc/1
    """
)

Place = Annotated[str, typer.Argument(metavar="PATH", help="As devices see it: /derp/1/derc.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="JSON; - for standard input.", allow_dash=True)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Write nothing; print the XML that devices would get.")
]
Device = Annotated[
    str | None, typer.Option(metavar="LFDI", help="Whose it is, where everyone sees their own.")
]
Group = Annotated[
    list[str] | None,
    typer.Option(metavar="HREF", help="Assigned to this group, seen by it alone; repeatable."),
]


@app.command()
def table(*, api: ApiUrl = None, data: RunningData = None) -> None:
    """List what there is: path, type, what devices may do, what the operator writes."""
    found = ask("GET", "/api/resources", api=api, data=data)
    rows = [
        (one["path"], one["type"], " ".join(one["device_methods"]), "yes" if one["operator_writes"] else "")
        for one in found
    ]
    output.write(output.render_table(("path", "type", "devices", "operator writes"), rows))


@app.command()
def get(
    path: Place,
    *,
    deep: Annotated[int, typer.Option(metavar="N", min=0, help="With N levels of what stands below.")] = 0,
    start: Annotated[int, typer.Option(metavar="N", min=0, help="Of a list: the first member.")] = 0,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="Of a list: how many members.")] = 255,
    xml: Annotated[bool, typer.Option("--xml", help="As it is served, in XML.")] = False,
    api: ApiUrl = None,
    data: RunningData = None,
) -> None:
    """Print a resource or list as JSON."""
    query = {"deep": deep, "start": start, "limit": limit} | ({"format": "xml"} if xml else {})
    _print(ask("GET", _target(path, query), api=api, data=data))


@app.command()
def add(
    path: Place,
    file: File,
    *,
    device: Device = None,
    group: Group = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
) -> None:
    """Add to a list what a file says: an object, or an array of them (all, or none)."""
    query: dict[str, Any] = {"device": device} if device else {}
    query |= {"group": ",".join(group)} if group else {}
    _print(ask("POST", _target(path, query | _dry(dry_run)), api=api, data=data, body=_read(file)))


@app.command()
def put(
    path: Place, file: File, *, dry_run: DryRun = False, api: ApiUrl = None, data: RunningData = None
) -> None:
    """Write a resource over the one at its place."""
    _print(ask("PUT", _target(path, _dry(dry_run)), api=api, data=data, body=_read(file)))


@app.command("set")
def set_(
    path: Place,
    changes: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="VALUE is JSON, or else text; null removes.")
    ],
    *,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
) -> None:
    """Change fields of a resource."""
    body = dict(_parse_change(one) for one in changes)
    _print(ask("PATCH", _target(path, _dry(dry_run)), api=api, data=data, body=body))


@app.command()
def who(path: Place, *, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """Tell who sees a resource: every registered device, groups alone, or the one whose own it is."""
    _target(path, {})
    found = ask("GET", f"/api/visible{quote(path)}", api=api, data=data)
    if as_json:
        output.write_json(found)
        return
    everyone = {"public": "every registered device", "assigned": "groups alone", "device": found["lfdi"]}
    facts = [("Seen by", everyone[found["visible"]]), ("Groups", " ".join(found["groups"]) or "-")]
    output.write(output.render_facts(facts))


@app.command()
def remove(path: Place, *, api: ApiUrl = None, data: RunningData = None) -> None:
    """Remove a resource and all below it."""
    removed = ask("DELETE", _target(path, {}), api=api, data=data)["removed"]
    output.say(f"Removed {path}: {removed} {'resource' if removed == 1 else 'resources'}.")


def _target(path: str, query: dict[str, Any]) -> str:
    if not path.startswith("/") or ".." in path:
        raise WrongUsage(
            f"{path!r} is no path as devices see it: /derp/1. `openesi resource table` lists them."
        )
    asked = f"?{urlencode(query)}" if query else ""
    return f"/api/resources{quote(path)}{asked}"


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dry_run": "true", "format": "xml"} if dry_run else {}


def _read(file: Path) -> Any:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        return json.loads(text)
    except OSError as error:
        raise LocalError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise LocalError(f"{file} is no JSON: {error}.") from None


def _parse_change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise WrongUsage(f"{text!r} is no NAME=VALUE, as primacy=3.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _print(found: Any) -> None:
    output.write(found) if isinstance(found, str) else output.write_json(found)
