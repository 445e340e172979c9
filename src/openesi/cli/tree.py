"""What commands that write resources have in common: where, for whom, and trying it out first."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from openesi.cli import output
from openesi.cli.api import ask
from openesi.errors import LocalError, WrongUsage

LISTED = 1_000  # members that a listing shows; the API has more
_INT32 = 2**31


def place(path: str, query: dict[str, Any] | None = None) -> str:
    """Return where the API has a resource. Raises WrongUsage for what is no path as devices see it."""
    if not path.startswith("/") or ".." in path:
        raise WrongUsage(f"{path!r} is no path as devices see it, as /bill/1.")
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"/api/resources{quote(path)}{f'?{urlencode(given)}' if given else ''}"


def look(path: str, *, api: str | None, data: Path | None, **query: Any) -> Any:
    """Return a resource or list of the server as JSON."""
    return ask("GET", place(path, query), api=api, data=data)


def members(path: str, name: str, *, api: str | None, data: Path | None) -> list[dict[str, Any]]:
    """Return the members of a list, as many as a listing shows."""
    found: list[dict[str, Any]] = look(path, api=api, data=data, limit=LISTED).get(name, [])
    return found


def write(
    method: str,
    path: str,
    body: object,
    *,
    dry_run: bool,
    api: str | None,
    data: Path | None,
    device: str | None = None,
    group: str | None = None,
) -> Any:
    """Write a resource and return it as it is served; with ``dry_run`` as XML, and nothing is written."""
    query = {"device": device, "group": group}
    query |= {"dry_run": "true", "format": "xml"} if dry_run else {}
    return ask(method, place(path, query), api=api, data=data, body=body)


def show(made: Any, *, as_json: bool) -> None:
    """Print what was written: the XML of a dry run, JSON, or where it stands."""
    if isinstance(made, str):
        output.write(made)
    elif as_json:
        output.write_json(made)
    else:
        output.write(made["href"])


def below(path: str, parent: str) -> str:
    """Return a path if it is a member of the list ``parent``, as /bill/1 of /bill. Raises WrongUsage."""
    number = path.removeprefix(f"{parent}/")
    if not path.startswith(f"{parent}/") or not (number.isascii() and number.isdigit()):
        raise WrongUsage(f"{path!r} is not one of {parent}, as {parent}/1.")
    return path


def parse_amount(text: str) -> Decimal:
    """Read an amount of money: 20, 12.50, -3. Raises WrongUsage."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise WrongUsage(f"{text!r} is no amount, as 12.50.") from None
    if not amount.is_finite():
        raise WrongUsage(f"{text!r} is no amount, as 12.50.")
    return amount


def scaled(amount: Decimal, multiplier: int) -> int:
    """Return an amount in units of 10^multiplier. Raises LocalError if it is no whole number of them."""
    value = amount.scaleb(-multiplier)
    if value != value.to_integral_value():
        raise LocalError(f"{amount} is finer than 10^{multiplier}, in which the account counts.")
    return int(value)


def unit(text: str, currency: int) -> dict[str, int]:
    """Return an amount as the standard's AccountingUnit, with as many decimals as it was written with."""
    amount = parse_amount(text)
    exponent = amount.as_tuple().exponent
    multiplier = min(exponent, 0) if isinstance(exponent, int) else 0
    value = scaled(amount, multiplier)
    if not -_INT32 <= value < _INT32:
        raise WrongUsage(f"{text!r} is more than the standard can say.")
    return {"monetaryUnit": currency, "multiplier": multiplier, "value": value}


def amount_of(given: dict[str, Any] | None) -> str | None:
    """Write an AccountingUnit for people."""
    return None if given is None else money(given["value"], given["multiplier"])


def money(value: int | None, multiplier: int) -> str | None:
    """Write an amount in units of 10^multiplier for people."""
    return None if value is None else f"{Decimal(value).scaleb(multiplier):f}"


def remove(path: str, *, dry_run: bool, api: str | None, data: Path | None) -> None:
    """Remove a resource and all below it, or only say how many that would be."""
    query = {"dry_run": "true"} if dry_run else {}
    count = ask("DELETE", place(path, query), api=api, data=data)["removed"]
    what = f"{path}: {count} {'resource' if count == 1 else 'resources'}"
    output.say(f"Would remove {what}." if dry_run else f"Removed {what}.")
