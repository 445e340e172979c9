"""``openesi exi``: documents between XML and EXI, and streams read aloud bit by bit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from openesi.cli import output
from openesi.cli.options import noun_app
from openesi.errors import LocalError, OpenESIError, WrongUsage
from openesi.sep2 import exi
from openesi.sep2.editions import EDITIONS, IEEE_2018, Edition

app = noun_app("Turn XML into EXI and back, as application/sep-exi has it.")

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to read; - is standard input.")]
OutDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write a file per input here instead of printing the one there is."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Strict grammars: not IEEE 2030.5, but what one tests a codec with.")
]
EditionOfStream = Annotated[
    str | None,
    typer.Option(metavar="NAME", help=f"Edition, if the schemaId is not to choose: {', '.join(EDITIONS)}."),
]

_STANDARD_INPUT = Path("-")


@app.command()
def encode(
    files: Files,
    out_dir: OutDir = None,
    edition: Annotated[
        str, typer.Option(metavar="NAME", help=f"Edition of the standard: {', '.join(EDITIONS)}.")
    ] = IEEE_2018.name,
    strict: Strict = False,
    bare: Annotated[
        bool, typer.Option("--bare", help="A header of one octet, without the schemaId: not IEEE 2030.5.")
    ] = False,
) -> None:
    """Turn XML documents into EXI streams.

    Elements and attributes that the schema does not have are kept, as the standard's grammar allows.

    \b
    openesi exi encode time.xml > time.exi
    openesi exi encode *.xml --out-dir exi
    """
    chosen = _edition(edition)
    _convert(
        files, out_dir, ".exi", lambda data: exi.from_xml(data, chosen, strict=strict, with_options=not bare)
    )


@app.command()
def decode(
    files: Files, out_dir: OutDir = None, edition: EditionOfStream = None, strict: Strict = False
) -> None:
    """Turn EXI streams into XML documents.

    \b
    openesi exi decode time.exi
    openesi exi decode *.exi --out-dir xml
    """
    chosen = None if edition is None else _edition(edition)
    _convert(files, out_dir, ".xml", lambda data: exi.to_xml(data, chosen, strict=strict) + b"\n")


@app.command()
def trace(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The stream to read; - is standard input.")],
    edition: EditionOfStream = None,
    strict: Strict = False,
) -> None:
    """Print what a stream says, bit by bit, up to its end or to its first error.

    Each line is an event: the parts of its code and of its value, each as @OFFSET BITS MEANING.

    \b
    openesi exi trace time.exi
    """
    chosen = None if edition is None else _edition(edition)
    last = ""
    for last in exi.trace(_read(file), chosen, strict=strict):
        output.write(output.printable(last).replace("\n", "\\n"))
    if " ERROR " in last:
        raise OpenESIError(f"{file} is not read to its end: see the last line")


def _edition(name: str) -> Edition:
    if name not in EDITIONS:
        raise WrongUsage(f"There is no edition {name!r}. Known are: {', '.join(EDITIONS)}.")
    return EDITIONS[name]


def _convert(files: list[Path], out_dir: Path | None, suffix: str, convert: Callable[[bytes], bytes]) -> None:
    """Convert each file; one that fails is told of and does not stop the others."""
    if out_dir is None:
        if len(files) > 1:
            raise WrongUsage("Several files need --out-dir DIR to be written to.")
        sys.stdout.buffer.write(convert(_read(files[0])))
        return
    out_dir.mkdir(parents=True, exist_ok=True)
    targets = {out_dir / f"{_stem(file)}{suffix}": file for file in files}
    if len(targets) < len(files):
        raise WrongUsage("Two of the files have the same name, so one would overwrite the other.")
    failed = 0
    for target, file in targets.items():
        try:
            target.write_bytes(convert(_read(file)))
        except (OpenESIError, OSError) as error:
            output.say(f"{file}: {error}")
            failed += 1
        else:
            output.write(str(target))
    if failed:
        raise OpenESIError(f"{failed} of {len(files)} files could not be converted")


def _stem(file: Path) -> str:
    return "stdin" if file == _STANDARD_INPUT else file.stem


def _read(file: Path) -> bytes:
    if file == _STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise LocalError(f"There is no file {file}.") from error
