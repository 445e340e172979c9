"""The live stream: a snapshot, then what changed; nobody is waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from openesi.web import live as live_module
from openesi.web.live import MAX_LISTENERS, MAX_WAITING, TooManyListeners
from openesi.web.watching import LiveResponse
from web.house import House, lfdi_of


def events(response: httpx2.Response) -> Iterator[tuple[str, Any]]:
    """Read Server-Sent Events as they come."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_snapshot_comes_first_then_what_changed(house: House) -> None:
    house.install(1)
    with httpx2.stream("GET", house.url + "/api/live", timeout=10) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-length" not in response.headers
        told = events(response)
        name, state = next(told)
        assert name == "snapshot"
        assert {"now", "power", "devices", "events", "programs", "seen", "history"} <= state.keys()

        house.post_power(1, 4_200)
        patch = next(one for name, one in told if name == "patch" and "power" in one)
        assert patch["power"]["devices_w"] == 4_200
        assert patch["sample"][1] == 4_200
        assert "programs" not in patch

        sent = httpx2.post(house.url + "/api/events", json={"limit_w": 2_000, "duration_s": 60}).json()
        patch = next(one for name, one in told if name == "patch" and "events" in one)
        assert patch["events"][0]["href"] == sent["href"]
        assert patch["events"][0]["limit_w"] == 2_000
        assert patch["events"][0]["responses"]["silent"] == 1


def test_a_poll_shows_as_heard(house: House) -> None:
    house.register(2)
    with httpx2.stream("GET", house.url + "/api/live", timeout=10) as response:
        told = events(response)
        lfdi = lfdi_of(2).hex().upper()
        assert lfdi not in next(told)[1]["seen"]
        house.ask(2, "GET", "/dcap")
        assert next(one for name, one in told if name == "patch" and lfdi in one.get("seen", {}))


def test_a_kept_answer_counts_as_heard_too(house: House) -> None:
    house.register(3)
    for _ in range(2):
        house.ask(3, "GET", "/tm")
    first = house.service.application.seen[lfdi_of(3)]
    house.ask(3, "GET", "/dcap")
    house.ask(3, "GET", "/dcap")
    assert house.service.application.seen[lfdi_of(3)] > first


def test_a_browser_that_does_not_read_is_dropped(house: House) -> None:
    async def run() -> int:
        messages = house.live.listen()
        await anext(messages)
        for number in range(MAX_WAITING + 1):
            house.live._tell(b"%d" % number)
        assert house.live.listeners == 0
        return len([message async for message in messages])

    assert house.run(run()) == 0


def test_only_so_many_may_listen(house: House) -> None:
    async def run() -> tuple[int, dict[str, str]]:
        open_ones = [house.live.listen() for _ in range(MAX_LISTENERS)]
        for messages in open_ones:
            await anext(messages)
        with pytest.raises(TooManyListeners):
            await anext(house.live.listen())
        async with httpx2.AsyncClient() as client:
            refused = await client.get(house.url + "/api/live")
        for messages in open_ones:
            await messages.aclose()
        return refused.status_code, refused.json()

    status, body = house.run(run())
    assert status == 503
    assert "too many browsers" in body["error"]
    assert house.live.listeners == 0


def test_a_browser_that_leaves_is_forgotten(house: House) -> None:
    with httpx2.stream("GET", house.url + "/api/live", timeout=10) as response:
        told = events(response)
        next(told)
        assert house.live.listeners == 1

    async def gone() -> None:
        while house.live.listeners:
            await asyncio.sleep(0.01)

    house.run(asyncio.wait_for(gone(), 10))


def test_a_browser_that_takes_nothing_is_not_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openesi.web.watching.SEND_S", 0.05)

    async def run() -> None:
        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        async def receive() -> Any:
            await asyncio.Event().wait()

        response = LiveResponse(house.live.listen())
        await asyncio.wait_for(response({"type": "http"}, receive, send), 5)

    house.run(run())
    assert house.live.listeners == 0


def test_silence_is_broken_by_a_beat(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "HEARTBEAT_S", 0.01)
    with httpx2.stream("GET", house.url + "/api/live", timeout=10) as response:
        assert next(one for name, one in events(response) if name == "beat")["now"] > 0


def test_what_a_store_cannot_tell_does_not_stop_the_page(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **names: object) -> None:
        raise ValueError("damaged")

    with httpx2.stream("GET", house.url + "/api/live", timeout=10) as response:
        told = events(response)
        next(told)
        with monkeypatch.context() as patched:
            patched.setattr(house.live.meters, "refresh", fail)
            house.post_power(1, 1_000)

            async def failed() -> None:
                while "could not look at the store" not in caplog.text:
                    await asyncio.sleep(0.01)

            house.run(asyncio.wait_for(failed(), 10))
        assert next(one for name, one in told if one.get("power", {}).get("devices_w") == 1_000)
