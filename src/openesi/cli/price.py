"""``openesi price``: tariffs, laid out over days from a line for each rate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import typer

from openesi.cli import offers, output, tariffs, units
from openesi.cli.api import ApiUrl, RunningData
from openesi.cli.offers import Server
from openesi.cli.options import AsJson, RandomizeDuration, RandomizeStart, StartAt, noun_app, time_zone
from openesi.cli.resource import DryRun
from openesi.cli.tariffs import Rate, Slot, Terms
from openesi.errors import LocalError, WrongUsage
from openesi.sep2.enums import EventState, FlowDirection

app = noun_app(
    """Set and list prices.

    \b
    openesi price set 0.31/kWh --currency EUR
    openesi price set 0.22/kWh '16:00-21:00 0.45/kWh' --feed-in 0.08/kWh --days 7
    openesi price set '0.20/kWh >100kWh 0.30/kWh' --name "Blocks"
    openesi price list
    openesi price override /tp/1 0.95/kWh --at 'in 10m' --for 2h
    openesi price remove /tp/1
    """
)

Tariff = Annotated[str, typer.Argument(metavar="TARIFF", help="As /tp/1.")]
Zone = Annotated[
    str | None, typer.Option("--timezone", metavar="ZONE", help="Whose hours; this machine's if not given.")
]
ALIVE = (EventState.SCHEDULED, EventState.ACTIVE)
ROLE = "0002"  # the meter of the premises (isPremisesAggregationPoint)


@app.command("set")
def set_(
    rates: Annotated[
        list[str],
        typer.Argument(metavar="RATE...", help="0.31/kWh, '16:00-21:00 0.45/kWh', 'sat-sun 0.20/kWh'."),
    ],
    *,
    feed_in: Annotated[
        list[str] | None, typer.Option(metavar="RATE", help="What is paid for what is fed in; repeatable.")
    ] = None,
    emissions: Annotated[
        str | None, typer.Option(metavar="GRAMS", help="CO2 of what is used, as 430g/kWh.")
    ] = None,
    days: Annotated[
        int, typer.Option(metavar="N", min=1, max=tariffs.MAX_DAYS, help="Today, and so many days in all.")
    ] = 7,
    name: Annotated[str, typer.Option(metavar="TEXT", help="At most 32 octets.")] = "Tariff",
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="EUR, USD, ... or its ISO 4217 number.")
    ] = None,
    commodity: Annotated[
        str, typer.Option(metavar="NAME", help=f"{', '.join(tariffs.COMMODITIES)}.")
    ] = "electricity",
    primacy: Annotated[int, typer.Option(metavar="N", min=0, max=255, help="Lower wins.")] = 1,
    tariff: Annotated[
        str | None, typer.Option(metavar="HREF", help="Bring this tariff up to date, as /tp/1.")
    ] = None,
    timezone: Zone = None,
    randomize_start: RandomizeStart = None,
    randomize_duration: RandomizeDuration = None,
    group: Annotated[
        list[str] | None, typer.Option(metavar="HREF", help="For this group alone, as /fsa/1; repeatable.")
    ] = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Set prices for today and the days to come, in one call. Where rates meet, the last one given counts.

    With --tariff only what is not there yet is added: run it daily to stay some days ahead.
    """
    if commodity not in tariffs.COMMODITIES:
        raise WrongUsage(f"{commodity!r} is no commodity: {', '.join(tariffs.COMMODITIES)}.")
    parts = [
        (reverse, [tariffs.parse_rate(text) for text in texts])
        for reverse, texts in ((False, rates), (True, feed_in or []))
        if texts
    ]
    plan = _Plan(
        parts=parts,
        commodity=commodity,
        days=days,
        now=time.time(),
        zone=time_zone(timezone) if timezone else None,
        cost=tariffs.parse_emissions(emissions) if emissions else None,
        spread={"randomizeStart": randomize_start, "randomizeDuration": randomize_duration},
    )
    server = Server(api, data)
    if tariff is not None:
        added = _update(server, tariff, plan, dry_run=dry_run)
        if as_json and not dry_run:
            output.write_json({"created": len(added), "hrefs": added})
        elif not dry_run:
            output.say(f"{tariff}: {len(added)} intervals added." if added else f"{tariff} is up to date.")
        return
    multiplier = tariffs.terms_of([rate for _, part in plan.parts for rate in part]).multiplier
    body: dict[str, Any] = {
        "description": name,
        "primacy": primacy,
        "pricePowerOfTenMultiplier": multiplier,
        "serviceCategoryKind": tariffs.COMMODITIES[commodity][1],
        "RateComponent": [_component(plan, part, reverse, multiplier) for reverse, part in plan.parts],
    }
    if currency is not None:
        body["currency"] = tariffs.parse_currency(currency)
    made = server.write("POST", "/tp", body, dry_run=dry_run, group=group)
    if made is None:
        return
    if as_json:
        output.write_json(made)
        return
    output.write(made["href"])
    output.say(f"\nWhat holds when: openesi price show {made['href']}")


@app.command()
def override(
    tariff: Tariff,
    price: Annotated[str, typer.Argument(metavar="PRICE", help="0.95/kWh")],
    *,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h.")] = "1h",
    start: StartAt = "now",
    feed_in: Annotated[bool, typer.Option("--feed-in", help="The price of what is fed in.")] = False,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Set another price for a while; what held before holds again after it."""
    rate = tariffs.parse_rate(price)
    if rate._replace(steps=(), unit="") != Rate(frozenset(range(7)), 0, tariffs.DAY_S, (), ""):
        raise WrongUsage(f"{price!r}: the time is told by --at and --for; write the price alone.")
    server = Server(api, data)
    at, length = units.parse_start(start, now=time.time()), units.parse_duration(duration)
    profile, component = _find(server, tariff, reverse=feed_in)
    kind = _kind(server, component)
    _expect_unit(rate, kind)
    multiplier = profile.get("pricePowerOfTenMultiplier", 0)
    special = tariffs.intervals(
        [Slot(at, length, rate.steps)], tariffs.terms_of([rate], multiplier=multiplier)
    )[0]
    special["touTier"] = _tier_of(rate.steps[0][1].scaleb(-multiplier), component, kind)
    listing = component["TimeTariffIntervalListLink"]["href"]
    # A superseded interval is never resumed, so what is left of it after the override is sent again.
    rests = [rest for one in _live(component) if (rest := _rest(one, at, at + length)) is not None]
    made = server.write("POST", listing, [special, *rests], dry_run=dry_run)
    if made is None:
        return
    if as_json:
        output.write_json(made)
        return
    output.write(made["hrefs"][0])
    output.say(f"\n{len(made['hrefs']) - 1} intervals follow it with what held before.")


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List tariffs, and what each costs now."""
    server = Server(api, data)
    found = [
        {**profile, "RateComponent": server.members(f"{profile['href']}/rc", "RateComponent")}
        for profile in server.members("/tp", "TariffProfile")
    ]
    if as_json:
        output.write_json(found)
        return
    rows = [
        (
            profile["href"],
            profile.get("description", ""),
            profile["primacy"],
            _direction(kind),
            *_now(server, profile, component, kind),
        )
        for profile in found
        for component in profile["RateComponent"]
        for kind in [server.get(component["ReadingTypeLink"]["href"], limit=1)]
    ]
    if rows:
        headers = ("tariff", "name", "primacy", "of what is", "price now", "until", "intervals")
        output.write(output.render_table(headers, rows))
    else:
        output.say("No tariff. Next: openesi price set 0.31/kWh --currency EUR")


@app.command()
def show(
    tariff: Annotated[
        str, typer.Argument(metavar="TARIFF", help="As /tp/1; or an interval, who knows of it.")
    ],
    *,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Show what a tariff costs when; of one interval, which device has it."""
    server = Server(api, data)
    if "/tti/" in tariff:
        offers.write_event(server.event(tariff), offers.facts, as_json=as_json)
        return
    profile = server.get(offers.member_of(tariff, "/tp/N", "/tp/1"), deep=4)
    if as_json:
        output.write_json(profile)
        return
    rows = [
        (
            interval["href"],
            _direction(kind),
            offers.state(interval),
            *offers.times(interval),
            interval["touTier"],
            _price(profile, kind, _blocks(interval)),
        )
        for component in profile.get("RateComponent", [])
        for kind in [_kind(server, component)]
        for interval in component.get("TimeTariffInterval", [])
    ]
    output.write(
        output.render_table(("interval", "of what is", "status", "start", "for", "tier", "price"), rows)
    )


# --- setting ------------------------------------------------------------------------------------------------


class _Plan(NamedTuple):
    """Rates of what is used and of what is fed in (True), and how they are laid out."""

    parts: list[tuple[bool, list[Rate]]]
    commodity: str
    days: int
    now: float
    zone: ZoneInfo | None
    cost: dict[str, int] | None
    spread: dict[str, int | None]

    def intervals(self, rates: Sequence[Rate], terms: Terms, *, reverse: bool) -> list[dict[str, Any]]:
        """Return rates as TimeTariffIntervals; emissions are those of what is used."""
        cost = None if reverse else self.cost
        return tariffs.intervals(_laid_out(self, rates), terms, emissions=cost, spread=self.spread)


def _component(plan: _Plan, rates: Sequence[Rate], reverse: bool, multiplier: int) -> dict[str, Any]:
    """Return a rate component with its intervals, as JSON in the standard's terms."""
    terms = tariffs.terms_of(rates, multiplier=multiplier)
    kind = tariffs.reading_type(
        _unit(rates),
        plan.commodity,
        # One more than there are: for an override that is dearer than all of them.
        tiers=min(len(terms.tiers) + 1, tariffs.MAX_TIERS),
        steps=max(len(rate.steps) for rate in rates),
        reverse=reverse,
    )
    return {
        "description": "Feed-in" if reverse else "Consumption",
        "roleFlags": ROLE,
        "ReadingType": kind,
        "TimeTariffInterval": plan.intervals(rates, terms, reverse=reverse),
    }


def _update(server: Server, tariff: str, plan: _Plan, *, dry_run: bool) -> list[str]:
    """Add to a tariff what it does not have yet; return the new intervals."""
    added: list[str] = []
    for reverse, rates in plan.parts:
        profile, component = _find(server, tariff, reverse=reverse)
        kind = _kind(server, component)
        for rate in rates:
            _expect_unit(rate, kind)
        terms = tariffs.terms_of(rates, multiplier=profile.get("pricePowerOfTenMultiplier", 0))
        # What was superseded or cancelled counts as there: it is not to come back by itself.
        there = {_key(one) for one in component.get("TimeTariffInterval", [])}
        wanted = plan.intervals(rates, terms, reverse=reverse)
        new = [one for one in wanted if _key(one) not in there]
        if not new:
            continue
        if not dry_run:
            steps = max(len(rate.steps) for rate in rates)
            _widen(server, component, kind, tiers=len(terms.tiers), steps=steps)
        made = server.write("POST", component["TimeTariffIntervalListLink"]["href"], new, dry_run=dry_run)
        added += made["hrefs"] if made is not None else []
    return added


def _widen(
    server: Server, component: dict[str, Any], kind: dict[str, Any], *, tiers: int, steps: int
) -> None:
    """Let a reading type count as many tiers and blocks as there are now."""
    counts = {"numberOfTouTiers": tiers, "numberOfConsumptionBlocks": steps}
    changes = {name: count for name, count in counts.items() if kind.get(name, count) < count}
    if changes:
        server.write("PATCH", component["ReadingTypeLink"]["href"], changes)


def _laid_out(plan: _Plan, rates: Sequence[Rate]) -> list[Slot]:
    first_day = tariffs.midnight(plan.now, plan.zone)
    found = tariffs.slots(rates, first_day=first_day, days=plan.days, now=plan.now)
    if not found:
        raise WrongUsage("No rate holds in these days: give one without hours, as 0.31/kWh, or more --days.")
    return found


def _unit(rates: Sequence[Rate]) -> str:
    found = {rate.unit for rate in rates}
    if len(found) != 1:
        raise WrongUsage(f"Prices of one kind are per one unit, not per {' and '.join(sorted(found))}.")
    return found.pop()


def _find(server: Server, tariff: str, *, reverse: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a tariff and its component of a direction, with all that is below. Raises LocalError."""
    profile = server.get(offers.member_of(tariff, "/tp/N", "/tp/1"), deep=4)
    wanted = FlowDirection.REVERSE if reverse else FlowDirection.FORWARD
    for component in profile.get("RateComponent", []):
        if _kind(server, component).get("flowDirection", FlowDirection.FORWARD) == wanted:
            return profile, component
    raise LocalError(f"{tariff} has no prices of what is {'fed in' if reverse else 'used'}.")


def _kind(server: Server, component: dict[str, Any]) -> Any:
    """Return the ReadingType of a component, which may be that of something else."""
    return component.get("ReadingType") or server.get(component["ReadingTypeLink"]["href"], limit=1)


def _expect_unit(rate: Rate, kind: dict[str, Any]) -> None:
    there = tariffs.unit_name(kind)
    if there.lower() != rate.unit:
        raise WrongUsage(f"This tariff's prices are per {there}, not per {rate.unit}.")


def _live(component: dict[str, Any]) -> list[Any]:
    found = component.get("TimeTariffInterval", [])
    return [one for one in found if one["EventStatus"]["currentStatus"] in ALIVE]


def _rest(interval: dict[str, Any], start: int, end: int) -> dict[str, Any] | None:
    """Return what is left of an interval after ``end`` (s) if another takes over from ``start``, or None."""
    begins = interval["interval"]["start"]
    ends = begins + interval["interval"]["duration"]
    if ends <= end or begins >= end or ends <= start:
        return None
    kept: dict[str, Any] = {name: interval[name] for name in ("touTier", "description") if name in interval}
    return {
        **kept,
        "interval": {"start": end, "duration": ends - end},
        "ConsumptionTariffInterval": [
            {name: value for name, value in block.items() if name != "href"} for block in _blocks(interval)
        ],
    }


def _tier_of(price: Decimal, component: dict[str, Any], kind: dict[str, Any]) -> int:
    """Return the tier of a price among those that are there: no tier is dearer than a higher one."""
    top = kind.get("numberOfTouTiers") or 0
    known = sorted(
        (one["touTier"], blocks[0].get("price", 0)) for one in _live(component) if (blocks := _blocks(one))
    )
    return next((tier for tier, first in known if first >= price), top)


def _key(interval: dict[str, Any]) -> tuple[Any, ...]:
    steps = tuple((one["startValue"], one.get("price")) for one in _blocks(interval))
    return interval["interval"]["start"], interval["interval"]["duration"], interval["touTier"], steps


def _blocks(interval: dict[str, Any]) -> list[Any]:
    return list(interval.get("ConsumptionTariffInterval", []))


# --- for people ---------------------------------------------------------------------------------------------


def _direction(kind: dict[str, Any]) -> str:
    return "fed in" if kind.get("flowDirection") == FlowDirection.REVERSE else "used"


def _now(
    server: Server, profile: dict[str, Any], component: dict[str, Any], kind: dict[str, Any]
) -> tuple[str, str, int]:
    """Return the price that holds, until when, and how many intervals are known."""
    active = server.members(f"{component['href']}/acttti", "TimeTariffInterval")
    known = component["TimeTariffIntervalListLink"].get("all", 0)
    if not active:
        return "unknown", "-", known
    newest = max(active, key=lambda one: one["creationTime"])
    blocks = server.members(f"{newest['href']}/cti", "ConsumptionTariffInterval")
    end = newest["interval"]["start"] + newest["interval"]["duration"]
    until = datetime.fromtimestamp(end).astimezone().isoformat(timespec="minutes")
    return _price(profile, kind, blocks), until, known


def _price(profile: dict[str, Any], kind: dict[str, Any], blocks: list[dict[str, Any]]) -> str:
    multiplier, unit = profile.get("pricePowerOfTenMultiplier", 0), tariffs.unit_name(kind)
    currency = tariffs.currency_name(profile.get("currency"))
    told = []
    for block in blocks:
        value = (
            f"{Decimal(block['price']).scaleb(multiplier).normalize():f}" if "price" in block else "unknown"
        )
        above = f">{block['startValue']}{unit} " if block["startValue"] else ""
        told.append(f"{above}{value}")
    return f"{' '.join(told)} {currency}/{unit}" if told else "unknown"


offers.add_cancel(
    app,
    "Cancel intervals. Without one there is no price: devices do as they do without prices.",
)
offers.add_remove(
    app, "/tp/N(/rc/N(/tti/N)?)?", "/tp/1", "Remove a tariff with all its prices, or a part of it."
)
