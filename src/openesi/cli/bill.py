"""``openesi bill``: accounts of customers, what they used and what it costs."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from openesi.cli import output, tree, units
from openesi.cli.api import ApiUrl, RunningData
from openesi.cli.options import AsJson, noun_app
from openesi.cli.resource import DryRun

app = noun_app(
    """Keep the accounts of customers: agreements, billing periods, what they cost.

    \b
    openesi bill add "Ada Lovelace" --device LFDI --location "1 Main Street"
    openesi bill period /bill/1/ca/1 --at 2026-11-01 --for 30d --to-date 41.20
    openesi bill show /bill/1

    Readings with charges, projections, targets: openesi resource add /bill/1/ca/1/pro FILE
    """
)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its href, as /bill/1.")]
Device = Annotated[str | None, typer.Option(metavar="LFDI", help="Whose it is.")]
Group = Annotated[str | None, typer.Option(metavar="HREF", help="The group of devices whose it is.")]


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List accounts by the name of their customers."""
    found = tree.members("/bill", "CustomerAccount", api=api, data=data)
    if as_json:
        output.write_json(found)
        return
    rows = [
        (
            one["href"],
            one.get("customerName"),
            one.get("customerAccount"),
            one["currency"],
            one.get("CustomerAgreementListLink", {}).get("all", 0),
        )
        for one in found
    ]
    output.write(output.render_table(("account", "customer", "number", "currency", "agreements"), rows))
    if not rows:
        output.say('No account. Next: openesi bill add "Ada Lovelace" --device LFDI')


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="CUSTOMER", help="At most 42 octets.")],
    *,
    device: Device = None,
    group: Group = None,
    number: Annotated[str | None, typer.Option(metavar="TEXT", help="Number of the account.")] = None,
    location: Annotated[str | None, typer.Option(metavar="TEXT", help="Where service is delivered.")] = None,
    supplier: Annotated[str | None, typer.Option(metavar="TEXT", help="Who supplies it.")] = None,
    currency: Annotated[int, typer.Option(metavar="ISO4217", help="840 USD, 978 EUR, 36 AUD.")] = 840,
    scale: Annotated[int, typer.Option(metavar="N", min=-9, max=9, help="Amounts count 10^N.")] = -2,
    meter: Annotated[str | None, typer.Option(metavar="HREF", help="Its usage point, as /upt/1.")] = None,
    tariff: Annotated[str | None, typer.Option(metavar="HREF", help="Its tariff, as /tp/1.")] = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Open an account with one agreement. Without --device and --group no device sees it yet."""
    links = {"UsagePointLink": meter, "TariffProfileLink": tariff}
    agreement: dict[str, Any] = {"serviceLocation": location} if location else {}
    agreement |= {name: {"href": href} for name, href in links.items() if href}
    account: dict[str, Any] = {
        "customerName": name,
        "customerAccount": number,
        "currency": currency,
        "pricePowerOfTenMultiplier": scale,
        "CustomerAgreement": [agreement],
    }
    if supplier:
        account["ServiceSupplier"] = {"description": supplier}
    made = tree.write(
        "POST", "/bill", account, dry_run=dry_run, device=device, group=group, api=api, data=data
    )
    tree.show(made, as_json=as_json)


@app.command()
def period(
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="Its href, as /bill/1/ca/1.")],
    *,
    start: Annotated[str, typer.Option("--at", metavar="TIME", help="now, 'in 1h', or a date.")] = "now",
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long.")] = "30d",
    to_date: Annotated[str | None, typer.Option(metavar="AMOUNT", help="What it has cost so far.")] = None,
    last: Annotated[str | None, typer.Option(metavar="AMOUNT", help="What the one before cost.")] = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Add a billing period to an agreement."""
    account_path, _, _ = agreement.partition("/ca/")
    tree.below(agreement, f"{tree.below(account_path, '/bill')}/ca")
    scale = tree.look(account_path, api=api, data=data)["pricePowerOfTenMultiplier"]
    interval = {
        "start": units.parse_start(start, now=time.time()),
        "duration": units.parse_duration(duration),
    }
    body: dict[str, Any] = {"interval": interval}
    for name, amount in (("billToDate", to_date), ("billLastPeriod", last)):
        if amount is not None:
            body[name] = tree.scaled(tree.parse_amount(amount), scale)
    made = tree.write("POST", f"{agreement}/bp", body, dry_run=dry_run, api=api, data=data)
    tree.show(made, as_json=as_json)


@app.command()
def show(account: Account, *, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """Show an account: its agreements and their billing periods."""
    found = tree.look(tree.below(account, "/bill"), api=api, data=data, deep=2)
    if as_json:
        output.write_json(found)
        return
    supplier = found.get("ServiceSupplier", {}).get("description")
    facts = [
        ("Account", found["href"]),
        ("Customer", found.get("customerName")),
        ("Number", found.get("customerAccount")),
        ("Currency", found["currency"]),
        ("Supplier", supplier),
    ]
    output.write(output.render_facts(facts))
    scale, rows = found["pricePowerOfTenMultiplier"], []
    for agreement in found.get("CustomerAgreement", ()):
        where = (agreement["href"], agreement.get("serviceLocation"))
        periods: list[dict[str, Any]] = agreement.get("BillingPeriod") or [{}]
        for one in periods:
            cost = tree.money(one.get("billToDate"), scale), tree.money(one.get("billLastPeriod"), scale)
            rows.append((*where, *_span(one.get("interval")), *cost))
    output.write(
        "\n" + output.render_table(("agreement", "location", "from", "until", "to date", "before"), rows)
    )


@app.command()
def remove(
    account: Account, *, dry_run: DryRun = False, api: ApiUrl = None, data: RunningData = None
) -> None:
    """Remove an account and all below it."""
    tree.remove(tree.below(account, "/bill"), dry_run=dry_run, api=api, data=data)


def _span(interval: dict[str, int] | None) -> tuple[str | None, str | None]:
    if interval is None:
        return None, None
    return _day(interval["start"]), _day(interval["start"] + interval["duration"])


def _day(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%MZ")
