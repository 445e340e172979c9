"""The operator's API for notifications that do not arrive."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from openesi.server import outbox
from openesi.web.answers import answer
from openesi.web.live import Live


async def get_notifications(live: Live, request: Request) -> Response:
    """List what is still to be told, and what was given up."""
    del request
    return answer(await live.service.store.read(outbox.show))


async def post_notification(live: Live, request: Request) -> Response:
    """Try a notification that was given up again."""
    named, now = _named(request), int(live.service.clock())
    try:
        await live.service.store.write(lambda tx: outbox.retry(tx, named, now=now))
    except outbox.NotParked as error:
        raise HTTPException(404, str(error)) from None
    return Response(status_code=204)


async def delete_notification(live: Live, request: Request) -> Response:
    """Forget a notification that was given up."""
    named = _named(request)
    try:
        await live.service.store.write(lambda tx: outbox.forget(tx, named))
    except outbox.NotParked as error:
        raise HTTPException(404, str(error)) from None
    return Response(status_code=204)


def _named(request: Request) -> str:
    return "/" + str(request.path_params["subscription"])
