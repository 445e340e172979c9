"""``openesi get``, ``put`` and ``post``: the standard, asked by hand."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from xml.dom import minidom
from xml.parsers.expat import ExpatError

import typer

from openesi.cli import output
from openesi.cli.options import noun_app
from openesi.errors import LocalError, WrongUsage

if TYPE_CHECKING:
    from openesi.client import TLSSettings
    from openesi.client.http import Answer

get = noun_app("Read a resource of a 2030.5 server.", single=True)
put = noun_app("Write a resource of a 2030.5 server from a file.", single=True)
post = noun_app("Add to a list of a 2030.5 server from a file.", single=True)

MAX_FILE = 1 << 20  # octets; servers take no more

PathArgument = Annotated[str, typer.Argument(metavar="PATH", help="As /dcap, or a full address.")]
FileArgument = Annotated[str, typer.Argument(metavar="FILE", help="The document; - reads it from stdin.")]
Server = Annotated[
    str,
    typer.Option("--server", envvar="OPENESI_SERVER", metavar="URL", help="As https://localhost:8443."),
]
Cert = Annotated[
    Path | None,
    typer.Option(envvar="OPENESI_CERT", metavar="FILE", help="Own certificate with its chain, PEM."),
]
Key = Annotated[Path | None, typer.Option(envvar="OPENESI_KEY", metavar="FILE", help="Its key, PEM.")]
Ca = Annotated[
    list[Path] | None,
    typer.Option("--ca", envvar="OPENESI_CA", metavar="FILE", help="CA that the server is trusted by."),
]
ServerLfdi = Annotated[
    str | None,
    typer.Option("--server-lfdi", metavar="HEX", help="The one server to trust; enough without --ca."),
]
Profile = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="Edition that the server speaks: 2018, 2013, ...")
]
Exi = Annotated[
    bool, typer.Option("--exi", help="Speak EXI where the server can; shown as XML all the same.")
]
Raw = Annotated[bool, typer.Option("--raw", help="Print the body as it came, octet for octet.")]
Include = Annotated[bool, typer.Option("--include", "-i", help="Show status and headers on stderr.")]


@get.command()
def get_command(
    path: PathArgument,
    *,
    server: Server = "https://localhost:8443",
    cert: Cert = None,
    key: Key = None,
    ca: Ca = None,
    server_lfdi: ServerLfdi = None,
    profile: Profile = "2018",
    exi: Exi = False,
    raw: Raw = False,
    include: Include = False,
) -> None:
    """Print the document at PATH.

    \b
    openesi get /dcap --server https://localhost:8443 --cert inverter.pem --key inverter.key --ca serca.pem
    openesi get "/edev?s=0&l=10" -i
    """
    answer = _ask("GET", path, b"", server, (cert, key, ca, server_lfdi, profile), exi=exi)
    _show(answer, "GET", path, profile, raw=raw, include=include)


@put.command()
def put_command(
    path: PathArgument,
    file: FileArgument,
    *,
    server: Server = "https://localhost:8443",
    cert: Cert = None,
    key: Key = None,
    ca: Ca = None,
    server_lfdi: ServerLfdi = None,
    profile: Profile = "2018",
    exi: Exi = False,
    raw: Raw = False,
    include: Include = False,
) -> None:
    """Replace the document at PATH by the one in FILE.

    \b
    openesi put /edev/1/der/1/derg settings.xml
    """
    answer = _ask("PUT", path, _read(file), server, (cert, key, ca, server_lfdi, profile), exi=exi)
    _show(answer, "PUT", path, profile, raw=raw, include=include)


@post.command()
def post_command(
    path: PathArgument,
    file: FileArgument,
    *,
    server: Server = "https://localhost:8443",
    cert: Cert = None,
    key: Key = None,
    ca: Ca = None,
    server_lfdi: ServerLfdi = None,
    profile: Profile = "2018",
    exi: Exi = False,
    raw: Raw = False,
    include: Include = False,
) -> None:
    """Add the document in FILE to the list at PATH, and print where the server put it.

    \b
    openesi post /mup mirror.xml
    """
    answer = _ask("POST", path, _read(file), server, (cert, key, ca, server_lfdi, profile), exi=exi)
    _show(answer, "POST", path, profile, raw=raw, include=include)
    if answer.status < 300 and not answer.body and "location" in answer.headers:
        output.write(output.printable(answer.headers["location"]))


Identity = tuple[Path | None, Path | None, list[Path] | None, str | None, str]


def tls_settings(
    cert: Path | None, key: Path | None, ca: list[Path] | None, server_lfdi: str | None, profile: str
) -> TLSSettings:
    """Return what these options say. Raises WrongUsage for an edition that there is not."""
    from openesi.client import TLSSettings
    from openesi.sep2.editions import EDITIONS
    from openesi.sep2.identity import parse_lfdi

    if profile not in EDITIONS:
        raise WrongUsage(f"--profile {profile!r}: choose one of {', '.join(EDITIONS)}")
    return TLSSettings(
        cert=cert,
        key=key,
        ca=tuple(ca or ()),
        server_lfdi=parse_lfdi(server_lfdi) if server_lfdi else None,
    )


def _ask(method: str, path: str, body: bytes, server: str, who: Identity, *, exi: bool) -> Answer:
    from openesi.client import Client
    from openesi.sep2 import exi as codec
    from openesi.sep2.editions import EDITIONS

    tls = tls_settings(*who)
    edition = EDITIONS[who[4]]
    if exi and body:
        body = codec.from_xml(body, edition)

    async def ask() -> Answer:
        async with Client(server, tls=tls, edition=edition, exi=exi) as esi:
            return await esi.request_raw(method, path, body)

    return asyncio.run(ask())


def _show(answer: Answer, method: str, path: str, profile: str, *, raw: bool, include: bool) -> None:
    from openesi.client.errors import AccessRefused, AnswerError
    from openesi.sep2 import exi
    from openesi.sep2.editions import EDITIONS

    if include:
        head = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in answer.headers.items())]
        output.say("\n".join(head))
    if raw:
        sys.stdout.buffer.write(answer.body)
    elif answer.body:
        is_exi = answer.headers.get("content-type", "").startswith("application/sep-exi")
        output.write(_pretty(exi.to_xml(answer.body, EDITIONS[profile]) if is_exi else answer.body))
    if answer.status in (401, 403):
        raise AccessRefused(
            f"{method} {path} is answered with {answer.status}: is this device registered?",
            status=answer.status,
        )
    if answer.status >= 300:
        raise AnswerError(f"{method} {path} is answered with {answer.status}", status=answer.status)


def _pretty(body: bytes) -> str:
    """Return XML indented; what is no XML as it is. A DTD (entities!) is not expanded but shown."""
    text = body.decode("utf-8", "replace")
    if b"<!DOCTYPE" in body:
        return output.printable(text)
    try:
        root = minidom.parseString(body).documentElement  # noqa: S318 (DTDs, and so entities, are not read)
    except ExpatError:
        return output.printable(text)
    lines = root.toprettyxml(indent="  ").splitlines() if root else ()
    return output.printable("\n".join(line for line in lines if line.strip()))


def _read(file: str) -> bytes:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise LocalError(f"{file} cannot be read: {error.strerror}") from error
    if len(data) > MAX_FILE:
        raise LocalError(f"{file} is longer than {MAX_FILE} octets, more than a server takes")
    return data
