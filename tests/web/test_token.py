"""The operator's token: who reads, who writes, from where; in a browser and on the command line."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from openesi import cli
from openesi.errors import LocalError
from openesi.web.listener import make_app
from openesi.web.token import COOKIE, open_token
from openesi.web.whereabouts import TOKEN_FILE
from web.browser import chromium, missing
from web.house import House, house_in

GROUP = {"description": "Feeder 12"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = Path(tmp_path_factory.mktemp("guarded"))
    with house_in(folder, token=open_token(folder)) as house:
        yield house


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def between(
    house: House, client_at: str, url: str, method: str, path: str, **headers: str
) -> httpx2.Response:
    """Ask from one address at another."""
    app = make_app(house.live, house.token)

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app, client=(client_at, 1234))
        async with httpx2.AsyncClient(transport=transport, base_url=url) as client:
            return await client.request(method, path, headers=headers)

    return house.run(ask())


def from_elsewhere(house: House, method: str, path: str, **headers: str) -> httpx2.Response:
    """Ask as another machine would."""
    return between(house, "192.0.2.7", "http://localhost", method, path, **headers)


def test_the_first_start_makes_a_token_for_its_owner_alone(tmp_path: Path) -> None:
    token = open_token(tmp_path)
    assert len(token) >= 32
    assert stat.S_IMODE((tmp_path / TOKEN_FILE).stat().st_mode) == 0o600
    assert open_token(tmp_path) == token
    (tmp_path / TOKEN_FILE).write_text("short\n")
    with pytest.raises(LocalError, match="holds no token"):
        open_token(tmp_path)


def test_this_machine_reads_freely_and_writes_with_the_token(guarded: House) -> None:
    with httpx2.Client(base_url=guarded.url) as client:
        for path in ("/", "/api/status", "/api/resources/derp", "/-/health", "/static/page.css"):
            assert client.get(path).status_code == 200, path
        for headers in (
            {},
            bearer("wrong"),
            {"Authorization": "Basic eDp5"},
            {"Cookie": "a=b; ="},
        ):
            refused = client.post("/api/groups", json=GROUP, headers=headers)
            assert refused.status_code == 401
            assert TOKEN_FILE in refused.json()["error"]
        assert client.post("/api/groups", json=GROUP, headers=bearer(guarded.token)).status_code == 201


@pytest.mark.parametrize(
    ("client_at", "url", "status"),
    [
        ("127.0.0.1", "http://127.0.0.1", 200),
        ("::1", "http://[::1]", 200),
        ("::ffff:127.0.0.1", "http://[::ffff:127.0.0.1]", 200),  # --web-host ::
        ("::ffff:192.0.2.7", "http://[::ffff:127.0.0.1]", 401),
        ("127.0.0.1", "http://192.0.2.1", 401),  # something here that asks for another
        ("::ffff:192.0.2.7", "http://[::ffff:192.0.2.1]", 401),
    ],
)
def test_this_machine_is_known_by_both_ends(guarded: House, client_at: str, url: str, status: int) -> None:
    assert between(guarded, client_at, url, "GET", "/api/status").status_code == status


def test_another_machine_does_nothing_without_the_token(guarded: House) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/api/devices"),
        ("GET", "/-/versions"),
        ("DELETE", "/api/groups/1"),
    ):
        assert from_elsewhere(guarded, method, path).status_code == 401, path
    assert from_elsewhere(guarded, "GET", "/-/health").status_code == 200
    assert from_elsewhere(guarded, "GET", "/api/devices", **bearer(guarded.token)).status_code == 200
    page = from_elsewhere(guarded, "GET", "/", Accept="text/html")
    assert page.status_code == 401
    assert "Operator's token" in page.text


def test_a_browser_shows_the_token_once(guarded: House) -> None:
    with httpx2.Client(base_url=guarded.url) as client:
        assert client.post("/api/login", json={"token": "no"}).status_code == 403
        answer = client.post("/api/login", json={"token": guarded.token})
        assert answer.status_code == 204
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=strict" in answer.headers["set-cookie"]
        ours = f"{COOKIE}={client.cookies[COOKIE]}"
        assert client.post("/api/groups", json=GROUP).status_code == 201
    # Ports share cookies: what else runs on this machine may have set any.
    for others in ('{"a": 1}', 'seen={"a": 1}', "a b=c", f"long={'x' * 5_000}"):
        cookies = {"cookie": f"{others}; {ours}"}
        assert httpx2.post(f"{guarded.url}/api/groups", json=GROUP, headers=cookies).status_code == 201
    wrong = {"cookie": f"{ours}x"}
    assert httpx2.post(f"{guarded.url}/api/groups", json=GROUP, headers=wrong).status_code == 401


def test_the_command_line_finds_the_token(
    guarded: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENESI_TOKEN", raising=False)
    add = ["program", "add", "Night", "--api", guarded.url]
    assert cli.main([*add, "--data", str(guarded.folder)]) == 0
    monkeypatch.setenv("OPENESI_TOKEN", "wrong")
    assert cli.main(add) == 4
    assert "operator's token" in capsys.readouterr().err
    monkeypatch.setenv("OPENESI_TOKEN", str(guarded.token))
    assert cli.main(add) == 0


@pytest.mark.skipif(
    bool(missing()), reason="THE TOKEN IS NOT TRIED IN A BROWSER: apt-get install chromium-driver"
)
def test_the_page_asks_for_the_token_when_it_needs_it(tmp_path: Path) -> None:
    with (
        house_in(tmp_path / "house", token=open_token(tmp_path)) as house,
        chromium(str(tmp_path / "profile")) as browser,
    ):
        house.install(1)
        browser.open(house.url)
        browser.wait_for_text("#connection-text", "live")
        browser.run("document.querySelector('#send').requestSubmit()")
        browser.wait(lambda: browser.run("return document.querySelector('#token').open"), "the dialog")
        browser.type("#token [name=token]", "wrong")
        browser.click("#token [value=enter]")
        browser.wait_for_text("#token-result", "not the token")
        browser.type("#token [name=token]", str(house.token))
        browser.click("#token [value=enter]")
        browser.wait_for_text("#send-result", "Sent: /derp/1/derc/1")
