"""What EXI costs beside XML: the same documents read and written by both codecs of this package.

CPU time of this process, in rounds that take turns, the best round of each; figures are compared within one
run, never between machines. Prints a table and writes bench/results/exi.json.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from openesi.sep2 import exi, model, xml

ROUNDS = 25
ROUND_S = 0.02
NOW = 1_752_566_000


def control(number: int) -> model.DERControl:
    """An event as a server sends it."""
    return model.DERControl(
        href=f"/derp/2/derc/{number}",
        replyTo="/rsps/1/rsp",
        responseRequired=b"\x07",
        subscribable=1,
        mRID=(0xE566 << 64 | number).to_bytes(16, "big"),
        description="Limit and PF",
        version=0,
        creationTime=NOW,
        EventStatus=model.EventStatus(currentStatus=0, dateTime=NOW, potentiallySuperseded=False),
        interval=model.DateTimeInterval(duration=3600, start=NOW + 3600 * number),
        randomizeDuration=-30,
        randomizeStart=30,
        DERControlBase=model.DERControlBase(
            opModFixedPFInjectW=model.PowerFactorWithExcitation(
                displacement=950, excitation=True, multiplier=-3
            ),
            opModMaxLimW=6000,
            rampTms=500,
        ),
    )


def controls(count: int) -> model.DERControlList:
    """A list of events."""
    return model.DERControlList(
        href="/derp/2/derc",
        subscribable=1,
        all=count,
        results=count,
        DERControl=tuple(control(number) for number in range(count)),
    )


def reading(number: int, href: str | None = None) -> model.Reading:
    """An interval of five minutes."""
    return model.Reading(
        href=href,
        localID=number.to_bytes(2, "big"),
        qualityFlags=b"\x00\x01",
        timePeriod=model.DateTimeInterval(duration=300, start=NOW + 300 * number),
        value=number * 37 - 5000,
    )


def mirrored(count: int) -> model.MirrorMeterReading:
    """Readings as a device posts them: without an href each."""
    readings = model.MirrorReadingSet(
        mRID=bytes.fromhex("3E4F45AB31EDFE5B67E343030000E566"),
        timePeriod=model.DateTimeInterval(duration=count * 300, start=NOW),
        Reading=tuple(reading(number) for number in range(count)),
    )
    return model.MirrorMeterReading(
        mRID=bytes.fromhex("3E4F45AB31EDFE5B67E343020000E566"), MirrorReadingSet=(readings,)
    )


def listed(count: int) -> model.ReadingList:
    """Readings as a server lists them: an href each, a string that is new every time."""
    href = "/upt/1/mr/1/rs/1/r"
    return model.ReadingList(
        href=href,
        all=count,
        results=count,
        Reading=tuple(reading(number, f"{href}/{number}") for number in range(count)),
    )


DOCUMENTS = {
    "1 control": control(7),
    "20 controls": controls(20),
    "300 readings, posted": mirrored(300),
    "300 readings, listed": listed(300),
}


def costs_us(works: Sequence[Callable[[], object]]) -> list[float]:
    """CPU microseconds of one call of each."""
    calls = [_calls(work) for work in works]
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for index, work in enumerate(works):
            best[index] = min(best[index], _spent_s(work, calls[index]) / calls[index] * 1e6)
    return best


def _calls(work: Callable[[], object]) -> int:
    calls = 1
    while (spent := _spent_s(work, calls)) < ROUND_S:
        calls = max(calls + 1, int(calls * ROUND_S / max(spent, ROUND_S / 100)))
    return calls


def _spent_s(work: Callable[[], object], calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        work()
    return time.process_time() - start


def measure() -> list[dict[str, float | str]]:
    """Measure every document both ways."""
    rows: list[dict[str, float | str]] = []
    for name, value in DOCUMENTS.items():
        document, stream = xml.serialize(value), exi.encode(value)
        assert xml.parse(document) == exi.decode(stream) == value
        parse, decode, serialize, encode = costs_us(
            [
                lambda document=document: xml.parse(document),
                lambda stream=stream: exi.decode(stream),
                lambda value=value: xml.serialize(value),
                lambda value=value: exi.encode(value),
            ]
        )
        rows.append(
            {
                "document": name,
                "xml_octets": len(document),
                "exi_octets": len(stream),
                "parse_us": parse,
                "decode_us": decode,
                "serialize_us": serialize,
                "encode_us": encode,
            }
        )
    return rows


def main() -> None:
    """Measure, print, keep."""
    gc.collect()
    gc.freeze()
    rows = measure()
    print(f"{'':22}{'octets':>14}{'read µs':>18}{'ratio':>7}{'write µs':>18}{'ratio':>7}")
    print(f"{'':22}{'XML':>8}{'EXI':>6}" + f"{'XML':>10}{'EXI':>8}{'':7}" * 2)
    for row in rows:
        read, write = row["decode_us"] / row["parse_us"], row["encode_us"] / row["serialize_us"]
        print(
            f"{row['document']:22}{row['xml_octets']:8}{row['exi_octets']:6}"
            f"{row['parse_us']:10.0f}{row['decode_us']:8.0f}{read:7.2f}"
            f"{row['serialize_us']:10.0f}{row['encode_us']:8.0f}{write:7.2f}"
        )
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "exi.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
