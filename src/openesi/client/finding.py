"""Finding a device's server by DNS-SD: the one that has registered it, else one that registers devices."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from openesi.discovery import browse
from openesi.errors import Unreachable
from openesi.sep2.identity import format_sfdi

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Looks for the server of the device with this SFDI, on all interfaces or those named."""

    sfdi: int
    timeout_s: float = 3.0  # for each question
    interfaces: Sequence[str] = ()

    async def find(self) -> str:
        """Return where the DeviceCapability of the server is. Raises Unreachable if none answers.

        All servers are never asked for at once: on a large site every one would answer (clause 7.5). One
        without TLS is none for a device. What a server says of itself is not proven; its certificate is.
        """
        for wanted in (self.sfdi, "edev"):
            found = await browse(wanted, timeout_s=self.timeout_s, interface_names=self.interfaces, enough=1)
            safe = [one for one in found if one.https_port is not None]
            if safe:
                log.info("server found by=%s url=%s", wanted, safe[0].url)
                return safe[0].url
        raise Unreachable(
            f"no server answers by DNS-SD on this network for device {format_sfdi(self.sfdi)}; "
            "register the device there, or give the server's address"
        )
