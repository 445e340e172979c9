"""``openesi program``: what events belong to, and what applies while there is none."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from openesi.cli import output, units
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.options import AsJson, noun_app

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
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Add a program whose default limits nothing."""
    made = ask(
        "POST", "/api/programs", api=api, data=data, body={"description": description, "primacy": primacy}
    )
    output.write_json(made) if as_json else output.write(made["href"])


@app.command()
def default(
    *,
    limit: Annotated[
        str, typer.Option(metavar="POWER", help="Most power while no event applies: 2kW or 80%.")
    ],
    program: Annotated[str, typer.Option(metavar="HREF", help="The program it belongs to.")] = "/derp/1",
    api: ApiUrl = None,
    data: RunningData = None,
) -> None:
    """Set what applies while no event does."""
    unit, value = units.parse_limit(limit)
    ask("PUT", "/api/default", api=api, data=data, body={"program": program, f"limit_{unit}": float(value)})
    output.say(f"{program} limits to {limit} while no event applies.")


def _default(program: dict[str, Any]) -> str:
    percent = program["default_limit_percent"]
    return f"{percent:g} %" if percent is not None else "-"
