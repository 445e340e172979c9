"""``openesi doctor``: what is wrong with this installation, and the command that mends it.

The checks are the table ``CHECKS`` of ``openesi.cli.checks``; this is the frame that runs and prints them.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from openesi.cli import output
from openesi.cli.checks import CHECKS, Check, Finding, Situation, Verdict
from openesi.cli.options import AsJson, noun_app
from openesi.errors import OpenESIError

app = noun_app("Say what is wrong with this installation, and what mends it.", single=True)


@app.command()
def doctor(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", envvar="OPENESI_DATA", metavar="DIR", help="Data directory to look into as well."
        ),
    ] = None,
    *,
    port: Annotated[int, typer.Option(metavar="N", help="Port of the 2030.5 server.")] = 8443,
    web_port: Annotated[int, typer.Option(metavar="N", help="Port of the operator's page.")] = 8080,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with this installation, and what mends it.

    One line per check: ok, warn or fail. The exit code is 1 if one of them is fail.

    \b
    openesi doctor
    openesi doctor --data DIR --json
    """
    situation = Situation(data, datetime.now(UTC), port, web_port)
    findings = [(check.name, examine(check, situation)) for check in CHECKS if data or not check.needs_data]
    counts = Counter(finding.verdict for _, finding in findings)
    if as_json:
        checks = [
            {"name": name, "verdict": finding.verdict, "text": finding.text, "mend": finding.mend}
            for name, finding in findings
        ]
        output.write_json({"ok": not counts[Verdict.FAIL], "checks": checks})
    else:
        output.write(render(findings))
        output.say(
            f"\n{len(findings)} checks: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
        )
        if data is None:
            output.say("Give --data DIR to check keys, certificates and the server, too.")
    if counts[Verdict.FAIL]:
        raise typer.Exit(1)


def examine(check: Check, situation: Situation) -> Finding:
    """Run one check; what it could not find out is a failure of what it looked at."""
    try:
        return check.run(situation)
    except (OSError, OpenESIError) as error:
        return Finding(Verdict.FAIL, str(error))


def render(findings: list[tuple[str, Finding]]) -> str:
    """Return the lines a person reads: verdict, check, text, and below it what mends it."""
    width = max(len(name) for name, _ in findings)
    lines = []
    for name, finding in findings:
        lines.append(output.printable(f"{finding.verdict:<4}  {name:<{width}}  {finding.text}"))
        if finding.mend:
            lines.append(output.printable(f"      {'':<{width}}  > {finding.mend}"))
    return "\n".join(lines)
