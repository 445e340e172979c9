"""What is wrong with a document or a value, for every codec alike."""

from __future__ import annotations

from enum import IntEnum

from openesi.errors import LocalError, PeerError


class ReasonCode(IntEnum):
    """Why a request was refused, as the Error resource says it (IEEE 2030.5-2018, type Error)."""

    FORMAT = 0  # not well-formed, or not what the schema says
    VALUES = 1  # right form, values not acceptable
    LIMIT = 2  # more than this server holds or reads
    CONDITIONAL_SUBSCRIPTION = 3  # conditional subscriptions not supported for the resource
    REQUEST_RATE = 4  # too many requests


class DecodeError(PeerError):
    """A document that is not what the standard says. ``path`` leads to the element."""

    def __init__(self, problem: str, *, reason: ReasonCode = ReasonCode.FORMAT, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.reason = reason
        self.path = path

    def under(self, name: str) -> DecodeError:
        """Return the error as seen from the element called ``name``, which holds the one it happened in."""
        path = f"{name}/{self.path}" if self.path else name
        return type(self)(self.problem, reason=self.reason, path=path)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


class EncodeError(LocalError):
    """A value that the standard does not allow; nothing was written."""
