"""``openesi message``: texts for people."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from openesi.cli import offers, output, units
from openesi.cli.api import ApiUrl, RunningData
from openesi.cli.offers import Server
from openesi.cli.options import AsJson, StartAt, noun_app
from openesi.cli.resource import DryRun
from openesi.errors import WrongUsage
from openesi.sep2.enums import Priority, ResponseRequired

app = noun_app(
    """Send, cancel and list text messages.

    \b
    openesi message send "Heat wave: please use less from 17:00 to 21:00" --priority high --for 1d
    openesi message send "Your meter is replaced on Monday" --receipt
    openesi message list
    openesi message show /msg/1/txt/1
    openesi message cancel /msg/1/txt/1
    """
)

PRIORITIES = {priority.name.lower(): priority for priority in Priority}
_SPECIFIC = ResponseRequired.RECEIVED | ResponseRequired.SPECIFIC


@app.command()
def send(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Devices show at least 100 octets of it.")],
    *,
    priority: Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(PRIORITIES)}.")] = "normal",
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 30m, 6h, 2d.")] = "1d",
    start: StartAt = "now",
    originator: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="Who speaks, at most 20 octets.")
    ] = None,
    receipt: Annotated[
        bool, typer.Option("--receipt", help="Ask people to confirm that they have read it.")
    ] = False,
    program: Annotated[
        str | None, typer.Option(metavar="HREF", help="As /msg/1; if not given, the one of the language.")
    ] = None,
    locale: Annotated[str, typer.Option(metavar="TAG", help="Language of the text, as en or fr-CA.")] = "en",
    group: offers.Group = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Send a message. Several may be shown at once; the most urgent come first."""
    if priority.lower() not in PRIORITIES:
        raise WrongUsage(f"{priority!r} is no priority: {', '.join(PRIORITIES)}.")
    now = time.time()
    body: dict[str, Any] = {
        "interval": {
            "start": units.parse_start(start, now=now),
            "duration": units.parse_duration(duration),
        },
        "priority": PRIORITIES[priority.lower()],
        "textMessage": text,
    }
    if originator:
        body["originator"] = originator
    if receipt:
        body["responseRequired"] = bytes((_SPECIFIC | ResponseRequired.USER,)).hex()
    server = Server(api, data)
    href = program or (None if group else _program(server, locale))
    if href is None:
        made = {"primacy": 1, "locale": locale, "description": f"Messages ({locale})"[:32]}
        path, body = "/msg", made | {"TextMessage": [body]}
    else:
        path = f"{offers.member_of(href, '/msg/N', '/msg/1')}/txt"
    sent = server.write("POST", path, body, dry_run=dry_run, group=group if path == "/msg" else None)
    if sent is None:
        return
    message = sent if "textMessage" in sent else server.members(f"{sent['href']}/txt", "TextMessage")[0]
    if as_json:
        output.write_json(message)
        return
    output.write(output.render_facts(_facts(message)))
    output.say(f"\nWho has it: openesi message show {message['href']}")


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List messages that are not over."""
    server = Server(api, data)
    found = [
        {**one, "locale": program["locale"]}
        for program in server.members("/msg", "MessagingProgram")
        for one in server.members(f"{program['href']}/txt", "TextMessage")
    ]
    if as_json:
        output.write_json(found)
    elif found:
        rows = [
            (one["href"], offers.state(one), *offers.times(one), _priority(one), one["locale"], _short(one))
            for one in found
        ]
        output.write(
            output.render_table(("message", "status", "start", "for", "priority", "language", "text"), rows)
        )
    else:
        output.say('No message. Next: openesi message send "Hello" --receipt')


def _program(server: Server, locale: str) -> str | None:
    """Return the program of a language that everybody sees, the strongest."""
    found = [
        (program["primacy"], program["href"])
        for program in server.members("/msg", "MessagingProgram")
        if program["locale"].lower() == locale.lower()
    ]
    return min(found)[1] if found else None


def _facts(message: dict[str, Any]) -> list[tuple[str, str]]:
    asked = int(message.get("responseRequired", "00"), 16)
    told = [
        *offers.facts(message),
        ("Priority", _priority(message)),
        ("From", message.get("originator", "")),
        ("Receipt", "asked for" if asked & ResponseRequired.USER else "not asked for"),
        ("Text", message["textMessage"]),
    ]
    return [(name, value) for name, value in told if value]


def _priority(message: dict[str, Any]) -> str:
    priority = message["priority"]
    return Priority(priority).name.lower() if priority in set(Priority) else str(priority)


def _short(message: dict[str, Any]) -> str:
    text = str(message["textMessage"])
    return text if len(text) <= 60 else text[:59] + "…"


offers.add_show(app, _facts, "Show a message: who has received and who has read it, and who is silent.")
offers.add_cancel(app, "Take messages back.")
offers.add_remove(
    app,
    "/msg/N(/txt/N)?",
    "/msg/1",
    "Remove a program with its messages, or one message. Devices that know it are better told: cancel it.",
)
