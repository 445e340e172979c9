"""Poll and post rates over the operator's API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from openesi.errors import LocalError
from openesi.sep2 import schema
from openesi.server.rates import Rates, keep_rates, kept_rates
from openesi.web.answers import answer
from openesi.web.bodies import read_body
from openesi.web.live import Live


async def get_rates(live: Live, request: Request) -> Response:
    """Tell how often devices are asked to come, in s."""
    del request
    await live.service.store.read(kept_rates)
    settings = live.service.settings
    return answer({
        "poll_s": settings.poll_rates,
        "default_poll_s": settings.default_poll_rate,
        "post_s": settings.post_rate,
    })  # fmt: skip


async def put_rates(live: Live, request: Request) -> Response:
    """Set how often devices are asked to come; what is left out is as the server was started."""
    body = await read_body(request, Rates)
    for name in body.poll_s or {}:
        if name not in POLLED:
            raise LocalError(f"{name[:60]} has no pollRate; these have: {', '.join(sorted(POLLED))}")
    await live.service.store.write(lambda tx: keep_rates(tx, body))
    await live.catch_up()
    return await get_rates(live, request)


POLLED = frozenset(
    name
    for name, cls in schema.structured_types().items()
    if any(field.name == "pollRate" for field in schema.fields(cls))
)
