"""The pages."""

from __future__ import annotations

from starlette.routing import BaseRoute

from openesi.server.service import Service


def routes(service: Service) -> list[BaseRoute]:
    """Return the routes of the pages."""
    del service
    return []
