"""Files: whom they are shown to, what a query finds, what a device may report, and their octets."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.server import artefacts, groups
from openesi.server.artefacts import MAX_LOADS_OF_ONE, Artefact, Loads, Upload
from openesi.server.message import Response
from server.esi import START, Esi, lfdi_of
from server.hand import merge, remove, write

OTHER = 2
OCTETS = bytes(range(256)) * 400


@pytest.fixture
def esi(tmp_path: Path) -> Iterator[Esi]:
    server = Esi(tmp_path, files=tmp_path / "files")
    server.register(1)
    server.register(OTHER)
    yield server
    server.close()


def file(**fields: Any) -> dict[str, Any]:
    return {"mfID": 37244, "mfModel": "Sunny", "mfVer": "2.1", "type": "0000"} | fields


def upload(esi: Esi, path: str, octets: bytes = OCTETS) -> Artefact:
    coming = Upload(esi.folder / "files")
    coming.write(octets[:1_000])
    coming.write(octets[1_000:])
    artefact = coming.finish()
    esi.change(lambda tx: artefacts.record(tx, path, artefact))
    return artefact


def body(response: Response) -> bytes:
    """Read what the wire would send."""
    if response.source is None:
        return response.body
    pieces = []
    while piece := response.source.read(7_000):
        pieces.append(piece)
    response.close()
    return b"".join(pieces)


def headers(response: Response) -> dict[str, str]:
    return dict(response.headers)


# --- what is offered ---------------------------------------------------------------------------------------


def test_files_are_ordered_by_maker_model_and_newest_version(esi: Esi) -> None:
    for fields in (
        {"mfVer": "2.1"}, {"mfVer": "2.2"}, {"mfModel": "Cloudy"}, {"mfID": 1}, {"mfVer": "10.0"},
    ):  # fmt: skip
        write(esi, "/file", file(**fields))
    shown = esi.get("/file?l=9")

    assert [(one.mfID, one.mfModel, one.mfVer) for one in shown.File] == [
        (1, "Sunny", "2.1"), (37244, "Cloudy", "2.1"), (37244, "Sunny", "2.2"), (37244, "Sunny", "2.1"),
        (37244, "Sunny", "10.0"),
    ]  # fmt: skip
    assert shown.pollRate == 900


def test_a_query_filters_and_pages_what_fits(esi: Esi) -> None:
    for number in range(4):
        write(esi, "/file", file(mfVer=f"2.{number}"))
    write(esi, "/file", file(mfModel="Cloudy", type="0003"))
    found = esi.get("/file?mfModel=Sunny&mfID=37244&s=1&l=2")

    assert (found.all, found.results, [one.mfVer for one in found.File]) == (4, 2, ["2.2", "2.1"])
    assert esi.get("/file?type=03&l=5").File[0].mfModel == "Cloudy"
    assert esi.get("/file?type=03&mfModel=Sunny").all == 0
    assert esi.get("/file?s=9&mfModel=Sunny").results == 0
    for query in ("mfID=x", "type=0", "lFDI=zz"):
        assert esi.ask("GET", f"/file?{query}").status == 400
    assert esi.get("/dcap").FileListLink.all == 5


def test_a_file_for_one_device_is_shown_to_it_alone(esi: Esi) -> None:
    esi.register(40)
    esi.register(41, aggregator=40)
    everybodys = write(esi, "/file", file())
    own = write(esi, "/file", file(lFDI=lfdi_of(1).hex(), type="0001"))
    managed = write(esi, "/file", file(lFDI=lfdi_of(41).hex()))
    upload(esi, own)

    def shown(device: int) -> set[str]:
        listed = esi.get("/file?l=9", device=device)
        assert listed.all == esi.get("/dcap", device=device).FileListLink.all
        return {one.href for one in listed.File}

    assert shown(1) == {everybodys, own}
    assert shown(OTHER) == {everybodys}
    assert shown(40) == {everybodys, managed}
    assert esi.ask("GET", own, device=OTHER).status == 404
    assert esi.ask("GET", f"{own}/content", device=OTHER).status == 404
    assert body(esi.ask("GET", f"{own}/content", device=1)) == OCTETS
    assert esi.ask("GET", f"{managed}/content", device=40).status == 503
    merge(esi, own, {"lFDI": None})
    assert shown(OTHER) == {everybodys, own}


def test_a_file_may_be_offered_to_one_device_without_naming_it(esi: Esi) -> None:
    path = write(esi, "/file", file(), device=1)
    merge(esi, path, {"mfVer": "2.2"})

    assert [one.href for one in esi.get("/file?l=9").File] == [path]
    assert esi.get("/file?l=9", device=OTHER).all == 0
    assert esi.ask("GET", path, device=OTHER).status == 404


def test_a_file_of_a_group_is_found_by_its_members_with_filters_too(esi: Esi) -> None:
    path = write(esi, "/file", file())
    group = esi.change(lambda tx: groups.add_group(tx, "Sunny", settings=esi.settings))
    esi.change(lambda tx: groups.join(tx, group, tx.get("/edev/1")))
    esi.change(lambda tx: groups.assign(tx, group, path))

    assert esi.get(f"{group}/file?mfVer=2.1&l=9").File[0].href == path
    assert esi.get(f"{group}/file?mfVer=2.2&l=9").all == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"mfVer": "x" * 17},
        {"mfModel": None},
        {"type": "000000"},
        {"size": 2**32},
        {"mfid": 1},
        {"fileURI": "no uri at all"},
        {"lFDI": "00" * 21},
    ],
    ids=str,
)
def test_files_out_of_bounds_are_refused(esi: Esi, fields: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        write(esi, "/file", file(**fields))

    for method in ("POST", "PUT", "DELETE"):
        assert esi.ask(method, "/file", b"<x/>" if method != "DELETE" else b"").status == 405
    assert esi.get("/file").all == 0


def test_a_file_may_lie_elsewhere(esi: Esi) -> None:
    path = write(esi, "/file", file(fileURI="https://maker.example/fw", size=5))

    assert esi.get(path).fileURI == "https://maker.example/fw"
    assert esi.ask("GET", f"{path}/content").status == 503


def test_when_to_activate_can_be_said_later(esi: Esi) -> None:
    path = write(esi, "/file", file())
    assert esi.get(path).activateTime is None
    merge(esi, path, {"activateTime": START + 60})
    assert esi.get(path).activateTime == START + 60


# --- what a device reports ---------------------------------------------------------------------------------


def report(status: int, percent: int = 0, link: str | None = "/file/1", **fields: Any) -> sep.FileStatus:
    values = {
        "FileLink": None if link is None else sep.FileLink(href=link), "loadPercent": percent,
        "nextRequestAttempt": START, "request503Count": 0, "requestFailCount": 0, "status": status,
        "statusTime": START,
    }  # fmt: skip
    return sep.FileStatus(**(values | fields))


def test_a_device_reports_how_far_it_is_in_the_order_of_the_standard(esi: Esi) -> None:
    write(esi, "/file", file())
    for status, percent in ((1, 0), (1, 40), (2, 40), (1, 0), (3, 100), (5, 100), (7, 100), (8, 100)):
        assert esi.put("/edev/1/fs", report(status, percent)).status == 204
        shown = esi.get("/edev/1/fs")
        assert (shown.status, shown.loadPercent, shown.FileLink.href) == (status, percent, "/file/1")
    before = esi.ask("GET", "/edev/1/fs").body
    for wrong in (
        report(7, 100), report(2), report(9), report(8, 99), report(1, 101), report(0), report(1, link=None),
        report(1, link="/file/9"), report(1, link="/derp/1"), report(1, link="https://elsewhere/file/1"),
    ):  # fmt: skip
        assert esi.put("/edev/1/fs", wrong).status == 400, wrong
    assert esi.put("/edev/1/fs", report(1), device=OTHER).status == 404
    assert esi.ask("GET", "/edev/1/fs").body == before
    assert esi.put("/edev/1/fs", report(0, link=None)).status == 204


def test_a_device_reports_on_no_file_of_another(esi: Esi) -> None:
    path = write(esi, "/file", file(lFDI=lfdi_of(OTHER).hex()))

    assert esi.put("/edev/1/fs", report(1, link=path)).status == 400
    assert esi.put("/edev/2/fs", report(1, link=path), device=OTHER).status == 204


# --- octets ------------------------------------------------------------------------------------------------


def test_the_octets_of_a_file_are_had_whole_and_in_parts(esi: Esi) -> None:
    path = write(esi, "/file", file())
    uri = esi.get(path).fileURI
    early = esi.ask("GET", uri)
    assert (early.status, headers(early)["Retry-After"]) == (503, "300")
    artefact = upload(esi, path)

    whole = esi.ask("GET", uri, accept="application/octet-stream")
    assert (whole.status, whole.content_type) == (200, "application/octet-stream")
    assert (headers(whole)["ETag"], headers(whole)["Accept-Ranges"]) == (artefact.etag, "bytes")
    assert body(whole) == OCTETS
    digest = base64.b64encode(hashlib.sha256(OCTETS).digest()).decode()
    assert headers(whole)["Repr-Digest"] == f"sha-256=:{digest}:"
    part = esi.ask("GET", uri, range="bytes=100-199", if_range=artefact.etag)
    assert (part.status, headers(part)["Content-Range"]) == (206, f"bytes 100-199/{len(OCTETS)}")
    assert body(part) == OCTETS[100:200]
    beyond = esi.ask("GET", uri, range=f"bytes={len(OCTETS)}-")
    assert (beyond.status, headers(beyond)["Content-Range"]) == (416, f"bytes */{len(OCTETS)}")
    assert esi.ask("GET", uri, if_none_match=artefact.etag).status == 304
    head = esi.ask("HEAD", uri)
    assert (head.status, head.body) == (200, b"")
    assert b"Content-Length: %d\r\n" % len(OCTETS) in head.head
    assert len(esi.application.loads) == 0


def test_new_octets_do_not_change_what_is_being_loaded(esi: Esi) -> None:
    path = write(esi, "/file", file())
    old = upload(esi, path)
    loading = esi.ask("GET", f"{path}/content")
    assert loading.source is not None
    first = loading.source.read(1_000)
    new = upload(esi, path, b"new" * 1_000)
    assert artefacts.sweep(esi.folder / "files", esi.look(artefacts.used)) == 1

    assert first + body(loading) == OCTETS
    again = esi.ask("GET", f"{path}/content", range="bytes=1000-", if_range=old.etag)
    assert (again.status, headers(again)["ETag"]) == (200, new.etag)
    assert body(again) == b"new" * 1_000


@pytest.mark.parametrize("device", [9, None], ids=["not registered", "no certificate"])
def test_only_registered_devices_load_files(esi: Esi, device: int | None) -> None:
    path = write(esi, "/file", file())
    upload(esi, path)

    assert esi.ask("GET", f"{path}/content", device=device).status in (403, 404)


@pytest.mark.parametrize(
    "path", ["/file/9/content", "/file/x/content", "/file/1/contents", "/file/../content", "/file//content"]
)
def test_other_paths_lead_to_no_octets(esi: Esi, path: str) -> None:
    upload(esi, write(esi, "/file", file()))

    assert esi.ask("GET", path).status == 404


def test_octets_are_only_read(esi: Esi) -> None:
    path = write(esi, "/file", file()) + "/content"
    for method in ("PUT", "POST", "DELETE"):
        answer = esi.ask(method, path, b"" if method == "DELETE" else b"<x/>")
        assert (answer.status, headers(answer)["Allow"]) == (405, "GET, HEAD")


def test_octets_go_with_their_file(esi: Esi) -> None:
    path = write(esi, "/file", file())
    artefact = upload(esi, path)
    remove(esi, path)

    assert esi.ask("GET", f"{path}/content").status == 404
    assert artefacts.sweep(esi.folder / "files", esi.look(artefacts.used)) == 1
    assert not (esi.folder / "files" / artefact.sha256).exists()


def test_too_many_loads_are_told_to_come_back(esi: Esi) -> None:
    path = write(esi, "/file", file()) + "/content"
    upload(esi, path.removesuffix("/content"))
    running = [esi.ask("GET", path) for _ in range(MAX_LOADS_OF_ONE)]
    refused = esi.ask("GET", path)

    assert refused.status == 503
    assert 30 <= int(headers(refused)["Retry-After"]) < 60
    assert body(esi.ask("GET", path, device=OTHER)) == OCTETS
    assert esi.ask("HEAD", path).status == 200
    running[0].close()
    running[0].close()
    assert body(esi.ask("GET", path)) == OCTETS
    esi.application.loads = Loads(most=0)
    assert esi.ask("GET", path).status == 503
    running[1].close()


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    coming = Upload(tmp_path)
    coming.write(b"half")
    coming.abandon()

    assert list(tmp_path.iterdir()) == []
