"""What the meters say that a device may read at its server: usage for a display (clause 10.4)."""

from __future__ import annotations

import logging

from openesi.client.backoff import MOST_EVENT_POLL_S, poll_s
from openesi.client.device import Usage, UsageDevice
from openesi.client.duties import Shared, targets
from openesi.client.errors import NotThere
from openesi.client.session import Client
from openesi.sep2 import model as sep
from openesi.sep2.enums import FlowDirection

log = logging.getLogger(__name__)

MAX_POINTS = 5  # usage points that are read; a server could list any number
MAX_READINGS = 20  # quantities of one of them, each two requests


class UsagePoints:
    """The usage points that the assignments lead to, or else those of the entry point; the latest of each."""

    name = "usage"

    def __init__(self, device: UsageDevice) -> None:
        self._device = device

    async def turn(self, shared: Shared) -> float:
        """Read all of it; show it when all of it came."""
        capability = shared.capability
        hrefs = targets(shared.assignments, "UsagePointListLink")
        if not hrefs and capability is not None and capability.UsagePointListLink is not None:
            hrefs = [capability.UsagePointListLink.href]
        if not hrefs:
            return MOST_EVENT_POLL_S  # assignments that link it wake this duty
        found: list[Usage] = []
        rate_s = MOST_EVENT_POLL_S
        for href in hrefs[:MAX_POINTS]:
            listed = await shared.esi.fetch_list(href, sep.UsagePointList)
            rate_s = min(rate_s, poll_s(listed.pollRate))
            for point in listed.UsagePoint[:MAX_POINTS]:
                if point.status and point.MeterReadingListLink is not None:
                    found += await _latest(shared.esi, point.MeterReadingListLink, point.description or "")
        self._device.see_usage(tuple(found))
        return rate_s


async def _latest(esi: Client, link: sep.Link, name: str) -> list[Usage]:
    """Return the present values of a usage point. What has none, or no unit, is left out."""
    listed = await esi.fetch_list(link, sep.MeterReadingList)
    found = []
    for one in listed.MeterReading[:MAX_READINGS]:
        if one.ReadingLink is None:
            continue
        kind = await esi.fetch(one.ReadingTypeLink, sep.ReadingType)
        try:
            reading = await esi.fetch(one.ReadingLink, sep.Reading)
        except NotThere as error:
            log.info("no reading href=%s reason=%s", one.ReadingLink.href, error)
            continue
        if reading.value is None or kind.uom is None:
            continue
        period = reading.timePeriod
        found.append(
            Usage(
                meter=name,
                uom=kind.uom,
                value=reading.value * 10.0 ** (kind.powerOfTenMultiplier or 0),
                is_reverse=kind.flowDirection == FlowDirection.REVERSE,
                at=None if period is None else period.start + period.duration,
            )
        )
    return found
