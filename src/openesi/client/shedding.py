"""What a load could do without, told to the programs that ask for it (LoadShedAvailability, clause 10.3)."""

from __future__ import annotations

import logging

from openesi.client.backoff import MOST_EVENT_POLL_S
from openesi.client.device import Sheddable, SheddingDevice
from openesi.client.duties import Shared
from openesi.client.errors import AnswerError
from openesi.sep2 import model as sep

log = logging.getLogger(__name__)

LOOK_S = 60.0  # between two looks at whether it moved by more than a program's threshold
MOST_W = 32_767  # what a value holds at multiplier 0


class LoadShedding:
    """Tells each program once, and again when it moved by more than that program's threshold."""

    name = "load shedding"

    def __init__(self, device: SheddingDevice) -> None:
        self._device = device
        self._told: dict[str, tuple[Sheddable, str | None]] = {}  # by program; where it stands
        self._list: str | None = None

    async def turn(self, shared: Shared) -> float:
        """Tell whoever asks and was told something else."""
        own = shared.end_device
        asking = [one for one in shared.load_programs if one.href is not None and _asks(one)]
        if own is None or own.LoadShedAvailabilityListLink is None or not asking:
            return MOST_EVENT_POLL_S  # other programs wake this duty
        href = own.LoadShedAvailabilityListLink.href
        if href != self._list:
            self._list, self._told = href, {}
        now = self._device.sheddable()
        for program in asking:
            assert program.href is not None
            before, place = self._told.get(program.href, (None, None))
            if before is None or _moved(program, before, now):
                place = await self._tell(shared, href, place, _document(program.href, now))
                self._told[program.href] = (now, place)
        return LOOK_S

    async def _tell(
        self, shared: Shared, href: str, place: str | None, document: sep.LoadShedAvailability
    ) -> str | None:
        """Replace what was told before; where that is not possible, add to the list. Return where it is."""
        try:
            if place is not None:
                await shared.esi.put(place, document)
                return place
        except AnswerError as error:
            if error.is_temporary:
                raise
        try:
            return await shared.esi.post(href, document)
        except AnswerError as error:
            if error.is_temporary:
                raise
            log.warning("availability refused reason=%s", error)  # the next one may do better
            return None


def _asks(program: sep.DemandResponseProgram) -> bool:
    return _share_threshold(program) > 0 or _power_threshold_w(program) > 0


def _share_threshold(program: sep.DemandResponseProgram) -> float:
    return (program.availabilityUpdatePercentChangeThreshold or 0) / 10_000


def _power_threshold_w(program: sep.DemandResponseProgram) -> float:
    power = program.availabilityUpdatePowerChangeThreshold
    return 0.0 if power is None else power.value * 10.0**power.multiplier


def _moved(program: sep.DemandResponseProgram, before: Sheddable, now: Sheddable) -> bool:
    share, power_w = _share_threshold(program), _power_threshold_w(program)
    return 0 < share < abs(now.share - before.share) or 0 < power_w < abs(now.power_w - before.power_w)


def _document(program: str, now: Sheddable) -> sep.LoadShedAvailability:
    multiplier = 0
    while abs(now.power_w) / 10**multiplier > MOST_W:
        multiplier += 1
    return sep.LoadShedAvailability(
        availabilityDuration=now.duration_s,
        DemandResponseProgramLink=sep.DemandResponseProgramLink(href=program),
        sheddablePercent=round(max(0.0, min(1.0, now.share)) * 10_000),
        sheddablePower=sep.ActivePower(multiplier=multiplier, value=round(now.power_w / 10**multiplier)),
    )
