"""``openesi file``: firmware and other files for devices to load."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from openesi.cli import output, tree, units
from openesi.cli.api import ApiUrl, RunningData, ask, server_of
from openesi.cli.options import AsJson, noun_app
from openesi.cli.resource import DryRun
from openesi.errors import LocalError, Unreachable, WrongUsage
from openesi.sep2 import identity
from openesi.sep2.enums import FileType

app = noun_app(
    """Offer firmware and other files to devices, say when they take effect, see how far devices are.

    \b
    openesi file add fw-2.1.bin --maker 37244 --model Sunny --version 2.1
    openesi file list
    openesi file activate /file/1 'in 2h'
    """
)

PIECE_OCTETS = 1 << 20
UPLOAD_S = 600.0  # the server may be busy with its disk
File = Annotated[str, typer.Argument(metavar="FILE", help="Its href, as /file/1.")]
_TYPES = {
    "software": FileType.SOFTWARE_IMAGE, "credential": FileType.SECURITY_CREDENTIAL,
    "configuration": FileType.CONFIGURATION, "log": FileType.LOG,
}  # fmt: skip


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List files: for whom, whether their octets are here, when they take effect, how far devices are."""
    found = ask("GET", "/api/files", api=api, data=data)
    if as_json:
        output.write_json(found)
        return
    rows = [
        (
            one["href"],
            _type_name(one["file"]["type"]),
            one["file"]["mfID"],
            one["file"]["mfModel"],
            one["file"]["mfVer"],
            one["file"].get("lFDI", "all that fit"),
            one["content"],
            one["activation"],
            ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in one["devices"].items())
            or None,
        )
        for one in found
    ]
    headers = ("file", "type", "maker", "model", "version", "for", "octets", "activate", "devices")
    output.write(output.render_table(headers, rows))
    if not rows:
        output.say("No file. Next: openesi file add PATH --maker PEN --model TEXT --version TEXT")


@app.command()
def add(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The file to offer.", exists=True, dir_okay=False)
    ],
    *,
    maker: Annotated[int, typer.Option(metavar="PEN", min=0, help="Enterprise number of the maker.")],
    model: Annotated[str, typer.Option(metavar="TEXT", help="Model it is for.")],
    version: Annotated[str, typer.Option(metavar="TEXT", help="Version of the file; at most 16 octets.")],
    kind: Annotated[
        str, typer.Option("--type", metavar="|".join(_TYPES), help="Or 4 hex digits, from 8000.")
    ] = "software",
    hardware: Annotated[str | None, typer.Option(metavar="TEXT", help="Hardware version it is for.")] = None,
    serial: Annotated[str | None, typer.Option(metavar="TEXT", help="Serial number it is for.")] = None,
    device: Annotated[str | None, typer.Option("--for", metavar="LFDI", help="For one device alone.")] = None,
    activate: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it takes effect; later, if not given.")
    ] = None,
    group: Annotated[str | None, typer.Option(metavar="HREF", help="Seen by this group alone.")] = None,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Offer a file and upload it."""
    octets, digest = _measured(path)
    file: dict[str, Any] = {
        "type": _type(kind),
        "mfID": maker,
        "mfModel": model,
        "mfVer": version,
        "mfHwVer": hardware,
        "mfSerNum": serial,
        "lFDI": identity.format_lfdi(identity.parse_lfdi(device)) if device else None,
        "activateTime": units.parse_start(activate, now=time.time()) if activate else None,
        "size": octets,
    }
    made = tree.write("POST", "/file", file, dry_run=dry_run, group=group, api=api, data=data)
    if not dry_run:
        try:
            _upload(path, made["href"], octets, digest, api, data)
        except BaseException:
            ask("DELETE", f"/api/files/{made['href'].rpartition('/')[2]}", api=api, data=data)
            raise
    tree.show(made, as_json=as_json)


@app.command()
def activate(
    file: File,
    when: Annotated[str, typer.Argument(metavar="TIME", help="now, 'in 2h', a date, or never.")] = "now",
    *,
    dry_run: DryRun = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Say when devices shall activate a file they have loaded; they hear of it when they look again."""
    at = None if when.strip() == "never" else units.parse_start(when, now=time.time())
    path = tree.below(file, "/file")
    made = tree.write("PATCH", path, {"activateTime": at}, dry_run=dry_run, api=api, data=data)
    tree.show(made, as_json=as_json)


@app.command()
def remove(file: File, *, dry_run: DryRun = False, api: ApiUrl = None, data: RunningData = None) -> None:
    """Remove a file and its octets."""
    path = tree.below(file, "/file")
    if dry_run:
        tree.remove(path, dry_run=True, api=api, data=data)
        return
    ask("DELETE", f"/api/files/{path.rpartition('/')[2]}", api=api, data=data)
    output.say(f"Removed {path}.")


def _upload(path: Path, href: str, octets: int, digest: str, api: str | None, data: Path | None) -> None:
    base, headers = server_of(api, data)
    headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(octets)}
    url = f"{base}/api/files/{href.rpartition('/')[2]}/content?sha256={digest}"
    try:
        response = httpx2.put(url, content=_pieces(path), headers=headers, timeout=UPLOAD_S)
    except httpx2.TransportError as error:
        raise Unreachable(f"The upload to {base} broke off ({error}).") from error
    if response.is_error:
        raise LocalError(response.json().get("error", f"HTTP {response.status_code}"))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_OCTETS):
            yield piece


def _measured(path: Path) -> tuple[int, str]:
    """Return the size and the SHA-256 of a file."""
    octets, found = 0, hashlib.sha256()
    try:
        for piece in _pieces(path):
            octets += len(piece)
            found.update(piece)
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}.") from error
    return octets, found.hexdigest()


def _type(given: str) -> str:
    if given in _TYPES:
        return f"{_TYPES[given]:04X}"
    if len(given) == 4 and set(given.lower()) <= set("0123456789abcdef"):
        return given.upper()
    raise WrongUsage(f"--type is one of {', '.join(_TYPES)}, or 4 hexadecimal digits, not {given!r}.")


def _progress(devices: dict[str, int]) -> str | None:
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in devices.items()) or None


def _type_name(octets: str) -> str:
    number = int(octets or "0", 16)
    return next((name for name, known in _TYPES.items() if known == number), octets)
