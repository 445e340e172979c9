"""The files that File resources are about: kept in the data directory, sent piece by piece, never whole.

``/file/1/content`` is a row beside the tree (type ``Artefact``) that goes with its File; it names the octets
by their SHA-256, under which they lie in the directory. So new content never changes what a device is just
loading, and the hash is the entity tag.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import msgspec

from openesi.errors import LocalError
from openesi.server.errors import Refusal
from openesi.server.ranges import Part
from openesi.store import Reader, Row, Transaction

TYPE = "Artefact"
CONTENT = "/content"  # below the path of its File
MAX_OCTETS = 1 << 30  # of one file; the operator could fill the disk by mistake
SPARE_OCTETS = 64 << 20  # left free on the disk for the database
MAX_LOADS = 64  # at a time; each holds a file and 128 kB of buffers
MAX_LOADS_OF_ONE = 2  # of one certificate: a few slow ones would keep all others waiting
RETRY_S = 30  # told to those who find all loads taken, and up to as much again: not to come back together
UPLOAD_RETRY_S = 300  # told to those who find the file announced and not there yet
MAX_ARTEFACTS = 10_000  # looked at when unused ones are removed
FORGOTTEN_S = 86_400  # an upload that was cut off


class Artefact(msgspec.Struct, frozen=True):
    """What is known of the octets: their number and SHA-256 in hexadecimal."""

    octets: int
    sha256: str

    @property
    def etag(self) -> str:
        """The strong entity tag."""
        return f'"{self.sha256}"'

    @property
    def digest(self) -> str:
        """The SHA-256 as the header ``Repr-Digest`` tells it (RFC 9530): of the whole, also with a part."""
        return f"sha-256=:{base64.b64encode(bytes.fromhex(self.sha256)).decode()}:"


def find(reader: Reader, file: str) -> Artefact | None:
    """Return the content of the File at a path, None if there is none."""
    row = reader.get(file + CONTENT)
    return msgspec.json.decode(row.body, type=Artefact) if row is not None else None


def record(tx: Transaction, file: str, artefact: Artefact) -> None:
    """Note what the content of the File at a path is."""
    tx.put(Row(path=file + CONTENT, type=TYPE, body=msgspec.json.encode(artefact)))


def file_of(path: str) -> str | None:
    """Return the path of the File whose content a path names, None where it names something else."""
    file = path.removesuffix(CONTENT)
    number = file.removeprefix("/file/")
    is_one = path.endswith(CONTENT) and file.startswith("/file/") and number.isdigit() and number.isascii()
    return file if is_one and len(number) <= 12 else None


def leads_to(uri: str, file: str) -> bool:
    """Tell whether a fileURI, with a server's name before it or not, is where a File's content is."""
    try:
        return urlsplit(uri).path == file + CONTENT
    except ValueError:
        return False


class Loads:
    """Who is loading what at the moment: at most so many in all, and of one certificate."""

    def __init__(self, *, most: int = MAX_LOADS, most_of_one: int = MAX_LOADS_OF_ONE) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._running: Counter[bytes] = Counter()

    def begin(self, folder: Path, artefact: Artefact, part: Part, lfdi: bytes) -> Load:
        """Open a part of a file for one client. Raises Refusal (503, Retry-After) where too many do so."""
        if self._running.total() >= self._most or self._running[lfdi] >= self._most_of_one:
            raise _busy("too many files are being loaded", RETRY_S + secrets.randbelow(RETRY_S))
        try:
            file = (folder / artefact.sha256).open("rb", buffering=0)
        except OSError as error:
            raise _busy(f"the file cannot be read: {error.strerror}", UPLOAD_RETRY_S) from None
        file.seek(part.start)
        self._running[lfdi] += 1
        return Load(file, part.end - part.start, self, lfdi)

    def end(self, lfdi: bytes) -> None:
        """Give a place back."""
        self._running[lfdi] -= 1
        if not self._running[lfdi]:
            del self._running[lfdi]

    def __len__(self) -> int:
        return self._running.total()


class Load:
    """One load that is running: a ``message.Source``."""

    def __init__(self, file: BinaryIO, octets: int, loads: Loads, lfdi: bytes) -> None:
        self.octets = self.left = octets
        self._file: BinaryIO | None = file
        self._loads, self._lfdi = loads, lfdi

    def read(self, most: int) -> bytes:
        """Return the next octets; none at the end, or where the file is shorter than it was."""
        try:
            piece = self._file.read(min(most, self.left)) if self._file is not None else b""
        except OSError:  # the disk: the wire ends the connection, as it does where the file is too short
            return b""
        self.left -= len(piece)
        return piece

    def close(self) -> None:
        """Give the file and the place back."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._loads.end(self._lfdi)


class Unread:
    """A body whose length alone is told, in answer to a HEAD."""

    def __init__(self, octets: int) -> None:
        self.octets = self.left = octets

    def read(self, most: int) -> bytes:
        """Return nothing."""
        del most
        return b""

    def close(self) -> None:
        """Do nothing."""


def not_uploaded() -> Refusal:
    """Return the refusal for a file that is announced and not there yet."""
    return _busy("the file is announced and not there yet", UPLOAD_RETRY_S)


def _busy(text: str, retry_s: int) -> Refusal:
    return Refusal(503, text, headers=(("Retry-After", str(retry_s)),))


# --- the operator's side ------------------------------------------------------------------------------------


class Upload:
    """A file that comes in: written beside the others under a name of its own until it is whole."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / f".{secrets.token_hex(8)}"
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()
        self.octets = 0

    def write(self, piece: bytes) -> None:
        """Add octets. Raises LocalError where there is no room for them."""
        self.octets += len(piece)
        if self.octets > MAX_OCTETS:
            raise LocalError(f"more than {MAX_OCTETS} octets: a file may have no more")
        expect_room(self._folder, len(piece))
        self._hash.update(piece)
        self._file.write(piece)

    def finish(self) -> Artefact:
        """Bring what came in to the disk, under its hash."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        artefact = Artefact(self.octets, self._hash.hexdigest())
        self._path.replace(self._folder / artefact.sha256)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return artefact

    def abandon(self) -> None:
        """Throw away what came in, unless it was finished."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def expect_room(folder: Path, octets: int) -> None:
    """Raise LocalError where the disk has no room for so much."""
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < octets + SPARE_OCTETS:
        raise LocalError(f"the disk of {folder.name}/ has no room for {octets} octets: make some")


def sweep(folder: Path, used: set[str]) -> int:
    """Remove what no File refers to, and uploads that were cut off long ago; return how many."""
    removed = 0
    if not folder.is_dir():
        return 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            young = time.time() - path.stat().st_mtime < FORGOTTEN_S
            if path.name not in used and not (path.name.startswith(".") and young):
                path.unlink()
                removed += 1
    return removed


def used(reader: Reader) -> set[str]:
    """Return the hashes that Files refer to."""
    rows = reader.of_type(TYPE, limit=MAX_ARTEFACTS)
    return {msgspec.json.decode(row.body, type=Artefact).sha256 for row in rows}
