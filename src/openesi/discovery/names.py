"""What a 2030.5 server says of itself in DNS-SD: names, subtypes and the TXT record (IEEE 2030.5-2018, 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from openesi.discovery.dns import Name
from openesi.sep2.identity import SFDI_DIGITS, format_sfdi_dns

SERVICE: Final[Name] = (b"_smartenergy", b"_tcp")
SUB: Final = b"_sub"
SITE: Final = "site"  # xmDNS: the whole site, over routers
LOCAL: Final = "local"  # mDNS: one link
PORT: Final = 5353
GROUPS: Final[dict[str, tuple[str, ...]]] = {SITE: ("ff05::fb",), LOCAL: ("ff02::fb", "224.0.0.251")}
"""Where the names of a domain are asked for and told."""

SUBTYPES: Final[dict[str, str]] = {
    "bill": "/bill",
    "derp": "/derp",
    "dr": "/dr",
    "edev": "/edev",
    "file": "/file",
    "msg": "/msg",
    "mup": "/mup",
    "ppy": "/ppy",
    "rsps": "/rsps",
    "sdev": "/sdev",
    "tm": "/tm",
    "tp": "/tp",
    "upt": "/upt",
}
"""Table 17: function sets that can be asked for, and the path of each one's top resource here."""

MAX_TXT: Final = 1300  # octets; with the other records a packet still fits one Ethernet frame
_EDEV_SFDI = re.compile(rb"edev-(\d{%d})" % SFDI_DIGITS, re.IGNORECASE)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One server as others shall find it. ``port`` is where TLS is spoken; there is no plain HTTP."""

    sfdi: int
    port: int
    dcap: str = "/dcap"
    level: str = "-S1"
    subtypes: dict[str, str] = field(default_factory=lambda: dict(SUBTYPES))

    def label(self, number: int = 1) -> bytes:
        """Return the instance's (and host's) label; each ``number`` another. It ends with the SFDI."""
        return f"openesi-{'' if number == 1 else f'{number}-'}{format_sfdi_dns(self.sfdi)}".encode()

    def txt(self, path: str | None = None) -> bytes:
        """Return the TXT record; ``path`` belongs into answers about one function set (Table 16)."""
        pairs = ["txtvers=1", f"dcap={self.dcap}"]
        if path is not None:
            pairs.append(f"path={path}")
        pairs += [f"https={self.port}", f"level={self.level}"]
        return b"".join(bytes((len(pair),)) + pair.encode() for pair in pairs)


def service_name(domain: str) -> Name:
    """Return the name that all servers share."""
    return (*SERVICE, domain.encode())


def subtype_name(subtype: str, domain: str) -> Name:
    """Return the name of those servers that offer a function set, or (``edev-SFDI``) know a device."""
    return (subtype.encode(), SUB, *service_name(domain))


def device_subtype(sfdi: int) -> str:
    """Return the subtype under which servers answer that have an EndDevice for this SFDI."""
    return f"edev-{format_sfdi_dns(sfdi)}"


def asked_sfdi(name: Name) -> int | None:
    """Return the SFDI that a name asks for, if it asks for one."""
    if len(name) != 5 or name[1].lower() != SUB or tuple(map(bytes.lower, name[2:4])) != SERVICE:
        return None
    found = _EDEV_SFDI.fullmatch(name[0])
    return int(found[1]) if found else None


def parse_txt(data: bytes) -> dict[str, str | None] | None:
    """Read a TXT record; None if it is to be discarded (Table 16).

    That is: ``txtvers`` is not first or not 1, ``dcap`` is missing or no path. The first of equal keys
    counts. A key without ``=`` has the value None.
    """
    pairs: dict[str, str | None] = {}
    at = 0
    while at < min(len(data), MAX_TXT):
        end = at + 1 + data[at]
        if end > len(data):
            return None
        key, equals, value = data[at + 1 : end].decode("utf-8", "replace").partition("=")
        if not pairs and (key.lower(), value) != ("txtvers", "1"):
            return None
        pairs.setdefault(key.lower(), value if equals else None)
        at = end
    return pairs if (pairs.get("dcap") or "").startswith("/") else None
