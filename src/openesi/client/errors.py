"""How a server can fail a client. Each family has its exit code in the command line.

::

    Unreachable (3)     nobody answers, the connection breaks, the answer takes too long
      NoAnswer            the request was on its way: whether it arrived is not known
    Refused (4)         the TLS handshake fails, or the server answers 401 or 403
      AccessRefused
    PeerError (1)       the server is there and lets us in, but what it says is wrong or not what we wanted
      AnswerError         an error status
        NotThere            404 or 410
      BadAnswer           a document or header that is not what the standard says
"""

from __future__ import annotations

from openesi.errors import PeerError, Refused, Unreachable

__all__ = ["AccessRefused", "AnswerError", "BadAnswer", "NoAnswer", "NotThere", "Refused", "Unreachable"]


class NoAnswer(Unreachable):
    """The connection stood, and no whole answer came: the server may have done what it was asked, or not."""


class AccessRefused(Refused):
    """The server answered 401 or 403: it knows who asks, and will not have it."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class AnswerError(PeerError):
    """The server answered with an error status; ``status`` is that status.

    ``retry_after_s`` is how long it asks to be left alone, if it does (Retry-After,
    Error.maxRetryDuration).
    """

    def __init__(self, message: str, *, status: int, retry_after_s: int | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after_s = retry_after_s

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may do better later (IEEE 2030.5-2018, clause 5.5: 5xx, and 408, 429)."""
        return self.status >= 500 or self.status in (408, 429)


class NotThere(AnswerError):
    """404 or 410: nothing is there, or not for this client."""


class BadAnswer(PeerError):
    """The server answered something that is not what the standard says; it was not used."""
