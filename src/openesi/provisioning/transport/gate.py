"""Who may call. A caller is known by its client certificate's common name, or by user name and secret.

The name is the one messages carry as ``Source``. Callers without either are refused; there is no way to
turn that off.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections import OrderedDict
from pathlib import Path
from typing import Final, Self

from openesi.errors import LocalError
from openesi.provisioning.cim.codes import CimError
from openesi.provisioning.cim.soap import UsernameToken

DIGEST_AGE_S: Final = 300.0  # how far a digest's Created may be from now, either way
MAX_DIGESTS: Final = 20_000  # remembered; with as many digests in 5 minutes the next is refused
MAX_USERS: Final = 1000
MIN_SECRET: Final = 8  # characters; shorter ones are guessed


def read_private(path: Path) -> str:
    """The text of a file that holds secrets. Raises ``LocalError`` if others can read it, too."""
    if path.stat().st_mode & 0o077:
        raise LocalError(f"{path} holds secrets and others can read it: `chmod 600 {path}`")
    return path.read_text()


class Gate:
    """Names and secrets, and the digests seen lately."""

    def __init__(self, users: dict[str, str]) -> None:
        self._users = users
        self._digests: OrderedDict[str, float] = OrderedDict()

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The gate of a JSON file, name to secret, that nobody else may read."""
        users = json.loads(read_private(path))
        named = isinstance(users, dict) and all(isinstance(value, str) for value in users.values())
        if not named or not 0 < len(users) <= MAX_USERS:
            raise LocalError(f'{path} has to be a JSON object like {{"DR-APPLICATION": "a long secret"}}')
        if short := [name for name, secret in users.items() if len(secret) < MIN_SECRET]:
            raise LocalError(f"{path}: the secret of {short[0][:64]} has less than {MIN_SECRET} characters")
        return cls(users)

    def by_token(self, token: UsernameToken, now: float) -> str:
        """The caller's name by WS-Security. Raises ``CimError`` 7.x."""
        secret = self._users.get(token.username)
        # The work is the same for an unknown name, so that names cannot be told from answer times.
        if not token.proves(secret if secret is not None else "\x00 nobody") or secret is None:
            raise CimError("7.4", "user name or password is wrong")
        if token.digest:
            self._check_digest(token, now)
        return token.username

    def by_basic(self, header: str) -> str:
        """The caller's name by HTTP Basic. Raises ``CimError`` 7.x."""
        scheme, _, value = header.partition(" ")
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise CimError("7.3", "the Authorization header cannot be read") from None
        if scheme.lower() != "basic":
            raise CimError("7.3", "only Basic authorization is served, or a client certificate")
        secret = self._users.get(name)
        right = hmac.compare_digest(password.encode(), (secret or "\x00 nobody").encode())
        if not right or secret is None:
            raise CimError("7.4", "user name or password is wrong")
        return name

    def _check_digest(self, token: UsernameToken, now: float) -> None:
        created = token.created.timestamp() if token.created else 0.0
        if abs(now - created) > DIGEST_AGE_S:
            raise CimError("7.4", "the password digest is not of now; check the clocks")
        while self._digests and next(iter(self._digests.values())) < now - 2 * DIGEST_AGE_S:
            self._digests.popitem(last=False)
        # Not the nonce: nonce, time and secret are hashed without a mark between them, so the end of a nonce
        # may be passed off as the beginning of the time.
        if token.password in self._digests:
            raise CimError("7.4", "the password digest was used before")
        if len(self._digests) >= MAX_DIGESTS:
            raise CimError("7.1", "too many password digests; call again later")
        self._digests[token.password] = now
