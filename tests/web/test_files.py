"""Files by the operator: made, uploaded, checked, replaced, removed; loaded by devices over real TLS."""

from __future__ import annotations

import base64
import hashlib
import http.client
import ssl
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.server import artefacts
from web.house import House, lfdi_of

IMAGE = bytes(range(251)) * 3_000
DIGEST = hashlib.sha256(IMAGE).hexdigest()
OCTETS = {"content-type": "application/octet-stream"}


def made(api: httpx2.Client, **fields: Any) -> str:
    values = {"mfID": 37244, "mfModel": "Sunny", "mfVer": "2.1", "type": "0000"}
    response = api.post("/api/resources/file", json=values | fields)
    assert response.status_code == 201, response.text
    href: str = response.json()["href"]
    return href


def uploaded(api: httpx2.Client, href: str, content: Any = IMAGE, query: str = "", **headers: str) -> Any:
    url = f"/api/files/{href.rpartition('/')[2]}/content{query}"
    return api.put(url, content=content, headers=OCTETS | headers)


def offered(api: httpx2.Client, href: str) -> Any:
    return next((one for one in api.get("/api/files").json() if one["href"] == href), None)


def test_a_file_is_uploaded_and_loaded_by_a_device_over_tls(house: House, api: httpx2.Client) -> None:
    href = made(api)
    assert (offered(api, href)["content"], offered(api, href)["activation"]) == (None, "hold")
    digest = base64.b64encode(bytes.fromhex(DIGEST)).decode()
    response = uploaded(api, href, **{"content-digest": f"sha-256=:{digest}:"})
    assert response.json() == {"href": href, "octets": len(IMAGE), "sha256": DIGEST}

    authority = house.service.authority
    device = authority.issue_device("loader", now=authority_now())
    path = house.change(lambda tx: register(house, tx, device.lfdi))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0")
    context.check_hostname = False
    context.load_verify_locations(authority.ca)
    context.load_cert_chain(device.cert, device.key)
    wire = http.client.HTTPSConnection("127.0.0.1", house.service.wire.port, context=context, timeout=20)

    def ask(method: str, target: str, body: bytes | None = None, **headers: str) -> Any:
        wire.request(method, target, body, {"Accept": "application/sep+xml", **headers})
        return wire.getresponse()

    file = xml.parse_as(ask("GET", href).read(), sep.File)
    assert file.size == len(IMAGE)
    loaded = b""
    while len(loaded) < file.size:
        part = ask("GET", file.fileURI, Range=f"bytes={len(loaded)}-{len(loaded) + 199_999}")
        assert part.status == 206
        loaded += part.read()
    assert loaded == IMAGE
    assert ask("GET", file.fileURI).read() == IMAGE
    status = sep.FileStatus(
        FileLink=sep.FileLink(href=href), loadPercent=100, nextRequestAttempt=0, request503Count=0,
        requestFailCount=0, status=5, statusTime=0,
    )  # fmt: skip
    sent = {"Content-Type": "application/sep+xml"}
    answer = ask("PUT", f"{path}/fs", xml.serialize(status), **sent)
    answer.read()
    assert answer.status == 204
    wire.close()
    assert offered(api, href)["devices"] == {"waiting_to_activate": 1}


def authority_now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def register(house: House, tx: Any, lfdi: bytes) -> str:
    from openesi.server import operator

    path: str = operator.add_device(
        tx, lfdi, pin=123455, now=int(house.clock()), settings=house.settings
    ).path
    return path


@pytest.mark.parametrize(
    ("fields", "query", "headers", "status"),
    [
        ({}, "?sha256=" + "0" * 64, {}, 422),
        ({}, "?sha256=zz", {}, 422),
        ({}, "", {"content-digest": "sha-256=:%%%:"}, 422),
        ({}, "", {"content-digest": "sha-256=:AAAA:"}, 422),
        ({"size": len(IMAGE) - 1}, "", {}, 413),
        ({"size": len(IMAGE) + 1}, "", {}, 422),
        ({}, "", {"content-type": "application/json"}, 415),
        ({}, "?digest=1", {}, 422),
        ({"fileURI": "https://maker.example/fw", "size": 1}, "", {}, 422),
    ],
)
def test_uploads_that_are_not_what_they_should_be_are_refused(
    house: House, api: httpx2.Client, fields: Any, query: str, headers: dict[str, str], status: int
) -> None:
    href = made(api, **fields)
    before = sorted(path.name for path in (house.folder / "files").glob("*"))
    response = uploaded(api, href, query=query, **headers)

    assert response.status_code == status, response.text
    assert offered(api, href)["content"] is None
    assert sorted(path.name for path in (house.folder / "files").glob("*")) == before


def test_a_file_uri_may_have_our_name_before_it(house: House, api: httpx2.Client) -> None:
    before = made(api)
    path = f"/file/{int(before.rpartition('/')[2]) + 1}"
    href = made(api, fileURI=f"https://localhost:8443{path}/content")

    assert href == path
    assert uploaded(api, href).json()["octets"] == len(IMAGE)


def test_there_is_no_place_for_files_that_are_not_offered(api: httpx2.Client) -> None:
    for number in ("999", "x", "..%2Ftoken", "1" * 13):
        assert uploaded(api, f"/file/{number}").status_code in (404, 422)
        assert api.delete(f"/api/files/{number}").status_code == 404


def test_octets_are_replaced_on_demand_alone_and_go_with_their_file(house: House, api: httpx2.Client) -> None:
    href = made(api)
    uploaded(api, href, b"first of its kind")
    first = offered(api, href)["sha256"]
    assert uploaded(api, href, b"second").status_code == 422
    assert uploaded(api, href, b"second", query="?replace=true").status_code == 200
    assert offered(api, href)["file"]["size"] == 6
    assert not (house.folder / "files" / first).exists()

    assert api.delete(f"/api/files/{href.rpartition('/')[2]}").status_code == 204
    assert offered(api, href) is None
    assert not (house.folder / "files" / hashlib.sha256(b"second").hexdigest()).exists()


def test_a_large_upload_is_never_whole_in_memory(house: House, api: httpx2.Client) -> None:
    href, size = made(api), 40 << 20

    def pieces() -> Iterator[bytes]:
        for _ in range(size >> 16):
            yield bytes(65_536)

    tracemalloc.start()
    response = uploaded(api, href, pieces())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert response.json()["octets"] == size
    assert most < size // 4
    api.delete(f"/api/files/{href.rpartition('/')[2]}")


def test_an_upload_beyond_what_is_taken_is_cut_off(
    house: House, api: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    href = made(api)
    monkeypatch.setattr(artefacts, "MAX_OCTETS", 100_000)

    assert uploaded(api, href, IMAGE).status_code == 413
    assert uploaded(api, href, iter([IMAGE])).status_code == 422  # without Content-Length
    assert offered(api, href)["content"] is None


def test_a_file_for_one_device_is_made_over_the_api(house: House, api: httpx2.Client) -> None:
    house.register(61)
    house.register(62)
    href = made(api, lFDI=lfdi_of(61).hex())

    assert xml.parse_as(house.ask(61, "GET", href).body, sep.File).lFDI == lfdi_of(61)
    with pytest.raises(AssertionError):
        house.ask(62, "GET", href)
