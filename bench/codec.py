"""What reading and writing XML costs, beside a bare ElementTree parse and beside pydantic-xml.

The bare parse makes the tree that our readers walk, and nothing else. pydantic-xml is what other Python
implementations of the standard use; its classes stand below. It is measured where it is installed
(``pip install --group bench``). CPU time of this process in rounds that take turns, the best round of each;
figures are compared within one run, never between machines. Prints a table and writes
bench/results/codec.json.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from bench.exi import control, controls, costs_us, mirrored

from openesi.sep2 import xml

DOCUMENTS = {"1 control": control(7), "20 controls": controls(20), "300 readings": mirrored(300)}


def measure() -> list[dict[str, float | str | None]]:
    others = pydantic_classes()
    rows: list[dict[str, float | str | None]] = []
    for name, value in DOCUMENTS.items():
        document = xml.serialize(value)
        assert xml.parse(document) == value
        works: dict[str, Callable[[], object]] = {
            "tree_us": lambda document=document: ET.fromstring(document),
            "parse_us": lambda document=document: xml.parse(document),
            "serialize_us": lambda value=value: xml.serialize(value),
        }
        if name in others:
            cls = others[name]
            other = cls.from_xml(document)
            assert xml.parse(other.to_xml(exclude_none=True)) == value
            works["pydantic_parse_us"] = lambda cls=cls, document=document: cls.from_xml(document)
            works["pydantic_serialize_us"] = lambda other=other: other.to_xml(exclude_none=True)
        costs = dict(zip(works, costs_us(list(works.values())), strict=True))
        rows.append({"document": name, "octets": len(document), **costs})
    return rows


def pydantic_classes() -> dict[str, Any]:
    """Return the classes of the documents; none where pydantic-xml is not installed."""
    if importlib.util.find_spec("pydantic_xml") is None:
        return {}
    from bench import _pydantic_classes as classes

    return {
        "1 control": classes.DERControl,
        "20 controls": classes.DERControlList,
        "300 readings": classes.MirrorMeterReading,
    }


def main() -> None:
    gc.collect()
    gc.freeze()  # as a server does after it has started: the collector need not look at what it loaded
    rows = measure()
    print(f"{'':14}{'octets':>8}{'tree µs':>10}{'read µs':>10}{'x tree':>8}{'write µs':>10}{'x tree':>8}")
    for row in rows:
        tree, read, write = row["tree_us"], row["parse_us"], row["serialize_us"]
        print(
            f"{row['document']:14}{row['octets']:8}{tree:10.1f}"
            f"{read:10.1f}{read / tree:8.2f}{write:10.1f}{write / tree:8.2f}"
        )
    if "pydantic_parse_us" in rows[0]:
        print(f"\n{'pydantic-xml':14}{'read µs':>10}{'x ours':>8}{'write µs':>10}{'x ours':>8}")
        for row in rows:
            read, write = row["pydantic_parse_us"], row["pydantic_serialize_us"]
            print(
                f"{row['document']:14}{read:10.1f}{read / row['parse_us']:8.1f}"
                f"{write:10.1f}{write / row['serialize_us']:8.1f}"
            )
    else:
        print("pydantic-xml is not installed; pip install --group bench gets it.", file=sys.stderr)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "codec.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
