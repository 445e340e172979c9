"""Tables of points: the packaged one beside SunSpec's models, VOLTTRON's three files, what is none."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sunspec2

from openesi.errors import LocalError
from openesi.sunspec.table import MAX_POINTS, parse_csv, parse_rows, rows_of, standard_table

G1 = """Volttron Point Name,Point Name,Units,Writable,Default
b1_Md,b1_Md,NA,FALSE,NA
limit,b124_WChaMax,W,TRUE,NA
"""
G2 = """Volttron Point Name,SEP2 Resource Name,SEP2 Field Name,Units,Writable,Default
b1_SN,DeviceInformation,sFDI,NA,FALSE,NA
b113_A,MirrorMeterReading,PhaseCurrentAvg,NA,FALSE,NA
b120_MaxChaRte,DERCapability,rtgMaxChargeRate,W,FALSE,NA
b121_WMax,DERSettings,setMaxChargeRate,W,FALSE,NA
b124_WChaMax,DERControl,DERControlBase.opModFixedFlow,W,TRUE,NA
b404_DCWh,DERAvailability,SOC,Wh,FALSE,NA
b802_SoC,DERStatus,inverterStatus,% WHRtg,FALSE,NA
b802_State,DERStatus,stateOfChargeStatus,NA,FALSE,NA
"""
G3 = G2.replace("SEP2 ", "IEEE2030_5 ")


@cache
def _model(number: int) -> dict[str, Any]:
    folder = Path(sunspec2.__file__).parent / "models" / "json"
    points: dict[str, Any] = {}

    def gather(group: dict[str, Any]) -> None:
        points.update({one["name"]: one for one in group.get("points", [])})
        for inner in group.get("groups", []):
            gather(inner)

    gather(json.loads((folder / f"model_{number}.json").read_text())["group"])
    return points


def test_every_point_is_one_of_sunspecs_models_with_its_unit() -> None:
    assert len(standard_table()) == 26
    for point in standard_table().values():
        number, _, name = point.name.removeprefix("b").partition("_")
        theirs = _model(int(number))[name]
        unit = {"AH": "Ah", "Pct": "%", "%WHRtg": "% WHRtg"}.get(
            theirs.get("units", ""), theirs.get("units", "")
        )
        assert point.units == unit, point.name
        kind = point.type.value
        assert (theirs["type"] == "string") == (kind == "string"), point.name
        if kind == "int":
            assert theirs["type"] in ("enum16", "bitfield16"), point.name


def test_only_one_point_can_be_set() -> None:
    assert [point.name for point in standard_table().values() if point.writable] == ["b124_WChaMax"]


def test_a_table_written_out_reads_as_the_same() -> None:
    assert parse_rows(rows_of(standard_table())) == standard_table()


def test_the_file_of_2017_names_points_of_the_packaged_table() -> None:
    found = parse_csv(G1)
    assert found["b1_Md"] == standard_table()["b1_Md"]
    assert found["limit"].writable
    assert found["limit"].path == standard_table()["b124_WChaMax"].path


@pytest.mark.parametrize("text", [G2, G3, "\ufeff" + G3.replace("\n", "\r\n")])
def test_the_later_files_are_read_with_their_names_and_their_exchanged_pair_is_put_right(text: str) -> None:
    found, standard = parse_csv(text), standard_table()
    assert list(found) == [line.partition(",")[0] for line in G2.splitlines()[1:]]
    for name, point in found.items():
        ours = standard[name]
        assert (point.path, point.kind, point.type, point.units, point.writable) == (
            ours.path,
            ours.kind,
            ours.type,
            ours.units,
            ours.writable,
        )


def test_the_exchanged_pair_stays_where_exactly_the_file_is_wanted() -> None:
    assert parse_csv(G3, mend=False)["b802_SoC"].path == ("inverterStatus", "value")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("Point,Resource,Field\n", "empty"),
        ("A,B\n1,2\n", "unknown columns"),
        ("Point,Resource,Field\nx,DERStatsu,inverterStatus\n", "did you mean DERStatus"),
        ("Point,Resource,Field\nx,DERStatus,inverterStatsu\n", "did you mean inverterStatus"),
        ("Point,Resource,Field\nx,DERStatus,inverterStatus.value.more\n", "nothing below"),
        ("Point,Resource,Field\nx,PowerStatus,PEVInfo\n", "no value of its own"),
        ("Point,Resource,Field\nx,Registration,pIN\n", "no resource of a device"),
        ("Point,Resource,Field\nx,MirrorMeterReading,\n", "description"),
        ("Point,Resource,Field\na/b,DERStatus,inverterStatus\n", "no name"),
        ("Point,Resource,Field\nx,DERStatus,inverterStatus\nx,DERStatus,readingTime\n", "twice"),
        ("Point,Resource,Field,Writable\nx,DERStatus,inverterStatus,TRUE\n", "cannot be writable"),
        ("Point,Resource,Field,Type\nx,DERStatus,inverterStatus,complex\n", "Type"),
        ("Point,Resource,Field,Type\nx,DeviceInformation,mfModel,float\n", "texts"),
        ("Point,Resource,Field\nx,DERStatus,inverterStatus,more\n", "more cells"),
        (f"Point,Resource,Field\n{'x' * 300},DERStatus,inverterStatus\n", "characters"),
        ("Volttron Point Name,Point Name\nx,b1_Mdd\n", "no point of the table; did you mean b1_Md"),
        ("Point,Resource,Field\n" + "x,DERStatus,inverterStatus\n" * (MAX_POINTS + 1), "at most"),
        ('Point,Resource,Field\n"' + "x" * 200_000, "CSV"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(LocalError, match=words):
        parse_csv(text)
