"""Error."""

from __future__ import annotations

from openesi.sep2.model._declare import Sep
from openesi.sep2.model.primitives import UInt16


class Error(Sep):
    """Why a request was refused: an optional body of a 4xx or 5xx answer, the one document without href."""

    maxRetryDuration: UInt16 | None = None  # seconds to wait before trying again
    reasonCode: UInt16  # enums.ReasonCode
