"""``openesi prepay``: prepaid accounts, their balance, and what is paid in."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any

import typer

from openesi.cli import output, tree, units
from openesi.cli.api import ApiUrl, RunningData
from openesi.cli.options import AsJson, noun_app
from openesi.cli.resource import DryRun
from openesi.errors import WrongUsage
from openesi.sep2.enums import CreditStatus, CreditType, PrepayMode, ServiceStatus

app = noun_app(
    """Keep prepaid accounts: what is left on them, what is paid in, when supply is not cut.

    \b
    openesi prepay add --device LFDI --balance 20.00 --low 5
    openesi prepay credit /ppy/1 15.00
    openesi prepay balance /ppy/1
    openesi prepay override /ppy/1 --for 3d --description "Heat wave"
    """
)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its href, as /ppy/1.")]
_MODES = {"central": PrepayMode.CENTRAL_WALLET, "esi": PrepayMode.ESI, "local": PrepayMode.LOCAL,
          "credit": PrepayMode.CREDIT}  # fmt: skip
_TYPES = {"regular": CreditType.REGULAR, "emergency": CreditType.EMERGENCY,
          "regular-first": CreditType.REGULAR_THEN_EMERGENCY,
          "emergency-first": CreditType.EMERGENCY_THEN_REGULAR}  # fmt: skip


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List accounts with what is left on them."""
    found = tree.members("/ppy", "Prepayment", api=api, data=data)
    accounts = [tree.look(one["href"], api=api, data=data, deep=1) for one in found]
    if as_json:
        output.write_json(accounts)
        return
    rows = [
        (
            one["href"],
            one.get("description"),
            PrepayMode(one["prepayMode"]).name.lower().replace("_", " "),
            tree.amount_of(one.get("AccountBalance", {}).get("availableCredit")),
            _named(CreditStatus, one.get("AccountBalance", {}).get("creditStatus")),
            _named(ServiceStatus, one.get("PrepayOperationStatus", {}).get("serviceStatus")),
        )
        for one in accounts
    ]
    output.write(
        output.render_table(("account", "description", "kept by", "credit", "status", "service"), rows)
    )
    if not rows:
        output.say("No account. Next: openesi prepay add --device LFDI --balance 20.00")


@app.command()
def add(
    *,
    balance: Annotated[str, typer.Option(metavar="AMOUNT", help="What is on it.")] = "0",
    low: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Below it, credit is low.")] = None,
    mode: Annotated[
        str,
        typer.Option(metavar="central|esi|local|credit", help="Who keeps it; devices pay into esi, local."),
    ] = "central",
    device: Annotated[str | None, typer.Option(metavar="LFDI", help="Whose it is.")] = None,
    group: Annotated[str | None, typer.Option(metavar="HREF", help="The group whose it is.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT")] = None,
    currency: Annotated[int, typer.Option(metavar="ISO4217", help="840 USD, 978 EUR, 36 AUD.")] = 840,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Open an account whose service is on."""
    account: dict[str, Any] = {
        "description": description,
        "prepayMode": int(_one_of(_MODES, mode, "--mode")),
        "AccountBalance": {"availableCredit": tree.unit(balance, currency)},
        "PrepayOperationStatus": {"serviceStatus": int(ServiceStatus.CONNECTED)},
    }
    if low is not None:
        account["lowCreditWarningLevel"] = tree.unit(low, currency)
    made = tree.write(
        "POST", "/ppy", account, dry_run=dry_run, device=device, group=group, api=api, data=data
    )
    tree.show(made, as_json=as_json)


@app.command()
def balance(
    account: Account,
    *,
    amount: Annotated[str | None, typer.Option("--set", metavar="AMOUNT", help="Make it this.")] = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Show what is left on an account, or set it."""
    path = f"{tree.below(account, '/ppy')}/ab"
    found = tree.look(path, api=api, data=data)
    if amount is not None:
        unit = tree.unit(amount, found["availableCredit"]["monetaryUnit"])
        found = tree.write("PATCH", path, {"availableCredit": unit}, dry_run=dry_run, api=api, data=data)
    if isinstance(found, str):
        output.write(found)
    elif as_json:
        output.write_json(found)
    else:
        output.write(
            output.render_facts([
                ("Credit", tree.amount_of(found["availableCredit"])),
                ("Status", _named(CreditStatus, found.get("creditStatus"))),
                ("Emergency credit", tree.amount_of(found.get("emergencyCredit"))),
                ("Its status", _named(CreditStatus, found.get("emergencyCreditStatus"))),
            ])
        )  # fmt: skip


@app.command()
def credit(
    account: Account,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="As 15.00.")],
    *,
    token: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Proof of payment; made up if not given.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--type", metavar="|".join(_TYPES), help="Which credit it is for.")
    ] = "regular",
    start: Annotated[str, typer.Option("--at", metavar="TIME", help="From when on it counts.")] = "now",
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Pay into an account. A token counts once, whoever sends it how often."""
    path = tree.below(account, "/ppy")
    balance_now = tree.look(f"{path}/ab", api=api, data=data)["availableCredit"]
    body = {
        "creditAmount": tree.unit(amount, balance_now["monetaryUnit"]),
        "creditType": int(_one_of(_TYPES, kind, "--type")),
        "effectiveTime": units.parse_start(start, now=time.time()),
        "token": token or secrets.token_hex(10),
    }
    made = tree.write("POST", f"{path}/cr", body, dry_run=dry_run, api=api, data=data)
    tree.show(made, as_json=as_json)


@app.command()
def override(
    account: Account,
    *,
    start: Annotated[str, typer.Option("--at", metavar="TIME", help="now, 'in 1h', or a date.")] = "now",
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long.")] = "1d",
    description: Annotated[str | None, typer.Option(metavar="TEXT")] = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Keep supply on for a time, whatever the balance."""
    interval = {
        "start": units.parse_start(start, now=time.time()),
        "duration": units.parse_duration(duration),
    }
    body = {"description": description, "interval": interval}
    path = f"{tree.below(account, '/ppy')}/si"
    made = tree.write("POST", path, body, dry_run=dry_run, api=api, data=data)
    tree.show(made, as_json=as_json)


@app.command()
def remove(
    account: Account, *, dry_run: DryRun = False, api: ApiUrl = None, data: RunningData = None
) -> None:
    """Remove an account and all below it."""
    tree.remove(tree.below(account, "/ppy"), dry_run=dry_run, api=api, data=data)


def _one_of(known: dict[str, Any], given: str, option: str) -> Any:
    if given not in known:
        raise WrongUsage(f"{option} is one of {', '.join(known)}, not {given!r}.")
    return known[given]


def _named(kind: type[CreditStatus] | type[ServiceStatus], value: int | None) -> str | None:
    if value is None:
        return None
    return kind(value).name.lower().replace("_", " ") if value in set(kind) else str(value)
