"""Every resource by every method with what is wrong: who asks, and what is sent. Nothing changes by it.

``modes.tsv`` holds what the standard's WADL says of each resource: GET, HEAD, PUT, POST and DELETE are
M(andatory), O(ptional), D(iscouraged) or an E(rror).
"""

from __future__ import annotations

import copy
import csv
import re
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from conformance.fill import fill
from conformance.lab import Lab, lab_in
from conformance.wire import CIPHER, SEP, XML, Answer, Wire, build, crawl, hrefs, name_of, pattern
from openesi.server.message import Peer, Request, Response

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
OPEN = {
    "/dcap",
    "/sdev",
    "/tm",
    "/edev",
    "/sdev/di",
    "/sdev/dstat",
    "/sdev/lel",
    "/sdev/lel/{}",
}  # to every certificate
OWN_VIEW = {
    "/mup",
    "/upt",
    "/bill",
    "/ppy",
    "/rsps/{}/rsp",
    "/brs",
    "/edev",
    "/fsa",
}  # everyone sees their own

# What is posted where the resource is no list of it, by path.
POSTED = {
    "/mup/{}": lambda plant: build(
        "MirrorMeterReading", {"mRID": f"{plant.lfdi[:24]}00000002", "Reading": {"value": 6}}
    )
}
# What a right body is answered where it is no success, by path and method, and why.
REFUSED_ANYWAY = {
    ("/edev", "POST"): 409,  # it is registered already
}


def modes() -> dict[str, tuple[str, str]]:
    with (Path(__file__).parent / "modes.tsv").open() as file:
        rows = csv.DictReader(file, delimiter="\t")
        found: dict[str, tuple[str, str]] = {}
        for row in rows:
            found.setdefault(row["path"], (row["modes"], row["name"]))
        return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_in(Path(tmp_path_factory.mktemp("bad")), "csip-aus-1.3") as made:
        yield made


class Ground:
    """A full server, one place of each resource, and those who ask."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.owner = fill(lab)
        self.stranger = lab.plant()
        self.unknown = lab.wire()
        self.places: dict[str, str] = {}
        for path in crawl(self.owner.wire):
            self.places.setdefault(pattern(path), path)
        self._database = sqlite3.connect(f"file:{lab.folder}/openesi.db?mode=ro", uri=True)

    def state(self) -> list[Any]:
        """Return everything that is kept."""
        rows = self._database.execute(
            "SELECT path, type, body, listing, scope, key, state FROM resource"
            " WHERE path NOT LIKE '/sdev/%' ORDER BY path"  # what the server logs of itself
        )
        return [*rows, *self._database.execute("SELECT * FROM watch ORDER BY 1, 2")]

    def close(self) -> None:
        self._database.close()


@pytest.fixture(scope="module")
def ground(lab: Lab) -> Iterator[Ground]:
    made = Ground(lab)
    yield made
    made.close()


def document(wire: Wire, path: str) -> etree._Element:
    return wire.get(f"{path}?l=1")


def right_body(ground: Ground, resource: str, path: str, method: str) -> bytes:
    """Return what might be sent to a place: what stands there; for a list its first member."""
    if method == "POST" and resource in POSTED:
        return bytes(POSTED[resource](ground.owner))
    shown = document(ground.owner.wire, path)
    if method == "POST" and name_of(shown).endswith("List"):
        members = [one for one in shown if name_of(one) == name_of(shown).removesuffix("List")]
        if members:
            return bytes(etree.tostring(members[0]))
    return bytes(etree.tostring(shown))


def with_unknown(body: bytes) -> bytes:
    root = etree.fromstring(body)
    etree.SubElement(root, f"{{{SEP}}}bogusElement").text = "1"
    return bytes(etree.tostring(root))


def out_of_bounds(body: bytes) -> bytes | None:
    """Return the body with its first number far beyond what any type holds; None where there is none."""
    root = copy.deepcopy(etree.fromstring(body))
    for element in root.iter():
        if len(element) == 0 and element.text and element.text.lstrip("-").isdigit():
            element.text = "9" * 40
            return bytes(etree.tostring(root))
    return None


WRONG: dict[str, tuple[Callable[[bytes], bytes | None], int]] = {
    "another type": (lambda body: build("Time", {"currentTime": 0}), 400),
    "a type that is none": (lambda body: build("Bogus", {}), 400),
    "another namespace": (lambda body: re.sub(rb'="(urn|https):[^"]*"', b'="urn:other"', body), 400),
    "a number out of bounds": (out_of_bounds, 400),
    "nothing": (lambda body: b"", 400),
    "garbage": (lambda body: b"\x00\xff<<<", 400),
    "half of it": (lambda body: body[: len(body) // 2], 400),
    "a document type": (lambda body: b'<!DOCTYPE a [<!ENTITY b "c">]>' + body, 400),
}


def test_methods_are_those_of_the_standard(lab: Lab, ground: Ground) -> None:
    """M is served, E is 405 with Allow, O and D are either; strangers learn no more from it."""
    known = modes()
    for resource, path in ground.places.items():
        allowed, _ = known.get(resource, ("MMEEE", ""))
        options = ground.owner.wire.ask("FOO", path)
        assert options.status == 501, resource
        for method, mode in zip(METHODS, allowed, strict=True):
            if method in ("GET", "HEAD"):
                answer = ground.owner.wire.ask(method, path)
                assert answer.status == 200, (method, resource, answer)
            elif mode == "E" and not (resource.endswith("/cp") and method == "PUT"):
                for wire in (ground.owner.wire, ground.stranger.wire, ground.unknown):
                    body = None if method == "DELETE" else b"<a/>"
                    answer = wire.ask(method, path, body)
                    assert answer.status == 405, (method, resource, answer)
                    assert method not in answer.headers["allow"]


def served(answer: Answer) -> bool:
    return answer.status != 405


def test_wrong_bodies_change_nothing(lab: Lab, ground: Ground) -> None:
    for resource, path in ground.places.items():
        before = ground.state()
        for method in ("PUT", "POST"):
            if not served(ground.owner.wire.ask(method, path, b"")):
                continue
            right = right_body(ground, resource, path, method)
            for what, (make, status) in WRONG.items():
                wrong = make(right)
                if wrong is None:
                    continue
                answer = ground.owner.wire.ask(method, path, wrong)
                assert answer.status == status, (method, resource, what, answer)
                assert answer.body, "refusals say why, as the standard's Error"
            for kind in ("text/xml", "application/json", None):
                answer = ground.owner.wire.ask(method, path, right, content_type=kind)
                assert answer.status == 415, (method, resource, kind)
        assert ground.state() == before, resource


def test_strangers_change_nothing_and_see_nothing(lab: Lab, ground: Ground) -> None:
    for resource, path in ground.places.items():
        before = ground.state()
        is_public = not resource.startswith(
            ("/edev/", "/mup/", "/upt/", "/bill/", "/ppy/", "/rsps/{}/rsp/", "/fsa/")
        )
        for wire, registered in ((ground.stranger.wire, True), (ground.unknown, False)):
            sees = resource in OPEN or (registered and (is_public or resource in OWN_VIEW))
            if not registered and resource == "/mup":
                sees = True  # CSIP-AUS: it is found before registration, and empty
            for method in METHODS:
                body = right_body(ground, resource, path, method) if method in ("PUT", "POST") else None
                answer = wire.ask(method, path, body)
                if answer.status == 405:
                    continue
                if method in ("GET", "HEAD"):
                    assert answer.status == (200 if sees else 404), (method, resource, registered, answer)
                    if resource in OWN_VIEW and method == "GET":
                        assert not owned(ground, answer), (resource, answer)
                else:
                    assert 400 <= answer.status < 500, (method, resource, registered, answer)
        assert ground.state() == before, resource


def owned(ground: Ground, answer: Answer) -> set[str]:
    """Return which hrefs of the owner's an answer shows."""
    mine = {path for resource, path in ground.places.items() if resource.endswith("/{}")}
    return mine & set(hrefs(etree.fromstring(answer.body)))


def test_nobody_without_certificate_or_with_a_revoked_one(lab: Lab, ground: Ground) -> None:
    revoked = lab.plant()
    lab.utility.change_device(revoked.lfdi, revoked=True)
    before = ground.state()
    for resource, path in ground.places.items():
        for method in METHODS:
            answer = revoked.wire.ask(method, path, b"" if method in ("PUT", "POST") else None)
            assert answer.status in (403, 405), (method, resource, answer)
    assert ground.state() == before


def test_nobody_without_a_certificate(lab: Lab, ground: Ground) -> None:
    """The wire hangs up; behind a proxy that lets such clients through they are answered 403."""
    wire = lab.wire()
    wire.context = ssl.create_default_context(cafile=str(wire.certificate.ca))
    wire.context.check_hostname = False
    wire.context.maximum_version = ssl.TLSVersion.TLSv1_2
    wire.context.set_ciphers(CIPHER)
    wire.move(wire.server)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        wire.ask("GET", "/dcap")

    nobody = Peer(None, None, None, False, "192.0.2.1")
    before = ground.state()

    async def answers() -> list[tuple[str, str, int]]:
        found = []
        for resource, path in ground.places.items():
            for method in METHODS:
                request = Request(method, path, path, "", {"host": "esi", "accept": XML}, b"", nobody)
                answer = lab.house.service.application(request)
                status = (answer if isinstance(answer, Response) else await answer).status
                found.append((method, resource, status))
        return found

    for method, resource, status in lab.house.run(answers()):
        assert status in (403, 405), (method, resource, status)
    assert ground.state() == before


def test_a_device_that_is_disabled_is_a_stranger(lab: Lab) -> None:
    plant = lab.plant()
    me = plant.me().get("href")
    places = [me, f"{me}/fsa", "/upt", "/derp"]
    assert [plant.wire.ask("GET", one).status for one in places] == [200] * 4
    lab.utility.change_device(plant.lfdi, enabled=False)
    assert [plant.wire.ask("GET", one).status for one in places] == [404] * 4
    lab.utility.change_device(plant.lfdi, enabled=True)
    assert [plant.wire.ask("GET", one).status for one in places] == [200] * 4


def test_right_bodies_are_taken_and_unknown_elements_are_ignored(lab: Lab, ground: Ground) -> None:
    """IEEE 2030.5 is read liberally: what a later edition may add is no error, and is not kept."""
    for resource, path in ground.places.items():
        for method in ("PUT", "POST"):
            if not served(ground.owner.wire.ask(method, path, b"")):
                continue
            expected = REFUSED_ANYWAY.get((resource, method))
            right = right_body(ground, resource, path, method)
            for body in (right, with_unknown(right)):
                answer = ground.owner.wire.ask(method, path, body)
                if expected is not None:
                    assert answer.status == expected, (method, resource, answer)
                    continue
                assert answer.status in (201, 204), (method, resource, answer)
                shown = ground.owner.wire.ask("GET", answer.headers.get("location", path))
                assert shown.status == 200
                assert b"bogus" not in shown.body


NONSENSE: list[Any] = [[], "text", {"bogus": 1}]


def test_nonsense_of_the_operator_changes_nothing(lab: Lab, ground: Ground) -> None:
    before = ground.state()
    for resource, path in ground.places.items():
        for method in ("POST", "PUT", "PATCH"):
            for body in NONSENSE:
                answer = lab.utility.ask(method, f"/resources{path}", body)
                assert 400 <= answer.status_code < 500, (method, resource, body, answer.text)
                assert answer.json()["error"]
    assert ground.state() == before


def test_nobody_writes_without_the_token(lab: Lab, ground: Ground) -> None:
    before = ground.state()
    token = lab.utility.api.headers.pop("authorization")
    try:
        for path in ground.places.values():
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                assert lab.utility.ask(method, f"/resources{path}", {}).status_code == 401
    finally:
        lab.utility.api.headers["authorization"] = token
    assert ground.state() == before


def test_deleting(lab: Lab, ground: Ground) -> None:
    """The deepest first; what is gone is 404 by every method that was served."""
    for path in sorted(ground.places.values(), key=lambda one: -one.count("/")):
        if path == ground.owner.me().get("href"):
            continue
        answer = ground.owner.wire.ask("DELETE", path)
        if not served(answer):
            continue
        assert answer.status == 204, (path, answer)
        assert ground.owner.wire.ask("DELETE", path).status == 404
    assert ground.owner.wire.ask("GET", "/dcap", accept=XML).status == 200
