"""The octets of File resources over the operator's API: put piece by piece, checked, replaced, listed.

A File is made with ``POST /api/resources/file``; ``PUT /api/files/N/content`` brings its octets, which become
what devices get once they are whole, on the disk, and what the File and the caller said they are.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2.enums import FileState
from openesi.sep2.file import activation
from openesi.sep2.json import to_json
from openesi.server import artefacts
from openesi.server.documents import read_document
from openesi.server.functions.file import MAX_FILES
from openesi.server.tree import Hand
from openesi.store import Reader, Row, Transaction
from openesi.web.answers import answer
from openesi.web.bodies import read_flag, read_query
from openesi.web.live import Live

OCTETS = "application/octet-stream"
MAX_REPORTS = 100_000  # FileStatus of devices that are counted

_finishing = asyncio.Lock()  # between a file's rename and its row nobody may sweep


class OfferedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A File as the operator sees it.

    ``content`` tells how many octets are here (None: none yet), ``activation`` what devices do with it now,
    ``devices`` how many of them reported each state.
    """

    href: str
    file: dict[str, Any]
    content: int | None
    sha256: str | None
    activation: str
    devices: dict[str, int]


async def get_files(live: Live, request: Request) -> Response:
    """List files: what is offered to whom, whether its octets are here, how far devices have come."""
    read_query(request, {})
    now = int(live.service.clock())
    reports = await live.service.store.read(lambda reader: reader.of_type("FileStatus", limit=MAX_REPORTS))
    states = await asyncio.to_thread(_count_states, reports)  # devices are answered in between
    return answer(await live.service.store.read(lambda reader: _files(reader, now, states)))


async def put_content(live: Live, request: Request) -> Response:
    """Take the octets of a file, checked against its size and a SHA-256 in Content-Digest or ``?sha256=``.

    With ``?replace=true`` the size may differ from that of what was there before.
    """
    query = read_query(request, QUERIES[put_content])
    replacing = read_flag(query, "replace")
    if request.headers.get("content-type", "").partition(";")[0].strip() != OCTETS:
        raise HTTPException(415, f"send {OCTETS}")
    folder, path = _folder(live), _path(request)
    wanted = _expected_digest(query["sha256"], request.headers.get("content-digest"))
    length = request.headers.get("content-length", "")
    announced = int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
    file = await live.service.store.read(lambda reader: _uploadable(reader, path))
    most = file.size if file.size and not replacing else artefacts.MAX_OCTETS
    if announced > min(most, artefacts.MAX_OCTETS):
        raise HTTPException(413, f"{announced} octets; at most {most} are taken for {path}")
    upload = await asyncio.to_thread(artefacts.Upload, folder)
    try:
        await asyncio.to_thread(artefacts.expect_room, folder, announced)
        async for piece in request.stream():
            await asyncio.to_thread(upload.write, piece)
        if announced and upload.octets != announced:
            raise HTTPException(400, f"{upload.octets} of {announced} octets came")
        async with _finishing:
            artefact = await asyncio.to_thread(upload.finish)
            try:
                if wanted is not None and artefact.sha256 != wanted:
                    raise HTTPException(422, f"the SHA-256 of what came is {artefact.sha256}, not {wanted}")
                await live.service.store.write(lambda tx: _record(live, tx, path, artefact, replacing))
            finally:
                await _sweep(live, folder)
    except ClientDisconnect:
        raise HTTPException(400, f"the upload broke off after {upload.octets} octets") from None
    finally:
        await asyncio.to_thread(upload.abandon)
    return answer({"href": path, "octets": artefact.octets, "sha256": artefact.sha256})


async def delete_file(live: Live, request: Request) -> Response:
    """Remove a file and its octets; who is just loading it may finish."""
    read_query(request, {})
    path, now = _path(request), int(live.service.clock())
    settings = live.service.settings
    async with _finishing:
        await live.service.store.read(lambda reader: _existing(reader, path))
        await live.service.store.write(lambda tx: Hand(tx=tx, now=now, settings=settings).remove(path))
        await _sweep(live, _folder(live))
    return Response(status_code=204)


async def _sweep(live: Live, folder: Path) -> None:
    used = await live.service.store.read(artefacts.used)
    await asyncio.to_thread(artefacts.sweep, folder, used)


def _record(live: Live, tx: Transaction, path: str, artefact: artefacts.Artefact, replacing: bool) -> None:
    file = _uploadable(tx, path)
    if file.size and file.size != artefact.octets and not replacing:
        raise LocalError(f"{path} says {file.size} octets, {artefact.octets} came: ?replace=true takes it")
    artefacts.record(tx, path, artefact)
    if file.size != artefact.octets:
        now, settings = int(live.service.clock()), live.service.settings
        Hand(tx=tx, now=now, settings=settings).merge(path, {"size": artefact.octets})


def _uploadable(reader: Reader, path: str) -> sep.File:
    file = _existing(reader, path)
    if not artefacts.leads_to(file.fileURI, path):
        raise LocalError(f"{path} leads to {file.fileURI}, which is not on this server")
    return file


def _existing(reader: Reader, path: str) -> sep.File:
    row = reader.get(path)
    if row is None:
        raise HTTPException(404, f"there is no file {path}: POST /api/resources/file makes one")
    return read_document(row, sep.File)


def _count_states(reports: list[Row]) -> dict[str, Counter[str]]:
    """Return how many devices reported each state, by the file that they report about."""
    states: dict[str, Counter[str]] = {}
    for row in reports:
        status = read_document(row, sep.FileStatus)
        if status.FileLink is not None:
            states.setdefault(status.FileLink.href, Counter())[FileState(status.status).name.lower()] += 1
    return states


def _files(reader: Reader, now: int, states: dict[str, Counter[str]]) -> list[OfferedFile]:
    found = []
    for row in reader.page("/file", limit=MAX_FILES):
        file, content = read_document(row, sep.File), artefacts.find(reader, row.path)
        found.append(
            OfferedFile(
                href=row.path,
                file=to_json(file),
                content=content.octets if content else None,
                sha256=content.sha256 if content else None,
                activation=activation(file, now).value,
                devices=dict(states.get(row.path, {})),
            )
        )
    return found


def _expected_digest(given: str, header: str | None) -> str | None:
    """Return the SHA-256 in hexadecimal that the caller says it is sending; None if it does not say."""
    if given:
        if len(given) != 64 or not set(given.lower()) <= set("0123456789abcdef"):
            raise HTTPException(422, "sha256 is 64 hexadecimal digits")
        return given.lower()
    for part in (header or "").split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "sha-256":
            try:
                return base64.b64decode(value.strip(":"), validate=True).hex()
            except (binascii.Error, ValueError):
                raise HTTPException(422, "Content-Digest is sha-256=:BASE64: (RFC 9530)") from None
    return None


def _folder(live: Live) -> Path:
    folder = live.service.settings.files
    if folder is None:
        raise LocalError("this server keeps no files")
    return folder


def _path(request: Request) -> str:
    number = str(request.path_params["file"])
    if not (number.isascii() and number.isdigit() and len(number) <= 12):
        raise HTTPException(404, f"there is no file {number[:20]!r}")
    return f"/file/{number}"


ENDPOINTS = (
    ("GET", "/api/files", get_files),
    ("PUT", "/api/files/{file}/content", put_content),
    ("DELETE", "/api/files/{file}", delete_file),
)
QUERIES: dict[Any, dict[str, str]] = {put_content: {"sha256": "", "replace": "false"}}
ANSWERS: dict[Any, Any] = {get_files: list[OfferedFile]}
