"""Who may read: names, roles and hashed passwords in one file that only its owner can read.

Passwords are hashed with PBKDF2, which needs no memory on a small machine (scrypt would keep 16 MB).
Verifying costs a fifth of a second of one core on purpose, so what was verified is remembered (as a keyed
hash, in memory, for minutes), and wrong guesses are rationed by address and by name.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from openesi.errors import LocalError

ITERATIONS = 600_000  # of PBKDF2-HMAC-SHA256: a fifth of a second of a desktop core
MAX_ITERATIONS = 10_000_000  # what a damaged file can make this wait
MIN_PASSWORD = 8
MAX_PASSWORD = 128  # a longer one is not a password but an attack on the hash
MAX_USERS = 64
REMEMBER_S = 3600.0  # since the last use: a page left open does not cost a hash every few minutes
MAX_REMEMBERED = 256  # several devices for each user; someone with many guesses fills only the ration below
MAX_OFFENDERS = 1024  # addresses whose wrong guesses are counted; the oldest makes room
FREE_FAILURES = 5
FAILURE_FADES_S = 20.0  # one more guess every 20 s after that
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,31}\Z")


class Role(Enum):
    """What a user may see."""

    READER = "reader"  # everything
    QUALITY = "quality"  # how well the network works; no power, no energy


@dataclass(frozen=True, slots=True)
class User:
    """One line of the store."""

    name: str
    role: Role
    hash: str


def hash_password(password: str) -> str:
    """A salted PBKDF2 hash that carries its own parameters."""
    salt = secrets.token_bytes(16)
    return f"pbkdf2-sha256${ITERATIONS}${salt.hex()}${_derive(password, salt, ITERATIONS).hex()}"


def verify_password(password: str, stored: str) -> bool:
    """Whether ``password`` is the one that ``stored`` was made from."""
    _, iterations, salt, digest = stored.split("$")
    found = _derive(password, bytes.fromhex(salt), min(int(iterations), MAX_ITERATIONS))
    return hmac.compare_digest(found, bytes.fromhex(digest))


class UserStore:
    """The file ``users.json``.

    Read again when it changes, so a user added while the gateway runs counts at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, User] = {}

    def find(self, name: str) -> User | None:
        """The user called ``name``. Raises LocalError if the file cannot be understood."""
        return self._load().get(name)

    def names(self) -> list[tuple[str, Role]]:
        """All users with their roles, by name."""
        return [(user.name, user.role) for _, user in sorted(self._load().items())]

    def insert(self, name: str, password: str, *, role: Role = Role.READER) -> None:
        """Add a user, or give one a new password.

        Raises LocalError for a name or password that will not do.
        """
        if not _NAME.match(name):
            raise LocalError(f"{name!r} cannot be a user name: use up to 32 letters, digits and . _ @ -")
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise LocalError(f"choose a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters")
        users = dict(self._load())
        if name not in users and len(users) >= MAX_USERS:
            raise LocalError(f"there are {MAX_USERS} users already: remove one first")
        users[name] = User(name, role, hash_password(password))
        self._save(users)

    def remove(self, name: str) -> None:
        """Take a user away. Raises LocalError if there is none of that name."""
        users = dict(self._load())
        if users.pop(name, None) is None:
            raise LocalError(f"there is no user {name!r}; `openesi gateway user list` shows them")
        self._save(users)

    def _load(self) -> dict[str, User]:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._users = None, {}
            return self._users
        if self._stamp != (stat.st_mtime_ns, stat.st_ino):
            try:
                content = json.loads(self._path.read_text())
                self._users = {
                    name: User(name, Role(entry["role"]), str(entry["hash"]))
                    for name, entry in content.items()
                }
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise LocalError(
                    f"{self._path} is damaged ({error}): remove it and add the users again"
                ) from error
            self._stamp = (stat.st_mtime_ns, stat.st_ino)
        return self._users

    def _save(self, users: dict[str, User]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = {user.name: {"role": user.role.value, "hash": user.hash} for user in users.values()}
        # mkstemp makes the file 0600; the rename makes the change all or nothing.
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".users-")
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(self._path)


class Verified:
    """Which name and password pairs were right lately. Keeps a keyed hash of them, never the password."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def remembers(self, user: User, password: str, now: float) -> bool:
        """Whether the pair was right, and used, less than REMEMBER_S ago, against the same stored hash."""
        token = self._token(user, password)
        if self._until.get(token, 0.0) <= now:
            return False
        self._until[token] = now + REMEMBER_S
        return True

    def remember(self, user: User, password: str, now: float) -> None:
        """The pair has just been verified."""
        token = self._token(user, password)
        self._until[token] = now + REMEMBER_S
        self._until.move_to_end(token)
        while len(self._until) > MAX_REMEMBERED:
            self._until.popitem(last=False)

    def _token(self, user: User, password: str) -> bytes:
        # The stored hash is in it, so a new password or a removed user ends what is remembered.
        content = f"{user.name}\0{user.hash}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, content, "sha256")


class Ration:
    """Wrong guesses by address: FREE_FAILURES at once, then one every FAILURE_FADES_S.

    Not by name: whoever is on the network could lock the owner out.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, who: str, now: float) -> float:
        """How long ``who`` has to wait before the next guess is looked at; 0 for not at all."""
        failures = self._left(who, now)
        return (
            max(0.0, (failures - FREE_FAILURES + 1) * FAILURE_FADES_S) if failures >= FREE_FAILURES else 0.0
        )

    def fail(self, who: str, now: float) -> None:
        """``who`` has guessed wrong."""
        self._failures[who] = (self._left(who, now) + 1, now)
        self._failures.move_to_end(who)
        while len(self._failures) > MAX_OFFENDERS:
            self._failures.popitem(last=False)

    def forgive(self, who: str) -> None:
        """``who`` knew the password."""
        self._failures.pop(who, None)

    def _left(self, who: str, now: float) -> float:
        failures, since = self._failures.get(who, (0.0, now))
        return max(0.0, failures - (now - since) / FAILURE_FADES_S)


def _derive(password: str, salt: bytes, iterations: int) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.pbkdf2_hmac("sha256", secret, salt, iterations)
