"""What the operator sees of notifications that do not arrive, and what he can do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from openesi.sep2 import model as sep
from openesi.server import operator
from web.house import House, house_in

NOBODY = "https://127.0.0.1:9/ntfy"
HERE = "/api/notifications/edev/1/sub/1"


@pytest.fixture
def parked(tmp_path: Path) -> Iterator[tuple[House, httpx2.Client]]:
    """A house where a notification was given up."""
    with house_in(tmp_path, notify_local=True) as house, httpx2.Client(base_url=house.url) as api:
        house.register(1)
        wish = sep.Subscription(
            subscribedResource="/derp", encoding=0, level="+S1", limit=1, notificationURI=NOBODY
        )
        assert house.ask(1, "POST", "/edev/1/sub", wish).status == 201

        house.change(
            lambda tx: operator.add_program(tx, description="new", primacy=5, settings=house.settings)
        )
        end = time.monotonic() + 10
        while not (outbox(api)[0] and outbox(api)[0][0]["attempts"]):  # the next try is some time off
            assert time.monotonic() < end, "it was never tried"
            time.sleep(0.02)
        house.change(park)
        yield house, api


def park(tx: Any) -> None:
    (errand,) = tx.errands(2**62, 9)
    tx.settle_errand(errand, next_try=0, attempts=10, parked="nobody answers")


def outbox(api: httpx2.Client) -> tuple[list[Any], list[Any]]:
    shown = api.get("/api/notifications").json()
    return shown["pending"], shown["parked"]


def test_what_was_given_up_is_shown_with_its_reason(parked: tuple[House, httpx2.Client]) -> None:
    _, api = parked
    pending, given_up = outbox(api)
    assert pending == []
    assert given_up == [
        {
            "subscription": "/edev/1/sub/1",
            "resource": "/derp",
            "target": NOBODY,
            "attempts": 10,
            "next": None,
            "parked": "nobody answers",
        }
    ]


def test_it_is_tried_again_when_told_to(parked: tuple[House, httpx2.Client]) -> None:
    _, api = parked
    assert api.post(HERE, json={}).status_code == 204
    pending, given_up = outbox(api)
    assert [one["subscription"] for one in pending] == ["/edev/1/sub/1"]
    assert pending[0]["attempts"] <= 1
    assert given_up == []
    assert api.post(HERE, json={}).status_code == 404


def test_it_is_forgotten_and_the_subscription_stays(parked: tuple[House, httpx2.Client]) -> None:
    house, api = parked
    assert api.delete(HERE).status_code == 204
    assert outbox(api) == ([], [])
    assert api.delete(HERE).status_code == 404
    assert house.ask(1, "GET", "/edev/1/sub/1").status == 200
