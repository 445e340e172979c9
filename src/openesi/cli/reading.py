"""``openesi reading``: what meters measured, as it stands on the server, and readings of the operator's."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from openesi.cli import output, tree, units
from openesi.cli.api import ApiUrl, RunningData
from openesi.cli.options import AsJson, noun_app
from openesi.cli.resource import DryRun
from openesi.errors import LocalError
from openesi.sep2.enums import FlowDirection, RoleFlag, Uom

app = noun_app(
    """Show what meters measured, and set readings of usage points that are the operator's.

    \b
    openesi reading list
    openesi reading show /upt/1/mr/1
    openesi reading set /upt/1/mr/1 1234

    A usage point of your own: openesi resource add /upt FILE --device LFDI
    """
)

Quantity = Annotated[str, typer.Argument(metavar="QUANTITY", help="Its href, as /upt/1/mr/1.")]
_SHOWN = 50  # usage points of a listing; each costs three requests for every quantity
_SYMBOLS = {Uom.WATTS: "W", Uom.WATT_HOURS: "Wh", Uom.VOLTS: "V", Uom.AMPERES: "A", Uom.HERTZ: "Hz",
            Uom.VARS: "var", Uom.VAR_HOURS: "varh", Uom.VOLT_AMPERES: "VA", Uom.CUBIC_METRES: "m3",
            Uom.LITRES: "l", Uom.THERMS: "therm"}  # fmt: skip


@app.command("list")
def list_(
    point: Annotated[
        str | None, typer.Argument(metavar="[POINT]", help="One usage point, as /upt/1.")
    ] = None,
    *,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """List quantities with their present values: of all usage points (the first 50), or of one."""
    if point is not None:
        points = [tree.look(tree.below(point, "/upt"), api=api, data=data)]
    else:
        points = tree.members("/upt", "UsagePoint", api=api, data=data)[:_SHOWN]
    found = []
    for one in points:
        quantities = tree.members(f"{one['href']}/mr", "MeterReading", api=api, data=data)
        found.append({**one, "MeterReading": [_with_values(each, api, data) for each in quantities]})
    if as_json:
        output.write_json(found)
        return
    rows = [
        (
            quantity["href"],
            one.get("description"),
            "mirror" if int(one["roleFlags"], 16) & RoleFlag.IS_MIRROR else "operator's",
            quantity.get("description"),
            _direction(quantity["ReadingType"]),
            _valued(quantity.get("Reading"), quantity["ReadingType"]),
            quantity.get("ReadingSetListLink", {}).get("all", 0),
        )
        for one in found
        for quantity in one["MeterReading"]
    ]
    headers = ("quantity", "usage point", "by", "description", "flow", "now", "sets")
    output.write(output.render_table(headers, rows))


@app.command()
def show(
    quantity: Quantity,
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="Newest reading sets.")] = 1,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Show a quantity: its type, its present value, its newest reading sets."""
    path = _quantity(quantity)
    found = _with_values(tree.look(path, api=api, data=data), api, data)
    sets = tree.look(f"{path}/rs", api=api, data=data, limit=limit).get("ReadingSet", [])
    for one in sets:
        one["Reading"] = tree.members(f"{one['href']}/r", "Reading", api=api, data=data)
    found["ReadingSet"] = sets
    if as_json:
        output.write_json(found)
        return
    kind = found["ReadingType"]
    facts = [
        ("Quantity", found["href"]),
        ("Description", found.get("description")),
        ("Flow", _direction(kind)),
        ("Now", _valued(found.get("Reading"), kind)),
    ]
    output.write(output.render_facts(facts))
    rows = [
        (
            _instant(each.get("timePeriod", one["timePeriod"])["start"]),
            each.get("localID"),
            each.get("touTier"),
            each.get("consumptionBlock"),
            _valued(each, kind),
        )
        for one in sets
        for each in one["Reading"]
    ]
    output.write("\n" + output.render_table(("from", "place", "tier", "block", "value"), rows))


@app.command("set")
def set_(
    quantity: Quantity,
    value: Annotated[int, typer.Argument(metavar="VALUE", help="In the scale of its type.")],
    *,
    at: Annotated[str, typer.Option(metavar="TIME", help="When it was read.")] = "now",
    tier: Annotated[int | None, typer.Option(metavar="N", min=0, max=15)] = None,
    block: Annotated[int | None, typer.Option(metavar="N", min=0, max=16)] = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Set the present value of a quantity that is the operator's."""
    path = _quantity(quantity)
    point = tree.look(path.partition("/mr/")[0], api=api, data=data)
    if int(point["roleFlags"], 16) & RoleFlag.IS_MIRROR:
        raise LocalError(f"{path} mirrors what a device posts: its next reading would replace yours.")
    read_at = {"start": units.parse_start(at, now=time.time()), "duration": 0}
    body = {"value": value, "touTier": tier, "consumptionBlock": block, "timePeriod": read_at}
    made = tree.write("PUT", f"{path}/r", body, dry_run=dry_run, api=api, data=data)
    tree.show(made, as_json=as_json)


def _with_values(quantity: dict[str, Any], api: str | None, data: Any) -> dict[str, Any]:
    kind = tree.look(quantity["ReadingTypeLink"]["href"], api=api, data=data)
    latest = quantity.get("ReadingLink")
    value = {"Reading": tree.look(latest["href"], api=api, data=data)} if latest else {}
    return {**quantity, "ReadingType": kind, **value}


def _quantity(path: str) -> str:
    point, _, _ = path.partition("/mr/")
    return tree.below(path, f"{tree.below(point, '/upt')}/mr")


def _valued(reading: dict[str, Any] | None, kind: dict[str, Any]) -> str | None:
    if reading is None or "value" not in reading:
        return None
    number = tree.money(reading["value"], kind.get("powerOfTenMultiplier", 0))
    uom = kind.get("uom", 0)
    symbol = _SYMBOLS.get(Uom(uom)) if uom in set(Uom) else None
    return f"{number} {symbol or f'uom {uom}'}"


def _direction(kind: dict[str, Any]) -> str | None:
    flows = {FlowDirection.FORWARD: "import", FlowDirection.REVERSE: "export"}
    return next((text for flow, text in flows.items() if kind.get("flowDirection") == flow), None)


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
