"""``openesi rates``: how often devices are asked to poll and to post."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from openesi.cli import output, units
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.options import AsJson, noun_app
from openesi.errors import WrongUsage

app = noun_app(
    """Show and set how often devices poll and post.

    \b
    openesi rates show
    openesi rates set --poll 5m --post 1m --type DERProgramList=30s
    openesi rates reset
    """
)


@app.command()
def show(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """Show the rates in force."""
    _print(ask("GET", "/api/rates", api=api, data=data), as_json=as_json)


@app.command("set")
def set_(
    *,
    poll: Annotated[
        str | None, typer.Option(metavar="TIME", help="pollRate of all types but those set: 5m.")
    ] = None,
    post: Annotated[str | None, typer.Option(metavar="TIME", help="postRate of new mirrors: 1m.")] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE=TIME", help="pollRate of a type; repeatable.")
    ] = None,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Set rates; they hold from the next answer on, and what is not named stays."""
    if poll is None and post is None and not types:
        raise WrongUsage("Say what to set: --poll 5m, --post 1m or --type DERProgramList=30s.")
    rates = ask("GET", "/api/rates", api=api, data=data)
    if poll is not None:
        rates["default_poll_s"] = units.parse_duration(poll)
    if post is not None:
        rates["post_s"] = units.parse_duration(post)
    rates["poll_s"] |= dict(_parse_type(one) for one in types or ())
    _print(ask("PUT", "/api/rates", api=api, data=data, body=rates), as_json=as_json)


@app.command()
def reset(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """Go back to the rates that the server was started with."""
    _print(ask("PUT", "/api/rates", api=api, data=data, body={}), as_json=as_json)


def _parse_type(text: str) -> tuple[str, int]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise WrongUsage(f"{text!r} is no TYPE=TIME, as DERProgramList=30s.")
    return name, units.parse_duration(value)


def _print(rates: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.write_json(rates)
        return
    rows = [(f"poll {name}", units.format_duration(value)) for name, value in sorted(rates["poll_s"].items())]
    rows += [
        ("poll all else", units.format_duration(rates["default_poll_s"])),
        ("post", units.format_duration(rates["post_s"])),
    ]
    output.write(output.render_facts(rows))
