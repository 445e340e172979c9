"""The two families every error of OpenESI belongs to.

``LocalError``: you called me wrong (a bad option, a value that cannot be encoded, a file that is not there).
``PeerError``: the other side is wrong (a document that breaks the schema, a certificate that is not trusted);
it carries the HTTP status to answer with.

Messages are for a tired installer: what happened, and what to do next.
"""

from __future__ import annotations


class OpenESIError(Exception):
    """Base of all errors raised on purpose by this package."""


class LocalError(OpenESIError):
    """The caller, or whoever runs this program, made the mistake."""


class WrongUsage(LocalError):
    """An option or argument makes no sense; reading the command's --help mends it."""


class Unreachable(LocalError):
    """No server answers at the given address, or the way there is broken."""


class Refused(LocalError):
    """The server is there and will not have us: TLS handshake, certificate, registration or access."""


class PeerError(OpenESIError):
    """The other side made the mistake; ``status`` is the HTTP status that tells it so."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
