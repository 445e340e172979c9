"""Why a request is refused: the status to answer with and the reason in the standard's Error."""

from __future__ import annotations

from openesi.errors import PeerError
from openesi.sep2.errors import ReasonCode


class Refusal(PeerError):
    """A request that is not granted. ``reason`` goes into the Error body, ``headers`` into the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        reason: ReasonCode = ReasonCode.VALUES,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, status=status)
        self.reason = reason
        self.headers = headers


def not_found(path: str) -> Refusal:
    """Return the refusal for what is not there, or not for this client to see: the two look alike."""
    return Refusal(404, f"nothing at {path} for this client")
