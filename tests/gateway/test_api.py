from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from gateway.simulate import METER_START_S, Simulation, simulation
from openesi.gateway import openapi
from openesi.gateway.api import GatewayApi
from openesi.gateway.auth import BasicAuth
from openesi.gateway.load import House
from openesi.gateway.metadata import KEYS
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.report import Clocks
from openesi.gateway.users import FREE_FAILURES, Role, UserStore

READINGS = "/meter/electricity/interval_reading"
ANNA, OTTO = ("anna", "correct horse"), ("otto", "battery staple")
T = TypeVar("T")


class Bench:
    """The API over a simulated gateway, with its users; time is the simulation's."""

    def __init__(self, sim: Simulation, users: UserStore, *, green_button: bool = True) -> None:
        self.sim = sim
        self.auth: BasicAuth | None = None
        clocks = lambda: Clocks(sim.now, METER_START_S + sim.now - 1000.0)  # noqa: E731

        def shell(app: ASGIApp) -> BasicAuth:
            self.auth = BasicAuth(app, users, monotonic=lambda: sim.now)
            return self.auth

        self.app = GatewayApi(sim.record, clocks=clocks, green_button=green_button).app(Middleware(shell))

    def ask(self, work: Callable[[httpx2.AsyncClient], Awaitable[T]]) -> T:
        async def run() -> T:
            transport = httpx2.ASGITransport(app=self.app, client=("10.0.0.9", 1))
            async with httpx2.AsyncClient(transport=transport, base_url="https://gateway") as client:
                return await work(client)

        return asyncio.run(run())

    def get(self, path: str, auth: tuple[str, str] | None = ANNA, **headers: str) -> httpx2.Response:
        return self.ask(lambda client: client.get(path, auth=auth, headers=headers))


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> UserStore:
    store = UserStore(tmp_path_factory.mktemp("gateway") / "users.json")
    store.insert(*ANNA)
    store.insert(*OTTO, role=Role.QUALITY)
    return store


@pytest.fixture(scope="module")
def bench(users: UserStore) -> Iterator[Bench]:
    sim = simulation(house=House(solar_peak_w=0))
    sim.run(4000)
    bench = Bench(sim, users)
    bench.get("/metrics")
    yield bench
    assert bench.auth is not None
    bench.auth.close()


def rows(response: httpx2.Response) -> list[tuple[int, int]]:
    assert response.status_code == 200, response.text
    return [
        (int(value), int(time_s))
        for value, time_s in (line.split(",") for line in response.text.splitlines())
    ]


def test_the_current_reading_is_one_pair_value_first(bench: Bench) -> None:
    newest = bench.sim.record.current(SeriesName.POWER, bench.sim.now)
    response = bench.get(f"{READINGS}/csv")

    assert newest is not None
    assert rows(response) == [(newest.value, newest.time_s)]
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert 0 <= int(response.headers["age"]) <= 4
    assert bench.get(f"{READINGS}/csv/").text == response.text, "the appendix writes a slash at the end"


@pytest.mark.parametrize("seconds", [1, 60, 3600, 172_800, 4_294_967_295])
def test_the_last_seconds_are_a_window_of_the_meters_clock(bench: Bench, seconds: int) -> None:
    now = bench.sim.record.meter_now(bench.sim.now)
    assert now is not None
    expected = bench.sim.record.points(SeriesName.POWER, int(now) - seconds, int(now))
    response = bench.get(f"{READINGS}/csv/{seconds}")

    if expected:
        assert rows(response) == [(p.value, p.time_s) for p in expected]
    else:
        assert response.status_code == 404


def test_absolute_time_whole_cache_energy_and_increments(bench: Bench) -> None:
    everything = rows(bench.get(f"{READINGS}/csv/all"))
    start, end = everything[10][1], everything[20][1]

    assert rows(bench.get(f"{READINGS}/csv?start={start}&end={end}")) == everything[10:21]
    assert rows(bench.get(f"{READINGS}/csv?since={start}")) == everything[11:]
    assert rows(bench.get(f"{READINGS}/csv/all?start={start}")) == everything[10:]
    energy = rows(bench.get(f"{READINGS}/csv/all?series=energy"))
    assert len(energy) == pytest.approx(4000 / 60, abs=3)
    assert energy == sorted(energy)


@pytest.mark.parametrize(
    "path",
    [
        f"{READINGS}/csv?start=1&end=5",
        f"{READINGS}/csv?since=4294967295",
        f"{READINGS}/csv?start=5000000000",
        f"{READINGS}/gb?start=1&end=5",
        f"{READINGS}/xml",
        "/meter/electricity/meta_data/kvp/Unknown",
    ],
)
def test_outside_the_cache_is_data_not_found_and_nothing_else(bench: Bench, path: str) -> None:
    response = bench.get(path)

    assert (response.status_code, response.text) == (404, "data not found")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_an_empty_or_stale_cache_has_no_current_reading(users: UserStore) -> None:
    empty = Bench(simulation(), users)
    for path in (f"{READINGS}/csv", f"{READINGS}/gb", f"{READINGS}/csv/all"):
        assert empty.get(path).text == "data not found"
    stale = Bench(simulation("silence@100+1000"), users)
    stale.sim.run(300)

    assert stale.get(f"{READINGS}/csv").text == "data not found"
    assert len(rows(stale.get(f"{READINGS}/csv/3600"))) == pytest.approx(25, abs=3)
    status = stale.get("/meter/electricity/status").json()
    assert status["power_w"] is None
    assert status["age_s"] == pytest.approx(200, abs=6)
    for each in (empty, stale):
        assert each.auth is not None
        each.auth.close()


@pytest.mark.parametrize("bad", ["abc", "-1", "1.5", "1e3", "99999999999", "0x10", "%00", "%D9%A1"])
def test_what_is_not_a_number_of_seconds_is_refused(bench: Bench, bad: str) -> None:
    for path in (f"{READINGS}/csv/{bad}", f"{READINGS}/gb/{bad}", f"{READINGS}/csv?start={bad}"):
        response = bench.get(path)
        assert response.status_code == 400
        assert "whole number" in response.text


def test_metadata_are_key_value_lines_of_espi_codes(bench: Bench) -> None:
    def value(key: str, query: str = "") -> str:
        response = bench.get(f"/meter/electricity/meta_data/kvp/{key}{query}")
        assert response.text.startswith(f"{key}=")
        assert response.text.endswith("\n")
        return response.text.strip().partition("=")[2]

    bounds = bench.sim.record.bounds(SeriesName.POWER, bench.sim.now)
    assert bounds is not None
    assert value("DateTimeInterval") == f"{bounds[0]},{bounds[1] - bounds[0]}"
    assert [value(k) for k in ("Commodity", "Kind", "FlowDirection")] == ["1", "37", "1"]
    assert [value(k) for k in ("PowerOfTen", "UnitsOfMeasurement")] == ["0", "38"]
    assert value("UnitsOfMeasurement", "?names=1") == "W"
    assert int(value("QueriesTotal")) == pytest.approx(1066, abs=4)
    assert value("QueriesLost") == "0"
    assert all(value(key) for key in KEYS)


def test_green_button_holds_the_same_readings_and_can_be_switched_off(bench: Bench, users: UserStore) -> None:
    window = bench.get(f"{READINGS}/gb/600")
    current = bench.get(f"{READINGS}/gb")

    assert window.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert window.text.count("<uom>38</uom>") == window.text.count("<uom>72</uom>") == 1
    assert current.text.count("<IntervalReading>") == 2, "the newest power and the newest amount of energy"
    without = Bench(bench.sim, users, green_button=False)
    assert without.get(f"{READINGS}/gb").status_code == 404
    assert without.auth is not None
    without.auth.close()


def test_large_answers_are_gzipped_for_who_can(bench: Bench) -> None:
    plain = bench.get(f"{READINGS}/gb/3600", **{"accept-encoding": "identity"})
    refused = bench.get(f"{READINGS}/csv/all", **{"accept-encoding": "gzip;q=0"})

    async def raw(client: httpx2.AsyncClient) -> bytes:
        async with client.stream("GET", f"{READINGS}/gb/3600", auth=ANNA) as response:
            assert response.headers["content-encoding"] == "gzip"
            return b"".join([piece async for piece in response.aiter_raw()])

    packed = bench.ask(raw)
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert gzip.decompress(packed).decode() == plain.text
    assert len(packed) < len(plain.content) / 10


def test_nobody_gets_anything_without_the_right_password(users: UserStore) -> None:
    bench = Bench(simulation(), users)
    paths = [
        "/static/",
        "/nothing",
        *(p.format(form="csv", seconds=1, key="Kind") for r in openapi.ROUTES for p in r.paths),
    ]
    for path in paths:
        response = bench.get(path, auth=None)
        assert response.status_code == 401, path
        assert response.headers["www-authenticate"].startswith("Basic ")
        assert "default-src 'none'" in response.headers["content-security-policy"]
    for _ in range(FREE_FAILURES):
        assert bench.get("/metrics", auth=("anna", "wrong")).status_code == 401
    later = bench.get("/metrics", auth=("nobody", "wrong"))
    assert later.status_code == 429
    assert int(later.headers["retry-after"]) > 0
    bench.sim.now += 1000
    assert bench.get("/metrics").status_code == 200
    assert bench.auth is not None
    bench.auth.close()


def test_the_quality_role_sees_no_load(bench: Bench) -> None:
    for path in (
        f"{READINGS}/csv",
        f"{READINGS}/gb",
        "/meter/electricity/status",
        "/meter/electricity/stream",
    ):
        assert bench.get(path, auth=OTTO).status_code == 403
    quality = bench.get("/meter/electricity/quality", auth=OTTO)
    metrics = bench.get("/metrics", auth=OTTO).text

    assert quality.status_code == 200
    assert "power_w" not in quality.text
    assert "energy_delivered" not in quality.text
    assert "watt" not in metrics
    assert 'openesi_gateway_queries_total{quantity="power",outcome="lost"} 0' in metrics
    assert "openesi_gateway_power_watts" in bench.get("/metrics").text


def test_the_quality_report_has_gaps_and_the_energy_check(users: UserStore) -> None:
    sim = simulation("silence@2000+300")
    sim.run(2 * 3600)
    bench = Bench(sim, users)
    report = bench.get("/meter/electricity/quality").json()

    assert [gap["length_s"] for gap in report["gaps"]] == [pytest.approx(304, abs=8)]
    assert {window["verdict"] for window in report["energy_check"]} <= {
        "complete",
        "dropout",
        "no power data",
    }
    assert len(report["energy_check"]) >= 6
    assert report["read_only"] == {"price_polling_off": True, "message_polling_off": True}
    assert bench.auth is not None
    bench.auth.close()


def test_only_get_is_allowed(bench: Bench) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        # type: ignore[misc]
        response = bench.ask(lambda client, m=method: client.request(m, f"{READINGS}/csv", auth=ANNA))
        assert response.status_code == 405


def test_the_status_has_no_secrets(bench: Bench) -> None:
    status = bench.get("/meter/electricity/status")

    assert status.json()["radio"]["words"] == "joined to the meter"
    assert status.json()["dongle"]["mac"] == "0xd8d5b90000000001"
    assert "install" not in status.text.lower()
    assert "0x0000000000000001" not in status.text


def test_every_route_is_described(bench: Bench) -> None:
    document = bench.get("/openapi.json").json()

    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {
        path for route in openapi.ROUTES for path in route.paths if path == "/" or not path.endswith("/")
    }
    for path in document["paths"]:
        asked = path.format(form="csv", seconds="60", key="Kind")
        if not path.endswith("stream"):
            assert bench.get(asked).status_code == 200, path


def test_every_route_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text()
    for route in openapi.ROUTES:
        assert route.paths[0].replace("{form}", "csv").replace("{key}", "KEY") in text
    assert all(key in text for key in KEYS)


def test_the_live_stream_begins_with_status_and_what_was_missed(bench: Bench) -> None:
    from openesi.gateway.live import LiveStream

    sim = bench.sim
    live = LiveStream(sim.record, lambda: Clocks(sim.now, 0.0))
    bounds = sim.record.bounds(SeriesName.POWER, sim.now)
    assert bounds is not None

    async def read() -> list[str]:
        events = live.subscribe(bounds[1] - 6)
        assert events is not None
        got = [await anext(events), await anext(events), await anext(events)]
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        sim.run(5)
        got.append(await waiting)
        await events.aclose()  # type: ignore[attr-defined]
        return got

    first, missed, missed2, fresh = asyncio.run(read())
    assert first.startswith("retry: ")
    assert json.loads(first.partition("data: ")[2])["interval_s"] == 4
    assert missed.startswith(f"id: {bounds[1] - 4}\nevent: reading\ndata: {{")
    assert missed2.startswith("id: ")
    assert int(fresh.split("\n")[0][4:]) > bounds[1]


SEGMENT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/?#"), max_size=20)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["csv", "gb", "all"]),
    SEGMENT,
    st.dictionaries(st.sampled_from(["start", "end", "since", "series", "names"]), SEGMENT),
)
def test_any_path_and_query_get_an_answer_of_ours(
    bench: Bench, form: str, tail: str, query: dict[str, str]
) -> None:
    url = f"{READINGS}/{form}/{quote(tail)}?{urlencode(query)}"
    sent = bench.sim.emulator.counts.commands[:]
    response = bench.get(url)

    assert response.status_code in (200, 400, 404)
    assert bench.sim.emulator.counts.commands == sent, "nothing from the LAN reaches the dongle"


def test_a_full_cache_is_rendered(users: UserStore) -> None:
    from openesi.gateway.cache import Point
    from openesi.gateway.fragments import Scale

    sim = simulation()
    record: MeterRecord = sim.record
    record.restore(SeriesName.POWER, (Point(METER_START_S + 4 * i, i, Scale(1, 1000)) for i in range(43_200)))
    bench = Bench(sim, users)

    response = bench.get(f"{READINGS}/csv/all")
    assert len(rows(response)) == 43_200
    assert bench.auth is not None
    bench.auth.close()
