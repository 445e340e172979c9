"""What whoever runs a server may decide. Questions that the standard leaves open are answered here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

from openesi.sep2.editions import IEEE_2018, Edition

MAX_POST_RATE_S = 86_400  # devices that post less often look as if they were gone


class Unwritten(Enum):
    """What a GET of a linked resource answers that its device has not written yet."""

    BLANK = "blank"  # 200 and a document that says nothing: every served href answers
    NOT_FOUND = "404"  # what CSIP-AUS servers do


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of one server.

    ``pen`` is the IANA private enterprise number in mRIDs that the server makes (0: none was given to you);
    ``lfdi`` is the server's own, ``started`` when it started (s); ``timezone`` an IANA zone name;
    ``time_quality`` as in Time.quality; rates are in seconds; ``flow_budget_w`` is the power (W) within which
    flow reservations are granted by themselves (None: the operator answers).
    """

    edition: Edition = IEEE_2018
    lfdi: bytes = bytes(20)
    started: int = 0
    pen: int = 0
    files: Path | None = None  # where the octets of Files lie; None: this server keeps none
    timezone: str = "UTC"
    time_quality: int = 4
    in_band_registration: bool = True
    default_pin: int = 111115  # the PIN that test devices carry, for devices that register in band
    unwritten: Unwritten = Unwritten.BLANK
    fixed_connection_points: bool = False  # CSIP-AUS: only the operator changes one that is written
    poll_rates: dict[str, int] = field(default_factory=dict)
    default_poll_rate: int = 900
    post_rate: int = 300
    mirror_kept_s: int = 72 * 3_600  # without a post to it (2018, 10.11.3); 0: for ever
    least_post_rate: int = 1  # what a device may propose at least; flooding is its own to answer for
    response_required: int = 0x03
    flow_budget_w: float | None = None
    notify_local: bool = False  # let clients name loopback and link-local addresses for notifications
    notify_every_s: int = 30  # at most one notification in this time for each subscription (8.7.3.4 k)

    def decide_post_rate(self, proposed: int | None) -> int:
        """Return the postRate (s) of a device that proposes one: its own, within a day."""
        if not proposed:
            return self.post_rate
        return max(self.least_post_rate, min(proposed, MAX_POST_RATE_S))

    @property
    def mrid_pen(self) -> int:
        """The PEN as it ends an mRID; CSIP-AUS writes its decimal digits, 28547 as 00028547 (TS 5573)."""
        return int(str(self.pen), 16) if "csip-aus-1.2" in self.edition.tags else self.pen

    def poll_rate(self, type_name: str) -> int:
        """Return the pollRate (s) given to resources of a type."""
        return self.poll_rates.get(type_name, self.default_poll_rate)


def is_local(hosts: list[str] | None) -> bool:
    """Tell whether addresses to listen on are reached from this machine alone; None stands for all."""
    try:
        return hosts is not None and all(ip_address(one).is_loopback for one in hosts)
    except ValueError:  # a name may stand for any address
        return False
