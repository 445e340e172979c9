"""Error."""

from __future__ import annotations

from openesi.sep2.model._declare import Sep
from openesi.sep2.model.primitives import UInt16


class Error(Sep):
    """DOC"""

    maxRetryDuration: UInt16 | None = None
    reasonCode: UInt16
