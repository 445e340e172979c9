"""``openesi validate``: documents checked against the schema, and against what the standard's text adds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from openesi.cli import output
from openesi.cli.options import AsJson, noun_app
from openesi.errors import LocalError, OpenESIError, WrongUsage
from openesi.sep2 import validate as rules
from openesi.sep2 import xml
from openesi.sep2.editions import EDITIONS, IEEE_2018, Edition
from openesi.sep2.errors import DecodeError

app = noun_app("Check documents against the standard.", single=True)

_STANDARD_INPUT = Path("-")


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="XML files; - is standard input.")],
    edition: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Edition, if the document is not to tell: {', '.join(EDITIONS)}."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check documents against the schema of their edition, and against what the standard's text adds to it.

    Prints FILE: ok, or a line for each problem: FILE: where: what.

    \b
    openesi validate document.xml
    openesi get /edev/1/derc | openesi validate -
    """
    if edition is not None and edition not in EDITIONS:
        raise WrongUsage(f"There is no edition {edition!r}. Known are: {', '.join(EDITIONS)}.")
    found = [(file, _problems(_read(file), EDITIONS[edition] if edition else None)) for file in files]
    if as_json:
        output.write_json(
            [
                {"file": str(file), "ok": not problems, "problems": [one._asdict() for one in problems]}
                for file, problems in found
            ]
        )
    else:
        for file, problems in found:
            for line in map(str, problems) if problems else ["ok"]:
                output.write(output.printable(f"{file}: {line}"))
    wrong = sum(bool(problems) for _, problems in found)
    if wrong:
        raise OpenESIError(f"{wrong} of {len(found)} documents are not what the standard says.")


def _problems(data: bytes, edition: Edition | None) -> list[rules.Problem]:
    try:
        chosen = edition or xml.edition_of(data) or IEEE_2018
        unknown = xml.skipped(data, chosen)
        found = rules.problems(xml.parse(data, chosen))
    except DecodeError as error:
        return [rules.Problem(error.path or "document", error.problem)]
    return [
        rules.Problem(path, f"is not in edition {chosen.name}; readers skip it") for path in unknown
    ] + found


def _read(file: Path) -> bytes:
    if file == _STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise LocalError(f"There is no file {file}.") from error
