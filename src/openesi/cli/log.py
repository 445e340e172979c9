"""``openesi log``: what devices, and the server itself, have noted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from openesi.cli import output, tree
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.options import AsJson, noun_app
from openesi.sep2 import identity
from openesi.sep2.enums import LogFunctionSet, LogProfile

app = noun_app("List log events, newest first: of the server, or of one device.", single=True)

_OWN = "/sdev/lel"
_NAMES = {
    (LogProfile.IEEE_2030_5, LogFunctionSet.TIME, 0): "clock was set",
    (LogProfile.IEEE_2030_5, LogFunctionSet.CONFIGURATION, 0): "configuration changed",
}
_OWN_NAMES = ("revoked certificate refused", "device registered in band", "device removed in band")
_ALARMS = (
    "over-current", "over-voltage", "under-voltage", "over-frequency", "under-frequency",
    "voltage imbalance", "current imbalance", "emergency local", "emergency remote", "low power input",
    "phase rotation",
)  # fmt: skip


@app.command()
def log(
    lfdi: Annotated[
        str | None, typer.Argument(metavar="[LFDI]", help="A device; the server if none.")
    ] = None,
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many at most.")] = 50,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """List log events, newest first: of the server, or of one device.

    \b
    openesi log
    openesi log 3E4F45AB31EDFE5B67E343E5E4562E31984E23E5 --limit 10
    """
    listing = _OWN
    if lfdi is not None:
        device = ask("GET", f"/api/devices/{identity.parse_lfdi(lfdi).hex()}", api=api, data=data)
        listing = f"{device['href']}/lel"
    found = tree.look(listing, api=api, data=data, limit=limit).get("LogEvent", [])
    if as_json:
        output.write_json(found)
        return
    rows = [
        (
            datetime.fromtimestamp(one["createdDateTime"], UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
            _function_set(one["functionSet"]),
            describe(one, own=listing == _OWN),
            one.get("details"),
            one.get("extendedData"),
        )
        for one in found
    ]
    output.write(output.render_table(("time", "function set", "what", "details", "number"), rows))


def describe(event: dict[str, Any], *, own: bool = False) -> str:
    """Return what a log event says, in words where its code is known."""
    profile, function_set, code = event["profileID"], event["functionSet"], event["logEventCode"]
    named = _NAMES.get((profile, function_set, code))
    if named is not None:
        return named
    if profile == LogProfile.IEEE_2030_5 and function_set == LogFunctionSet.DER and code // 2 < len(_ALARMS):
        return f"{_ALARMS[code // 2]}{', back to normal' if code % 2 else ''}"
    if own and function_set == LogFunctionSet.SECURITY and code < len(_OWN_NAMES):
        return _OWN_NAMES[code]
    return f"code {code} of PEN {event['logEventPEN']}"


def _function_set(number: int) -> str:
    return (
        LogFunctionSet(number).name.lower().replace("_", " ")
        if number in set(LogFunctionSet)
        else str(number)
    )
