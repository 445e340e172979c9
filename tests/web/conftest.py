"""The server and its operator's listener, in a thread, on free ports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from web.house import House, house_in


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server for a whole module: each test registers devices of its own."""
    with house_in(Path(tmp_path_factory.mktemp("house"))) as made:
        yield made


@pytest.fixture
def api(house: House) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=house.url, timeout=10) as client:
        yield client
