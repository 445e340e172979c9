"""Documents that are nearly right, by the hundred: the server has no fault, and serves well what it took."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from conformance.fill import fill
from conformance.lab import Lab, lab_in
from conformance.wire import Element, child, crawl, name_of, pattern

TRIES = 400  # of each side; with more seeds some ten thousand were tried by hand
TEXTS = (
    "", "0", "1", "-1", "255", "256", "65535", "65536", "4294967296", "-2147483649", "281474976710656",
    "9" * 30, "true", "maybe", "00", "FF", "F", "XYZ", "é" * 40, "a" * 300, "AB" * 16, "AB" * 20, "1.5",
    "/derp/99/derc", "https://x/y", "\t \n", "0x10", "1e5",
)  # fmt: skip
ATTRIBUTES = ("href", "all", "results", "replyTo", "responseRequired", "subscribable", "pollRate")
VALUES = (
    None, True, False, 0, -1, 256, 65_536, 2**32, 2**63, 10**30, 1.5, "", "0", "FF", "é" * 40, "a" * 300,
    "AB" * 16,
)  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_in(Path(tmp_path_factory.mktemp("mutations")), "csip-aus-1.3") as made:
        yield made


def mutated(root: Element, dice: random.Random) -> bytes:
    """Return a document with one to three things changed, left out, doubled or out of order."""
    elements = list(root.iter())
    for _ in range(dice.choice((1, 1, 2, 3))):
        element = dice.choice(elements)
        what = dice.randrange(5)
        if what == 0 and element.getparent() is not None:
            element.getparent().remove(element)
        elif what == 1 and element.getparent() is not None:
            element.addnext(copy.deepcopy(element))
        elif what == 2:
            element[:] = dice.sample(list(element), len(element))
        elif what == 3:
            element.set(dice.choice(ATTRIBUTES), dice.choice(TEXTS))
        elif len(element) == 0:
            element.text = dice.choice(TEXTS)
    return bytes(etree.tostring(root))


def mutate_json(document: Any, dice: random.Random) -> Any:
    """Change, leave out or rename one field of a document, at any depth."""
    document = copy.deepcopy(document)
    node = document
    while isinstance(node, dict | list) and node:
        key: Any = dice.choice(list(node)) if isinstance(node, dict) else dice.randrange(len(node))
        if isinstance(node[key], dict | list) and node[key] and dice.random() < 0.7:
            node = node[key]
        elif isinstance(node, dict) and dice.random() < 0.3:
            node[f"x{key}"] = node.pop(key)
            break
        else:
            node[key] = dice.choice(VALUES)
            break
    return document


def first_member(document: Element) -> Element:
    members = [one for one in document if name_of(one) == name_of(document).removesuffix("List")]
    return members[0] if members else document


@pytest.mark.parametrize("seed", [1])
def test_whatever_was_taken_is_served_by_the_schema(lab: Lab, seed: int) -> None:
    dice = random.Random(seed)
    plant = fill(lab)
    places = {pattern(path): path for path in crawl(plant.wire)}
    paths = sorted(places.values())
    documents = {path: plant.wire.get(f"{path}?l=1") for path in paths}
    objects = {path: lab.utility.do("GET", f"/resources{path}", limit=1) for path in paths}
    served = {one["path"]: one["device_methods"] for one in lab.utility.do("GET", "/resources")}
    writes = [
        (path, method) for path in paths for method in served[pattern(path)] if method in ("PUT", "POST")
    ]
    statuses = set()
    for _ in range(TRIES):
        path, method = dice.choice(writes)
        document = copy.deepcopy(documents[path])
        document = first_member(document) if method == "POST" else document
        mrid = child(document, "mRID")
        if method == "POST" and mrid is not None:
            mrid.text = f"{dice.getrandbits(128):032X}"
        body = mutated(document, dice)
        answer = plant.wire.ask(method, path, body)
        assert answer.status < 500, (method, path, body, answer)
        statuses.add(answer.status)

        path, operation = dice.choice(paths), dice.choice(("PUT", "POST", "PATCH"))
        changed = objects[path]
        if operation == "POST":
            lists = [value for value in changed.values() if isinstance(value, list) and value]
            changed = (
                {name: value for name, value in lists[0][0].items() if name != "mRID"} if lists else changed
            )
        changed = mutate_json(changed, dice)
        told = lab.utility.ask(operation, f"/resources{path}", changed)
        assert told.status_code < 500, (operation, path, changed, told.text)
        statuses.add(told.status_code)
        if dice.random() < 0.005:
            lab.pass_time(dice.choice((60, 3_600, -1_800)))
    assert statuses >= {200, 201, 204, 400, 422}
    assert len(crawl(plant.wire)) >= len(paths)
