"""What the commands have in common: how a noun is made, and options that read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from openesi.errors import WrongUsage

DataDir = Annotated[
    Path,
    typer.Option(
        "--data", envvar="OPENESI_DATA", metavar="DIR", help="Directory in which everything is kept."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs.")]

TimeZone = Annotated[
    str, typer.Option("--timezone", metavar="ZONE", help="Time zone that devices are told, as Europe/Paris.")
]

StartAt = Annotated[
    str, typer.Option("--at", metavar="TIME", help="When: now, 'in 10m', 2026-11-20T18:00+01:00.")
]
RandomizeStart = Annotated[
    int | None,
    typer.Option(metavar="SECONDS", help="Devices start up to this much later; negative: earlier."),
]
RandomizeDuration = Annotated[
    int | None, typer.Option(metavar="SECONDS", help="Devices end up to this much later; negative: earlier.")
]


def time_zone(name: str) -> ZoneInfo:
    """Return the time zone of a name; raises WrongUsage if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise WrongUsage(
            f"There is no time zone {name!r}. Use a name as America/Los_Angeles or UTC."
        ) from None


def noun_app(help_text: str, *, single: bool = False) -> typer.Typer:
    """Make the application of a noun: plain help without boxes, errors left to ``openesi.cli.main``.

    With ``single`` its only command follows the noun directly (``openesi doctor``); otherwise each command is
    a verb (``openesi pki init``), also while there is only one. In ``help_text`` and in docstrings of
    commands a line with a lone ``\\b`` keeps the paragraph after it, such as examples, as it is written.
    """
    app = typer.Typer(
        help=help_text,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        no_args_is_help=not single,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    if not single:
        app.callback()(_keep_verbs)
    return app


def _keep_verbs() -> None:
    """Nothing: an application with a callback keeps its verbs, even a single one."""
