"""Whoever reaches the listener is the operator; pages of other sites that go through a browser are not."""

from __future__ import annotations

import httpx2
import pytest
from starlette.datastructures import Headers

from openesi.web.guard import own_names, refusal

NAMES = frozenset({"localhost", "energy", "energy.local"})
EVENT = {"limit_percent": 40, "duration_s": 60}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),  # curl, our command line
        ({"origin": "http://localhost:8080"}, None),
        ({"origin": "http://LOCALHOST:8080"}, None),
        ({"sec-fetch-site": "same-origin", "origin": "http://localhost:8080"}, None),
        ({"sec-fetch-site": "none"}, None),
        ({"sec-fetch-site": "same-origin", "origin": "https://proxy.example"}, None),
        ({"sec-fetch-site": "", "origin": "http://localhost:8080"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),  # another port of this machine is another site's page
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
    ],
)
def test_writes_are_taken_from_our_own_pages_and_from_no_page(
    method: str, headers: dict[str, str], status: int | None
) -> None:
    found = refusal(method, Headers({"host": "localhost:8080", **headers}), NAMES)
    assert (found[0] if found else None) == status


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "energy.local"]
)
def test_names_and_addresses_of_this_machine_are_answered(host: str) -> None:
    assert refusal("GET", Headers({"host": host}), NAMES) is None


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example:8080", "[::1", "energy.local.:80"]
)
def test_other_names_are_refused_as_they_may_be_rebound(host: str) -> None:
    found = refusal("GET", Headers({"host": host}), NAMES)
    assert found is not None
    assert found[0] == 421


def test_this_machine_knows_its_name() -> None:
    assert "localhost" in own_names()


def test_a_foreign_page_changes_nothing(api: httpx2.Client) -> None:
    refused = api.post("/api/events", json=EVENT, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert "error" in refused.json()
    assert api.get("/api/events").json() == []


def test_a_form_changes_nothing(api: httpx2.Client) -> None:
    refused = api.post("/api/events", data={"limit_percent": "40"})
    assert refused.status_code == 415
    assert api.get("/api/events").json() == []


def test_a_rebound_name_reads_nothing(api: httpx2.Client) -> None:
    refused = api.get("/api/devices", headers={"Host": "evil.example"})
    assert refused.status_code == 421
    assert list(refused.json()) == ["error"]


@pytest.mark.parametrize("path", ["/", "/api/status", "/static/page.css", "/nothing"])
def test_every_answer_tells_browsers_to_be_strict(api: httpx2.Client, path: str) -> None:
    headers = api.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
