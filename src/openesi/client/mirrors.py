"""Readings of a device's meters, posted to mirrors at its server (IEEE 2030.5-2018, clause 10.11)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from openesi.client.backoff import MOST_EVENT_POLL_S, poll_s
from openesi.client.device import Meter, MeteredDevice, Quantity
from openesi.client.duties import MIRRORS, Shared
from openesi.client.errors import AccessRefused, AnswerError, BadAnswer, NotThere
from openesi.sep2 import identity
from openesi.sep2 import model as sep
from openesi.sep2.enums import QualityFlag, to_bits

log = logging.getLogger(__name__)

POST_RATE_S = 300  # CSIP: where the server gives no postRate

RATE_LOOK_S = 900.0  # between two looks at the postRate
FAILURES_OF_A_FORM = 3  # in a row, with a server error

Readings = tuple[sep.MirrorMeterReading, ...]


class Mirrors:
    """Readings of the device's meters, posted to mirrors at the server (clause 10.11)."""

    name = MIRRORS

    def __init__(self, device: MeteredDevice) -> None:
        self._device = device
        self._hrefs: dict[str, str] = {}
        self._rate_s = float(POST_RATE_S)
        self._looked = float("-inf")
        self._form = 0
        self._failures = 0

    async def turn(self, shared: Shared) -> float:
        """Make the mirrors that are not there, and post to each."""
        capability = shared.capability
        if capability is None or capability.MirrorUsagePointListLink is None or shared.end_device is None:
            return MOST_EVENT_POLL_S  # whatever changes that wakes this duty
        for meter in self._device.meters:
            if meter.name not in self._hrefs:
                await self._create(shared, capability.MirrorUsagePointListLink.href, meter)
            await self._look(shared)
            await self._post(shared, meter)
        return self._rate_s

    async def _create(self, shared: Shared, href: str, meter: Meter) -> None:
        lfdi = shared.esi.lfdi
        mirror = sep.MirrorUsagePoint(
            mRID=identity.derive_mrid(0, lfdi, meter.name),
            description=meter.name,
            roleFlags=to_bits(meter.role, 2),
            serviceCategoryKind=0,
            status=1,
            deviceLFDI=lfdi,
            MirrorMeterReading=tuple(
                sep.MirrorMeterReading(
                    mRID=_reading_mrid(lfdi, meter, one), description=one.name, ReadingType=one.reading_type()
                )
                for one in meter.quantities
            ),
        )
        location = await shared.esi.post(href, mirror)
        if location is None:
            raise BadAnswer("the server made a mirror and does not say where")
        self._hrefs[meter.name] = location
        self._looked = float("-inf")

    async def _look(self, shared: Shared) -> None:
        """See how often the server wants readings; it may change its mind. To show it is optional for it."""
        if shared.local() - self._looked < RATE_LOOK_S:
            return
        self._looked = shared.local()
        rates = []
        for href in self._hrefs.values():
            try:
                rates.append((await shared.esi.fetch(href, sep.MirrorUsagePoint)).postRate)
            except (AnswerError, AccessRefused, BadAnswer):
                continue
        self._rate_s = min((poll_s(rate or POST_RATE_S) for rate in rates), default=float(POST_RATE_S))

    async def _post(self, shared: Shared, meter: Meter) -> None:
        readings = self._device.readings(meter.name)
        now, lfdi = shared.now, shared.esi.lfdi
        posted = tuple(
            sep.MirrorMeterReading(
                mRID=_reading_mrid(lfdi, meter, one),
                Reading=sep.Reading(
                    qualityFlags=to_bits(QualityFlag.VALID, 2),
                    timePeriod=sep.DateTimeInterval(duration=0, start=now),
                    value=round(readings[one.name] / 10**one.power_of_ten),
                ),
            )
            for one in meter.quantities
            if one.name in readings
        )
        if not posted:
            return
        try:
            await self._post_in_some_form(shared, self._hrefs[meter.name], posted)
        except NotThere:
            del self._hrefs[meter.name]  # the server let it expire: it is made again
            raise

    async def _post_in_some_form(
        self, shared: Shared, href: str, readings: tuple[sep.MirrorMeterReading, ...]
    ) -> None:
        """Post readings as one list; to servers that refuse that, one by one, or as sets; and keep to it.

        A server that fails again and again at one form (the one of gridappsd does) is tried with the next.
        """
        for _ in FORMS:
            try:
                for document in FORMS[self._form](readings):
                    await shared.esi.post(href, document)
            except NotThere:
                raise
            except AnswerError as error:
                self._failures += 1
                if not error.is_temporary or self._failures >= FAILURES_OF_A_FORM:
                    self._form, self._failures = (self._form + 1) % len(FORMS), 0
                    log.info("readings will be posted in another form href=%s reason=%s", href, error)
                if error.is_temporary or self._form == 0:
                    raise
            else:
                self._failures = 0
                return


def _as_list(readings: Readings) -> Iterable[sep.Sep]:
    count = len(readings)
    return (sep.MirrorMeterReadingList(all=count, results=count, MirrorMeterReading=readings),)


def _as_sets(readings: Readings) -> Iterable[sep.Sep]:
    """Return each reading in a set of its own, as servers want it that keep no single ones."""
    for one in readings:
        reading = one.Reading
        assert reading is not None
        assert reading.timePeriod is not None
        mrid = identity.derive_mrid(0, one.mRID, str(reading.timePeriod.start))
        found = sep.MirrorReadingSet(mRID=mrid, timePeriod=reading.timePeriod, Reading=(reading,))
        yield sep.replace(one, Reading=None, MirrorReadingSet=(found,))


FORMS: tuple[Callable[[Readings], Iterable[sep.Sep]], ...] = (_as_list, tuple, _as_sets)


def _reading_mrid(lfdi: bytes, meter: Meter, quantity: Quantity) -> bytes:
    return identity.derive_mrid(0, lfdi, meter.name, quantity.name)
