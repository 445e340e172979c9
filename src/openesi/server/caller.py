"""Who asks, and what that allows: worked out once per certificate, then passed along as a value."""

from __future__ import annotations

import msgspec

from openesi.sep2 import editions, identity
from openesi.sep2 import model as sep
from openesi.sep2.editions import Edition
from openesi.server.documents import read_document
from openesi.server.settings import Settings
from openesi.store import ALIAS, Reader

MAX_ASSIGNMENTS = 1_000  # FunctionSetAssignments of one device that are looked at; the standard thinks of 15


class Caller(msgspec.Struct, frozen=True):
    """A client by its certificate.

    ``registered`` tells that an enabled EndDevice stands for it; ``device`` is that EndDevice's path;
    ``groups`` are the paths of the groups that it, or a device it speaks for, belongs to;
    ``revoked`` clients are answered 403 whatever they ask; ``aggregator`` ones may register other devices.
    """

    lfdi: bytes
    edition: Edition
    registered: bool = False
    revoked: bool = False
    aggregator: bool = False
    device: str | None = None
    groups: frozenset[str] = frozenset()

    @property
    def shared_view(self) -> tuple[str, bool, frozenset[str]]:
        """What two clients have in common that see the same of what belongs to nobody in particular."""
        return self.edition.name, self.registered, self.groups

    @property
    def own_view(self) -> tuple[bytes, str, bool, frozenset[str]]:
        """What decides over what this client alone sees; the operator may change all but its LFDI."""
        return self.lfdi, *self.shared_view

    @property
    def sfdi(self) -> int:
        """The SFDI of the certificate."""
        return identity.sfdi_from_lfdi(self.lfdi)


def find_caller(reader: Reader, lfdi: bytes, settings: Settings) -> Caller:
    """Return what the store knows of a client; an unknown one is a caller without rights."""
    record = reader.peer(lfdi)
    row = reader.find("/edev", lfdi)
    return Caller(
        lfdi,
        editions.EDITIONS[record.edition] if record and record.edition else settings.edition,
        registered=row is not None and read_document(row, sep.EndDevice).enabled is not False,
        revoked=record.revoked if record else False,
        aggregator=record.aggregator if record else False,
        device=row.path if row else None,
        groups=_groups(reader, lfdi, row.path if row else None),
    )


def _groups(reader: Reader, lfdi: bytes, device: str | None) -> frozenset[str]:
    spoken_for = reader.aliased(lfdi)
    own = reader.page(f"{device}/fsa", limit=MAX_ASSIGNMENTS) if device is not None else []
    return frozenset([*spoken_for, *(row.key.decode() for row in own if row.type == ALIAS and row.key)])
