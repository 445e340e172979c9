"""A real server on a free port of the loopback, over real TLS, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from openesi.client import Client
from openesi.pki import Authority, Identity
from openesi.server.service import Place, Service, running
from openesi.server.settings import Settings

START = 1_800_000_000.0


@dataclass
class Clock:
    """Seconds since 1970, moved by the test."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class House:
    """A server, its authority, and devices with certificates of it."""

    service: Service
    clock: Clock
    names: int = field(default=0)

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def authority(self) -> Authority:
        return self.service.authority

    def issue(self, **options: Any) -> Identity:
        self.names += 1
        return self.authority.issue_device(f"device{self.names}", now=datetime.now(UTC), **options)

    def client(self, identity: Identity | None = None, **options: Any) -> Client:
        identity = identity or self.issue()
        return Client(
            options.pop("url", self.url), cert=identity.cert, key=identity.key, ca=identity.ca, **options
        )


@asynccontextmanager
async def serving(data: Path, *, port: int = 0, **settings: Any) -> AsyncIterator[House]:
    clock = Clock()
    place = Place(data=data, hosts=("127.0.0.1",), port=port)
    async with running(place, Settings(**settings), clock=clock) as service:
        yield House(service, clock)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"
