"""``openesi program``: what events belong to, and what applies while there is none."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from openesi.cli import output, units
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.modes import parse_modes
from openesi.cli.options import AsJson, noun_app
from openesi.errors import WrongUsage

app = noun_app(
    """Make and list programs.

    \b
    openesi program add "Feeder 12" --primacy 10
    openesi program default --limit 80%
    """
)


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List programs, the strongest first."""
    found = ask("GET", "/api/programs", api=api, data=data)
    if as_json:
        output.write_json(found)
        return
    rows = [
        (one["href"], one["primacy"], one["description"] or "", _default(one), one["mrid"]) for one in found
    ]
    output.write(output.render_table(("program", "primacy", "description", "default", "mRID"), rows))


@app.command()
def add(
    description: Annotated[str, typer.Argument(metavar="TEXT", help="At most 32 octets.")],
    *,
    primacy: Annotated[int, typer.Option(metavar="N", min=0, max=255, help="Lower wins.")] = 1,
    group: Annotated[
        list[str] | None, typer.Option(metavar="HREF", help="For this group alone, as /fsa/1; repeatable.")
    ] = None,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Add a program whose default limits nothing."""
    body = {"description": description, "primacy": primacy, "groups": group or []}
    made = ask("POST", "/api/programs", api=api, data=data, body=body)
    output.write_json(made) if as_json else output.write(made["href"])


@app.command("set")
def set_(
    program: Annotated[str, typer.Argument(metavar="HREF", help="The program, as /derp/1.")],
    *,
    primacy: Annotated[int | None, typer.Option(metavar="N", min=0, max=255, help="Lower wins.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="At most 32 octets.")] = None,
    api: ApiUrl = None,
    data: RunningData = None,
) -> None:
    """Change a program."""
    given = {"primacy": primacy, "description": description}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise WrongUsage("Say what to change: --primacy 3 or --description TEXT.")
    ask("PATCH", f"/api/resources{_checked(program)}", api=api, data=data, body=changes)
    output.say(f"{program} is changed; devices learn of it at their next poll.")


@app.command()
def remove(
    program: Annotated[str, typer.Argument(metavar="HREF", help="The program, as /derp/2.")],
    *,
    api: ApiUrl = None,
    data: RunningData = None,
) -> None:
    """Remove a program with its controls and curves. Cancel what is active first."""
    ask("DELETE", f"/api/resources{_checked(program)}", api=api, data=data)
    output.say(f"Removed {program}.")


@app.command()
def default(
    *,
    limit: Annotated[
        str | None, typer.Option(metavar="POWER", help="Most power while no event applies: 2kW or 80%.")
    ] = None,
    modes: Annotated[
        list[str] | None, typer.Option("--set", metavar="MODE=VALUE", help="Any mode: opModExpLimW=5kW.")
    ] = None,
    program: Annotated[str, typer.Option(metavar="HREF", help="The program it belongs to.")] = "/derp/1",
    api: ApiUrl = None,
    data: RunningData = None,
) -> None:
    """Set what applies while no event does."""
    body: dict[str, Any] = {"program": program}
    if limit is not None:
        unit, value = units.parse_limit(limit)
        body[f"limit_{unit}"] = float(value)
    if modes:
        body["control"] = parse_modes(modes)
    if len(body) == 1:
        raise WrongUsage("Say what applies: --limit 80% or --set MODE=VALUE.")
    ask("PUT", "/api/default", api=api, data=data, body=body)
    output.say(f"{program}: {' '.join(filter(None, (limit, *(modes or ()))))} while no event applies.")


def _checked(program: str) -> str:
    if re.fullmatch(r"/derp/[0-9]+", program) is None:
        raise WrongUsage(f"{program!r} is no program as /derp/1: `openesi program list` shows them.")
    return program


def _default(program: dict[str, Any]) -> str:
    percent = program["default_limit_percent"]
    return f"{percent:g} %" if percent is not None else "-"
