"""Finding servers by multicast: DNS-SD over xmDNS (``.site``) and mDNS (``.local``), IEEE 2030.5-2018, 7.

``advertising`` shows a server, ``browse`` finds one. Packets are plain functions in ``dns``, who answers what
in ``responder``, what answers mean in ``browser``; only ``links`` and ``shell`` touch the network.
"""

from openesi.discovery.browser import Found
from openesi.discovery.names import SUBTYPES, Announcement
from openesi.discovery.shell import Advertiser, Where, advertising, browse

__all__ = ["SUBTYPES", "Advertiser", "Announcement", "Found", "Where", "advertising", "browse"]
