"""``openesi schema``: the XSD that the model stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openesi.cli import output
from openesi.cli.options import noun_app
from openesi.errors import WrongUsage
from openesi.sep2.editions import EDITIONS
from openesi.sep2.xsd import print_schemas

app = noun_app("Print the XSD that the model stands for.", single=True)


@app.command()
def schema(
    edition: Annotated[
        str, typer.Option(metavar="NAME", help=f"Edition of the standard: {', '.join(EDITIONS)}.")
    ] = "2018",
    out_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the documents of the schema here instead of printing one."),
    ] = None,
) -> None:
    """Print the XSD that the model stands for.

    Profiles with namespaces of their own (CSIP-AUS) need a document for each; --out-dir writes them all.

    \b
    openesi schema > sep.xsd && xmllint --noout --schema sep.xsd document.xml
    openesi schema --edition csip-aus-1.2 --out-dir xsd
    """
    if edition not in EDITIONS:
        raise WrongUsage(f"There is no edition {edition!r}. Known are: {', '.join(EDITIONS)}.")
    documents = print_schemas(EDITIONS[edition])
    if out_dir is None:
        output.write(next(iter(documents.values())))
        if len(documents) > 1:
            output.say(f"This document imports {len(documents) - 1} more; --out-dir DIR writes them all.")
        return
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (out_dir / name).write_text(text, encoding="utf-8")
        output.write(str(out_dir / name))
