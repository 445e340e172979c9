"""What the nouns for prices, messages and load control share: events of any kind written, listed, ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from openesi.cli import output, tree, units
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.options import AsJson
from openesi.errors import WrongUsage
from openesi.sep2.enums import EventState

EventName = Annotated[str, typer.Argument(metavar="EVENT", help="Its href, as `list` shows it, or its mRID.")]
Reason = Annotated[
    str | None, typer.Option(metavar="TEXT", help="What devices are told, at most 192 octets.")
]
Description = Annotated[str | None, typer.Option(metavar="TEXT", help="At most 32 octets.")]
Group = Annotated[
    list[str] | None,
    typer.Option(metavar="HREF", help="A new program is for this group alone, as /fsa/1; repeatable."),
]

Facts = Callable[[dict[str, Any]], list[tuple[str, str]]]

MAX_LISTED = 10_000


class Server:
    """The running server whose operator asks."""

    def __init__(self, api: str | None, data: Path | None) -> None:
        self._api, self._data = api, data

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the API."""
        return ask(method, path, api=self._api, data=self._data, body=body)

    def get(self, path: str, **query: int) -> Any:
        """Return a resource, or a list with its members, in the standard's terms."""
        return self.ask("GET", tree.place(path, query or {"limit": MAX_LISTED}))

    def members(self, path: str, name: str) -> list[Any]:
        """Return the members of a list."""
        found: list[Any] = self.get(path).get(name, [])
        return found

    def write(
        self, method: str, path: str, body: object, *, dry_run: bool = False, group: list[str] | None = None
    ) -> Any:
        """Write to the tree. A dry run prints what devices would get instead, and returns None."""
        query: dict[str, Any] = {"group": ",".join(group)} if group else {}
        if not dry_run:
            return self.ask(method, tree.place(path, query), body)
        query |= {"dry_run": "true", "format": "xml", "deep": 9}
        output.write("\n".join(_flat(self.ask(method, tree.place(path, query), body))))
        return None

    def cancel(self, events: list[str], *, randomized: bool = False, reason: str | None = None) -> Any:
        """Cancel events by href or mRID, all of them or none."""
        body = {"events": [checked(one) for one in events], "randomized": randomized}
        return self.ask("POST", "/api/cancel", body | ({"reason": reason} if reason else {}))

    def event(self, named: str) -> Any:
        """Return an event with who answered and who is silent."""
        return self.ask("GET", f"/api/events/{checked(named).lstrip('/')}")


def checked(named: str) -> str:
    """Return the name of an event as it may stand in a URL. Raises WrongUsage."""
    if not re.fullmatch(r"/?[0-9A-Za-z-]+(/[0-9A-Za-z]+)*", named):
        raise WrongUsage(f"{named!r} is no event: give its href, as /derp/1/derc/1, or its mRID.")
    return named


def member_of(path: str, pattern: str, example: str) -> str:
    """Return a path that must be of a kind, as ``/tp/1`` of ``/tp/N``. Raises WrongUsage."""
    if re.fullmatch(pattern.replace("N", "[0-9]+"), path) is None:
        raise WrongUsage(f"{path!r} is not of the form {example}; `list` shows what there is.")
    return path


# --- commands that read the same for every kind of event ----------------------------------------------------


def add_show(app: typer.Typer, facts: Facts, text: str) -> None:
    """Give a noun the verb ``show``, of one event; ``facts`` says what there is to tell of it."""

    @app.command("show", help=text)
    def show(
        event: EventName, *, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False
    ) -> None:
        told = Server(api, data).event(event)
        write_event(told, facts, as_json=as_json)


def add_cancel(app: typer.Typer, text: str) -> None:
    """Give a noun the verb ``cancel``, of one event or many."""

    @app.command("cancel", help=text)
    def cancel(
        events: Annotated[list[str], typer.Argument(metavar="EVENT...", help="Hrefs or mRIDs.")],
        *,
        randomized: Annotated[
            bool,
            typer.Option("--randomized", help="Devices end within their randomization, not all at once."),
        ] = False,
        reason: Reason = None,
        api: ApiUrl = None,
        data: RunningData = None,
        as_json: AsJson = False,
    ) -> None:
        cancelled = Server(api, data).cancel(events, randomized=randomized, reason=reason)
        if as_json:
            output.write_json(cancelled)
            return
        rows = [(one["href"], one["status"].replace("_", " ")) for one in cancelled]
        output.write(output.render_table(("event", "status"), rows))


def add_remove(app: typer.Typer, pattern: str, example: str, text: str) -> None:
    """Give a noun the verb ``remove``, of what has the form of ``pattern``, as ``/tp/N``."""

    @app.command("remove", help=text)
    def remove(
        place: Annotated[
            str, typer.Argument(metavar="HREF", help="As `list` shows it; or what it is part of.")
        ],
        *,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much that would be.")] = False,
        api: ApiUrl = None,
        data: RunningData = None,
    ) -> None:
        tree.remove(member_of(place, pattern, example), dry_run=dry_run, api=api, data=data)


# --- what is printed ----------------------------------------------------------------------------------------


def at(seconds: float) -> str:
    """Return a time as people read it, in this machine's zone."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def state(event: dict[str, Any]) -> str:
    """Return the status of an event as it is served."""
    status = event["EventStatus"]["currentStatus"]
    return EventState(status).name.lower().replace("_", " ") if status in set(EventState) else str(status)


def times(event: dict[str, Any]) -> tuple[str, str]:
    """Return when an event starts, and for how long."""
    interval = event["interval"]
    return at(interval["start"]), units.format_duration(interval["duration"])


def facts(event: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what there is to tell of an event of any kind."""
    start, duration = times(event)
    status = event["EventStatus"]
    told = [
        ("Event", event["href"]),
        ("mRID", event["mRID"]),
        ("Description", event.get("description", "")),
        ("Status", state(event) + (f": {status['reason']}" if "reason" in status else "")),
        ("Start", start),
        ("For", duration),
    ]
    return [(name, value) for name, value in told if value]


def write_answers(told: dict[str, Any]) -> None:
    """Print which device said what about an event, and who is silent."""
    rows = [
        (one["lfdi"], answer["name"].replace("_", " "), at(answer["at"]))
        for one in told["answers"]
        for answer in one["responses"]
    ]
    rows += [(lfdi, "silent", "") for lfdi in told["silent"]]
    if rows:
        output.write("\n" + output.render_table(("device", "said", "at"), rows))


def write_event(told: dict[str, Any], facts: Facts, *, as_json: bool) -> None:
    """Print an event, who answered it and who is silent."""
    if as_json:
        output.write_json(told)
        return
    output.write(output.render_facts(facts({"href": told["href"], **told["event"]})))
    write_answers(told)


def _flat(found: Any) -> list[str]:
    return [one for part in found for one in _flat(part)] if isinstance(found, list) else [found]
