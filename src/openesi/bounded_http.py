"""uvicorn's HTTP/1.1 with the bounds that it lacks: how long a connection may hold its place unasked.

uvicorn waits for a request for ever, the first or a next one that was begun; and only h11 bounds the head of
a request, which httptools as uvicorn drives it does not. So anybody could hold all connections that a
listener takes, or fill its memory.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class BoundedProtocol(H11Protocol):
    """A connection that is closed after once to twice ``quiet_s`` in which no request was completed.

    One that is being answered may take its time.
    """

    quiet_s: ClassVar[float] = 30.0

    _answered: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._look = self.loop.call_later(self.quiet_s, self._close_if_quiet)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._look.cancel()
        super().connection_lost(exc)

    def _close_if_quiet(self) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.cycle is not self._answered:
            self._answered = self.cycle
            self._look = self.loop.call_later(self.quiet_s, self._close_if_quiet)
        elif not self.transport.is_closing():  # or the rest of an answer is on its way to a slow reader
            self.transport.abort()
