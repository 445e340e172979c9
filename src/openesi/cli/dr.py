"""``openesi dr``: demand response, what loads are asked to do without."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Annotated, Any

import typer

from openesi.cli import offers, output, units
from openesi.cli.api import ApiUrl, RunningData
from openesi.cli.offers import Server
from openesi.cli.options import AsJson, RandomizeDuration, RandomizeStart, StartAt, noun_app
from openesi.cli.resource import DryRun
from openesi.errors import WrongUsage
from openesi.sep2.enums import ApplianceLoadReduction, DeviceCategory, Unit

app = noun_app(
    """Ask loads to use less, or more now and less later.

    \b
    openesi dr send --reduce 2kW --for 1h
    openesi dr send --cool +2C --category thermostat --for 2h --randomize-start 300
    openesi dr send --duty 50% --category water-heater --category pool-pump
    openesi dr list
    openesi dr cancel /dr/1/edc/1
    """
)

DEGREE = 10  # offsets are counted in tenths of a degree Celsius, set points in hundredths
HUNDREDTHS = 100
UINT16 = 65_535

# Names people use for single categories, beside the standard's own (WATER_HEATER as water-heater).
SHORT = {
    "thermostat": DeviceCategory.PROGRAMMABLE_THERMOSTAT,
    "appliance": DeviceCategory.SMART_APPLIANCE,
    "ev": DeviceCategory.ELECTRIC_VEHICLE,
    "lighting": DeviceCategory.INTERIOR_LIGHTING | DeviceCategory.EXTERIOR_LIGHTING,
    "heater": DeviceCategory.STRIP_HEATER | DeviceCategory.BASEBOARD_HEATER,
}
CATEGORIES = {one.name.lower().replace("_", "-"): one for one in DeviceCategory if one.name} | SHORT
LOADS = sum(one for one in DeviceCategory if one < DeviceCategory.VIRTUAL_OR_MIXED_DER)
APPLIANCES = {"delay": ApplianceLoadReduction.DELAY, "less": ApplianceLoadReduction.TEMPORARY_REDUCTION}


@app.command()
def send(
    *,
    reduce: Annotated[
        str | None, typer.Option(metavar="POWER", help="Use less by this: 2kW; or energy, 1kWh.")
    ] = None,
    duty: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Be on for at most this much of the time: 50%.")
    ] = None,
    less: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Use this much less than normal: 25%.")
    ] = None,
    cool: Annotated[
        str | None, typer.Option(metavar="TEMP", help="Cool to 26C, or +2C above what is set.")
    ] = None,
    heat: Annotated[
        str | None, typer.Option(metavar="TEMP", help="Heat to 19C, or -2C below what is set.")
    ] = None,
    appliance: Annotated[
        str | None, typer.Option(metavar="HOW", help="Appliances: delay their start, or use less.")
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="For these devices, as water-heater; all loads if not given."),
    ] = None,
    duration: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h; a day at most.")
    ] = "1h",
    start: StartAt = "now",
    randomize_start: RandomizeStart = None,
    randomize_duration: RandomizeDuration = None,
    override: Annotated[
        str | None, typer.Option(metavar="TIME", help="For how long people may overrule it and take part.")
    ] = None,
    mandatory: Annotated[
        bool, typer.Option("--mandatory", help="Opting out has consequences: devices ask people twice.")
    ] = False,
    forward: Annotated[
        bool, typer.Option("--shift-forward", help="Use more now, to use less later.")
    ] = False,
    program: Annotated[
        str | None, typer.Option(metavar="HREF", help="As /dr/1; if not given, the strongest there is.")
    ] = None,
    group: offers.Group = None,
    description: offers.Description = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Send an EndDeviceControl. A device does what fits it best of what is asked."""
    asked = _asked(
        reduce=reduce, duty=duty, less=less, cool=cool, heat=heat, appliance=appliance, forward=forward
    )
    if not asked:
        raise WrongUsage(
            "Say what to do: --reduce 2kW, --duty 50%, --cool +2C, --heat -2C or --appliance delay."
        )
    body = {
        **asked,
        "interval": {
            "start": units.parse_start(start, now=time.time()),
            "duration": units.parse_duration(duration),
        },
        "deviceCategory": f"{parse_categories(category or []):08X}",
        "drProgramMandatory": mandatory,
        "loadShiftForward": forward,
        "description": description,
        "overrideDuration": units.parse_duration(override) if override else None,
        "randomizeStart": randomize_start,
        "randomizeDuration": randomize_duration,
    }
    body = {name: value for name, value in body.items() if value is not None}
    server = Server(api, data)
    href = program or (None if group else _strongest(server))
    if href is None:
        path, body = "/dr", {"primacy": 1, "description": "Demand response", "EndDeviceControl": [body]}
    else:
        path = f"{offers.member_of(href, '/dr/N', '/dr/1')}/edc"
    sent = server.write("POST", path, body, dry_run=dry_run, group=group if path == "/dr" else None)
    if sent is None:
        return
    control = sent if "interval" in sent else server.members(f"{sent['href']}/edc", "EndDeviceControl")[0]
    if as_json:
        output.write_json(control)
        return
    output.write(output.render_facts(_facts(control)))
    output.say(
        f"\nWho follows: openesi dr show {control['href']}. Take it back: openesi dr cancel {control['href']}"
    )


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List controls of loads that are not over."""
    server = Server(api, data)
    found = [
        one
        for program in server.members("/dr", "DemandResponseProgram")
        for one in server.members(f"{program['href']}/edc", "EndDeviceControl")
    ]
    if as_json:
        output.write_json(found)
    elif found:
        rows = [
            (
                one["href"],
                offers.state(one),
                *offers.times(one),
                describe(one),
                _categories(one),
                one.get("description", ""),
            )
            for one in found
        ]
        headers = ("event", "status", "start", "for", "asks", "of", "description")
        output.write(output.render_table(headers, rows))
    else:
        output.say("No control. Next: openesi dr send --reduce 2kW --for 1h")


@app.command()
def available(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List what loads say they could shed."""
    server = Server(api, data)
    found = [
        {"device": device["lFDI"], **one}
        for device in server.members("/edev", "EndDevice")
        if device.get("LoadShedAvailabilityListLink", {}).get("all")
        for one in server.members(f"{device['href']}/lsl", "LoadShedAvailability")
    ]
    if as_json:
        output.write_json(found)
        return
    rows = [
        (
            one["device"],
            units.format_power(_watts(one["sheddablePower"])) if "sheddablePower" in one else "-",
            f"{one['sheddablePercent'] / 100:g} %" if "sheddablePercent" in one else "-",
            units.format_duration(one["availabilityDuration"]) if "availabilityDuration" in one else "-",
            one.get("DemandResponseProgramLink", {}).get("href", "any"),
        )
        for one in found
    ]
    if rows:
        output.write(output.render_table(("device", "power", "share", "for", "program"), rows))
    else:
        output.say("No load has said what it could shed. It does so when its program has thresholds: "
                   "openesi dr program --percent 5%")  # fmt: skip


@app.command()
def program(
    description: Annotated[
        str, typer.Argument(metavar="TEXT", help="At most 32 octets.")
    ] = "Demand response",
    *,
    primacy: Annotated[int, typer.Option(metavar="N", min=0, max=255, help="Lower wins.")] = 1,
    percent: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Loads tell when what they could shed moved by more.")
    ] = None,
    power: Annotated[
        str | None, typer.Option(metavar="POWER", help="Loads tell when what they could shed moved by more.")
    ] = None,
    group: offers.Group = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
) -> None:
    """Add a program, and say when loads are to tell what they could shed."""
    body: dict[str, Any] = {"description": description, "primacy": primacy}
    if percent is not None:
        body["availabilityUpdatePercentChangeThreshold"] = int(units.parse_share(percent) * HUNDREDTHS)
    if power is not None:
        body["availabilityUpdatePowerChangeThreshold"] = units.active_power(units.parse_power(power))
    made = Server(api, data).write("POST", "/dr", body, dry_run=dry_run, group=group)
    if made is not None:
        output.write(made["href"])


# --- in the standard's terms --------------------------------------------------------------------------------


def _asked(
    *,
    reduce: str | None,
    duty: str | None,
    less: str | None,
    cool: str | None,
    heat: str | None,
    appliance: str | None,
    forward: bool,
) -> dict[str, Any]:
    """Return what is asked for. The standard counts offsets without a sign; ``forward`` turns them round."""
    asked: dict[str, Any] = {}
    offset: dict[str, int] = {}
    point: dict[str, int] = {}
    if reduce is not None:
        asked["TargetReduction"] = parse_reduction(reduce)
    if duty is not None:
        asked["DutyCycle"] = {"normalValue": int(units.parse_share(duty))}
    if less is not None:
        offset["loadAdjustmentPercentageOffset"] = int(units.parse_share(less) * HUNDREDTHS)
    turned = -1 if forward else 1
    for text, name, sign in ((cool, "cooling", turned), (heat, "heating", -turned)):
        if text is not None:
            degrees, is_offset = units.parse_temperature(text)
            if is_offset and degrees * sign < 0:
                raise WrongUsage(
                    f"{text!r}: to use {'more' if forward else 'less'}, write it as {sign * 2:+}C."
                )
            if is_offset:
                offset[f"{name}Offset"] = round(abs(degrees) * DEGREE)
            else:
                point[f"{name}Setpoint"] = round(degrees * HUNDREDTHS)
    if appliance is not None:
        if appliance not in APPLIANCES:
            raise WrongUsage(f"{appliance!r}: appliances {' or use '.join(APPLIANCES)}.")
        asked["ApplianceLoadReduction"] = {"type": APPLIANCES[appliance]}
    return asked | ({"Offset": offset} if offset else {}) | ({"SetPoint": point} if point else {})


def parse_reduction(text: str) -> dict[str, int]:
    """Read what to use less: a power or an energy, in whole units that fit. Raises WrongUsage."""
    if text.strip().lower().endswith("wh"):
        energy_wh = units.parse_power(text.strip()[:-1])
        kind, value = Unit.KILOWATT_HOURS, energy_wh / 1_000
    else:
        power_w = units.parse_power(text)
        exact = power_w <= UINT16
        kind, value = (Unit.WATTS, power_w) if exact else (Unit.KILOWATTS, power_w / 1_000)
    if value != int(value) or not 0 < value <= UINT16:
        raise WrongUsage(
            f"{text!r}: the standard counts whole watts, kilowatts or kilowatt-hours up to {UINT16}."
        )
    return {"type": kind, "value": int(value)}


def parse_categories(names: list[str]) -> int:
    """Return the bits of device categories; those of all loads for none. Raises WrongUsage."""
    unknown = next((name for name in names if name.lower() not in CATEGORIES), None)
    if unknown is not None:
        raise WrongUsage(f"{unknown!r} is no category: {', '.join(sorted(CATEGORIES))}.")
    found = 0
    for name in names:
        found |= CATEGORIES[name.lower()]
    return found or LOADS


# --- for people ---------------------------------------------------------------------------------------------


def describe(control: dict[str, Any]) -> str:
    """Return what a control asks for, as people say it."""
    told = []
    if "TargetReduction" in control:
        kind, value = control["TargetReduction"]["type"], control["TargetReduction"]["value"]
        unit = _UNITS.get(kind, f"of unit {kind}")
        told.append(f"{value} {unit} less")
    if "DutyCycle" in control:
        told.append(f"on {control['DutyCycle']['normalValue']} % of the time")
    offset, point = control.get("Offset", {}), control.get("SetPoint", {})
    turned = -1 if control.get("loadShiftForward") else 1
    for name, sign in (("cooling", 1), ("heating", -1)):
        if f"{name}Offset" in offset:
            told.append(f"{name} {turned * sign * offset[f'{name}Offset'] / DEGREE:+g} °C")
        if f"{name}Setpoint" in point:
            told.append(f"{name} to {point[f'{name}Setpoint'] / HUNDREDTHS:g} °C")
    if "loadAdjustmentPercentageOffset" in offset:
        more = "more" if turned < 0 else "less"
        told.append(f"{offset['loadAdjustmentPercentageOffset'] / HUNDREDTHS:g} % {more}")
    if "ApplianceLoadReduction" in control:
        kind = control["ApplianceLoadReduction"]["type"]
        told.append(
            next((f"appliances {name}" for name, one in APPLIANCES.items() if one == kind), f"{kind}")
        )
    return ", ".join(told)


_UNITS = {Unit.KILOWATT_HOURS: "kWh", Unit.KILOWATTS: "kW", Unit.WATTS: "W"}


def _categories(control: dict[str, Any]) -> str:
    wanted = int(control["deviceCategory"], 16)
    if wanted == LOADS:
        return "all loads"
    return ", ".join(
        one.name.lower().replace("_", "-") for one in DeviceCategory if one & wanted and one.name
    )


def _facts(control: dict[str, Any]) -> list[tuple[str, str]]:
    spread = [control.get(name, 0) for name in ("randomizeStart", "randomizeDuration")]
    overrule = control.get("overrideDuration")
    told = [
        *offers.facts(control),
        ("Asks", describe(control)),
        ("Of", _categories(control)),
        ("Spread", f"start {spread[0]:+} s, duration {spread[1]:+} s" if any(spread) else ""),
        ("Override", units.format_duration(overrule) if overrule else ""),
        ("Mandatory", "yes" if control.get("drProgramMandatory") else ""),
    ]
    return [(name, value) for name, value in told if value]


def _strongest(server: Server) -> str | None:
    found = server.members("/dr", "DemandResponseProgram")
    return found[0]["href"] if found else None


def _watts(power: dict[str, int]) -> float:
    return float(Decimal(power["value"]).scaleb(power["multiplier"]))


offers.add_show(app, _facts, "Show a control: which device did what, and who is silent.")
offers.add_cancel(app, "Cancel controls.")
offers.add_remove(
    app,
    "/dr/N(/edc/N)?",
    "/dr/1",
    "Remove a program with its controls, or one control. Devices that know it are better told: cancel it.",
)
