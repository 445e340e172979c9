"""Alarms of a DER, logged at its server: each as it occurs, and its return to normal (CSIP, 6.2.5.3)."""

from __future__ import annotations

import logging
from collections import deque

from openesi.client.backoff import MOST_EVENT_POLL_S
from openesi.client.duties import Shared
from openesi.client.errors import AnswerError
from openesi.sep2 import model as sep
from openesi.sep2.enums import IEEE_PEN, LogFunctionSet, LogProfile, bits

log = logging.getLogger(__name__)

MAX_WAITING = 100  # events that wait for a server to come back; the oldest make room
COUNTER = 1 << 16  # logEventID rolls over


class Alarms:
    """Posts a LogEvent for each alarm that comes or goes, none while it persists."""

    name = "alarms"

    def __init__(self) -> None:
        self._waiting: deque[sep.LogEvent] = deque(maxlen=MAX_WAITING)

    def see(self, status: sep.DERStatus, shared: Shared) -> None:
        """Compare a status with the one before."""
        if status.alarmStatus is None:
            return
        now = bits(status.alarmStatus)
        changed = now ^ shared.alarms
        if not changed:
            return
        shared.alarms = now
        for bit in range(changed.bit_length()):
            if changed >> bit & 1:
                normal = not now >> bit & 1
                self._waiting.append(_event(2 * bit + normal, shared))
                shared.log_events = (shared.log_events + 1) % COUNTER
        shared.wake.add(self.name)

    async def turn(self, shared: Shared) -> float:
        """Post what waits. What the server refuses is not sent again."""
        own = shared.end_device
        if own is None:
            return MOST_EVENT_POLL_S
        if own.LogEventListLink is None:
            self._waiting.clear()
        while self._waiting and own.LogEventListLink is not None:
            try:
                await shared.esi.post(own.LogEventListLink.href, self._waiting[0])
            except AnswerError as error:
                if error.is_temporary:
                    raise
                log.warning("alarm refused reason=%s", error)
            self._waiting.popleft()
        return MOST_EVENT_POLL_S


def _event(code: int, shared: Shared) -> sep.LogEvent:
    return sep.LogEvent(
        createdDateTime=shared.now,
        functionSet=LogFunctionSet.DER,
        logEventCode=code,
        logEventID=shared.log_events,
        logEventPEN=IEEE_PEN,
        profileID=LogProfile.IEEE_2030_5,
    )
