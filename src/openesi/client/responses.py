"""Answers to events: sent until the server has them, and never twice (IEEE 2030.5-2018, clauses 8.8, 10.2.3).

Where a connection breaks while an answer is on its way, nobody knows whether it arrived. Before it is sent
again the client looks at the list it was posted to; where it may not read that list, it lets the answer go:
one that is lost does less harm than one that counts twice. So does a restart in the middle, with a memory.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from openesi.client import links
from openesi.client.backoff import MOST_EVENT_POLL_S
from openesi.client.der import modes_of
from openesi.client.duties import RESPONSES, Shared
from openesi.client.errors import AccessRefused, AnswerError, BadAnswer, NoAnswer, Refused, Unreachable
from openesi.client.scheduler import Answer
from openesi.errors import OpenESIError
from openesi.sep2 import model as sep
from openesi.sep2.enums import DERControlMode, DERControlMode2, ResponseStatus, to_bits
from openesi.sep2.responses import body_of

log = logging.getLogger(__name__)


class Responses:
    """Posts what waits, in the order it came to pass; a server that is away holds up only its own answers."""

    name = RESPONSES

    def __init__(self) -> None:
        self._failed: set[tuple[bytes, int]] = set()

    async def turn(self, shared: Shared) -> float:
        """Post what waits. An answer that the server refuses is not sent again."""
        away: dict[str, OpenESIError] = {}
        for answer in tuple(shared.outbox):
            to = answer.occurrence.event.replyTo
            if to is None:
                log.warning("answers wanted and no replyTo mrid=%s", answer.occurrence.mrid.hex())
                shared.done_with(answer)
                continue
            try:
                server = links.origin_of(links.resolve(shared.esi.url, to))
                if server not in away:
                    await self._send(shared, answer, to)
            except AnswerError as error:
                if error.is_temporary:
                    away[server] = error
                else:
                    _let_go(shared, answer, error)
            except (AccessRefused, BadAnswer) as error:
                _let_go(shared, answer, error)
            except (Unreachable, Refused) as error:
                away[server] = error
        for reason in away.values():
            raise reason
        return MOST_EVENT_POLL_S

    async def _send(self, shared: Shared, answer: Answer, to: str) -> None:
        document = response_to(answer, shared.esi.lfdi)
        lost = answer.key in shared.doubtful
        if lost or answer.key in self._failed:
            if await _has_arrived(shared, to, document, unknown=lost):
                shared.done_with(answer)
                return
            shared.doubtful.discard(answer.key)
        self._failed.discard(answer.key)
        shared.doubt(answer)
        try:
            await shared.esi.post(to, document)
        except NoAnswer:
            raise
        except (Unreachable, Refused, AnswerError) as error:
            shared.doubtful.discard(answer.key)  # it did not arrive, or was not taken
            if isinstance(error, AnswerError) and error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                self._failed.add(answer.key)  # not taken, by rights; some fail after they took it
            raise
        shared.responses_sent += 1
        shared.done_with(answer)


async def _has_arrived(shared: Shared, to: str, document: sep.Response, *, unknown: bool) -> bool:
    """Tell whether an answer is in the list it was sent to; ``unknown`` where that cannot be seen."""
    try:
        listed = await shared.esi.fetch_list(to, sep.ResponseList)
    except (AnswerError, AccessRefused, BadAnswer) as error:
        if isinstance(error, AnswerError) and error.is_temporary:
            raise
        if unknown:
            log.warning("response may be lost subject=%s reason=%s", document.subject.hex(), error)
        return unknown
    return any(
        one.subject.rjust(16, b"\x00") == document.subject
        and one.status == document.status
        and one.endDeviceLFDI.rjust(20, b"\x00") == document.endDeviceLFDI
        for one in listed.Response
    )


def _let_go(shared: Shared, answer: Answer, error: OpenESIError) -> None:
    log.warning("response refused mrid=%s reason=%s", answer.occurrence.mrid.hex(), error)
    shared.done_with(answer)


def response_to(answer: Answer, lfdi: bytes) -> sep.Response:
    """Return the document that says so for the device of this LFDI.

    Of load control it also says what the device applied, and for how long the user did otherwise; of a
    DERControl which modes it is about, for which the edition of 2023 alone has a place.
    """
    event = answer.occurrence.event
    response = body_of(type(event))(
        createdDateTime=answer.at,
        endDeviceLFDI=lfdi,
        status=answer.status,
        subject=answer.occurrence.mrid,
    )
    if isinstance(event, sep.DERControl):
        modes = answer.occurrence.modes or modes_of(event.DERControlBase)
        return sep.replace(
            response,
            modesResponded=_mask(DERControlMode, modes),
            modesResponded2=_mask(DERControlMode2, modes),
        )
    if not isinstance(response, sep.DrResponse):
        return response
    overridden_s = min(answer.overridden_s, 0xFFFF) if answer.status in _OVERRIDDEN else None
    return sep.replace(response, overrideDuration=overridden_s, **answer.extras)


def _mask(kind: type[DERControlMode] | type[DERControlMode2], modes: frozenset[str]) -> bytes:
    return to_bits(sum(kind[mode] for mode in modes if mode in kind.__members__), 4)


_OVERRIDDEN = (
    ResponseStatus.PARTIAL_OPT_OUT, ResponseStatus.PARTIAL_OPT_IN,
    ResponseStatus.COMPLETED_WITHOUT_PARTICIPATION,
)  # fmt: skip
