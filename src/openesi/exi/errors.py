"""What can be wrong with a stream or with what is to be encoded."""

from __future__ import annotations

from openesi.errors import LocalError, PeerError


class ExiDecodeError(PeerError):
    """A stream that is not EXI, or not of the schema at hand; ``path`` tells where (``Time/tzOffset``)."""

    def __init__(self, message: str, *, path: str = "", status: int = 400) -> None:
        super().__init__(f"{message} (at {path})" if path else message, status=status)
        self.reason = message
        self.path = path

    def located(self, path: str) -> ExiDecodeError:
        """The same error, at a place that its raiser did not know."""
        return ExiDecodeError(self.reason, path=path, status=self.status)


class ExiLimitError(ExiDecodeError):
    """A stream that would cost more memory or time than its reader allows (413)."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message, path=path, status=413)

    def located(self, path: str) -> ExiLimitError:
        """The same error, at a place that its raiser did not know."""
        return ExiLimitError(self.reason, path=path)


class ExiEncodeError(LocalError):
    """A document that cannot be encoded with the chosen grammars; ``path`` tells where."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(f"{message} (at {path})" if path else message)
        self.path = path
