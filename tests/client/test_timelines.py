"""The client's event rules, as timelines of the CSIP conformance procedures and beyond.

Those of aggregators (AGG) are told of each device: each has a scheduler of its own.
"""

from __future__ import annotations

from typing import Any

import pytest

from client.timelines import GROUPS, MINUTE, SP, SY, Story, Told, play
from openesi.client import der
from openesi.sep2 import model as sep
from openesi.sep2.enums import DERCurveType, DeviceCategory, EventState, ResponseStatus

Obeyed = list[tuple[int, dict[str, Any]]]
Answers = list[tuple[int, str, int]]


def limit(percent: int) -> dict[str, Any]:
    return {"opModMaxLimW": percent * 100}


def fixed(percent: int) -> dict[str, Any]:
    return {"opModFixedW": percent * 100}


def sy(start: int, duration: int, modes: dict[str, Any], **more: Any) -> Told:
    return Told(name="sy", program=SY, start=start, duration=duration, modes=modes, **more)


def sp(start: int, duration: int, modes: dict[str, Any], **more: Any) -> Told:
    return Told(name="sp", program=SP, start=start, duration=duration, modes=modes, **more)


BOTH_DEFAULTS = {SY: limit(90), SP: limit(80)}
M = MINUTE

STORIES: list[tuple[Story, Answers, Obeyed]] = [
    (
        Story(name="BASIC-015: 24 successive controls, the rest cancelled while the third runs",
              programs=(SP,), defaults={SP: limit(80)}, length=8 * M,
              controls=tuple(
                  Told(name=f"c{n:02}", program=SP, start=M * (n + 1), duration=M, modes=limit(n),
                       cancelled=M * 3 + 30 if n > 2 else None)
                  for n in range(24)
              )),
        [(0, f"c{n:02}", 1) for n in range(24)]
        + [(60, "c00", 2), (120, "c00", 3), (120, "c01", 2), (180, "c01", 3), (180, "c02", 2)]
        + [(210, f"c{n:02}", 6) for n in range(3, 24)]
        + [(240, "c02", 3)],
        [(0, limit(80)), (60, limit(0)), (120, limit(1)), (180, limit(2)), (240, limit(80))],
    ),
    (
        Story(name="BASIC-016: two defaults, no control: that of the stronger program",
        defaults=BOTH_DEFAULTS), [],
        [(0, limit(80))],
    ),
    (
        Story(name="BASIC-017: no default, one control", programs=(SP,), controls=(sp(2 * M, 2 * M,
        limit(50)),)), [(0, "sp", 1), (120, "sp", 2), (240, "sp", 3)],
        [(0, {}), (120, limit(50)), (240, {})],
    ),
    (
        Story(name="BASIC-018: default, one control", programs=(SP,), defaults={SP: limit(80)},
              controls=(sp(2 * M, 2 * M, limit(50)),)),
        [(0, "sp", 1), (120, "sp", 2), (240, "sp", 3)],
        [(0, limit(80)), (120, limit(50)), (240, limit(80))],
    ),
    (
        Story(name="BASIC-019: two that do not overlap", programs=(SP,), defaults={SP: limit(80)},
              controls=(sp(M, M, limit(50)), Told(name="b", program=SP, start=3 * M, duration=M,
              modes=limit(40)))),
        [(0, "sp", 1), (0, "b", 1), (60, "sp", 2), (120, "sp", 3), (180, "b", 2), (240, "b", 3)],
        [(0, limit(80)), (60, limit(50)), (120, limit(80)), (180, limit(40)), (240, limit(80))],
    ),
    (
        Story(name="BASIC-020: two programs, two defaults, two that do not overlap", defaults=BOTH_DEFAULTS,
              controls=(sy(M, M, limit(50)), sp(3 * M, M, limit(40)))),
        [(0, "sy", 1), (0, "sp", 1), (60, "sy", 2), (120, "sy", 3), (180, "sp", 2), (240, "sp", 3)],
        [(0, limit(80)), (60, limit(50)), (120, limit(80)), (180, limit(40)), (240, limit(80))],
    ),
    (
        Story(name="BASIC-021: overlap known before: the weaker never runs", defaults=BOTH_DEFAULTS,
              controls=(sy(2 * M, 2 * M, limit(50)), sp(3 * M, 2 * M, limit(40)))),
        [(0, "sy", 1), (0, "sp", 1), (0, "sy", 7), (180, "sp", 2), (300, "sp", 3)],
        [(0, limit(80)), (180, limit(40)), (300, limit(80))],
    ),
    (
        Story(name="BASIC-022: the weaker would outlast the stronger, and still never runs",
        defaults=BOTH_DEFAULTS,
              controls=(sp(2 * M, 2 * M, limit(40)), sy(3 * M, 2 * M, limit(50)))),
        [(0, "sp", 1), (0, "sy", 1), (0, "sy", 7), (120, "sp", 2), (240, "sp", 3)],
        [(0, limit(80)), (120, limit(40)), (240, limit(80))],
    ),
    (
        Story(name="BASIC-023: superseded in flight, never resumed", defaults=BOTH_DEFAULTS,
              controls=(sy(M, 4 * M, limit(50)), sp(2 * M, 2 * M, limit(40), known=80))),
        [(0, "sy", 1), (60, "sy", 2), (80, "sp", 1), (120, "sy", 7), (120, "sp", 2), (240, "sp", 3)],
        [(0, limit(80)), (60, limit(50)), (120, limit(40)), (240, limit(80))],
    ),
    (
        Story(name="BASIC-024: independent modes both run", defaults={SY: fixed(20), SP: limit(80)},
              controls=(sy(M, 3 * M, fixed(50)), sp(2 * M, 3 * M, limit(40)))),
        [(0, "sy", 1), (0, "sp", 1), (60, "sy", 2), (120, "sp", 2), (240, "sy", 3), (300, "sp", 3)],
        [(0, fixed(20) | limit(80)), (60, fixed(50) | limit(80)), (120, fixed(50) | limit(40)),
         (240, fixed(20) | limit(40)), (300, fixed(20) | limit(80))],
    ),
    (
        Story(name="BASIC-025: as 024, the stronger first", defaults={SY: fixed(20), SP: limit(80)},
              controls=(sp(M, 3 * M, limit(40)), sy(2 * M, 3 * M, fixed(50)))),
        [(0, "sp", 1), (0, "sy", 1), (60, "sp", 2), (120, "sy", 2), (240, "sp", 3), (300, "sy", 3)],
        [(0, fixed(20) | limit(80)), (60, fixed(20) | limit(40)), (120, fixed(50) | limit(40)),
         (240, fixed(50) | limit(80)), (300, fixed(20) | limit(80))],
    ),
    (
        Story(name="BASIC-026: as 024, the stronger made after the weaker began",
              defaults={SY: fixed(20), SP: limit(80)},
              controls=(sy(M, 3 * M, fixed(50)), sp(2 * M, 3 * M, limit(40), known=90))),
        [(0, "sy", 1), (60, "sy", 2), (90, "sp", 1), (120, "sp", 2), (240, "sy", 3), (300, "sp", 3)],
        [(0, fixed(20) | limit(80)), (60, fixed(50) | limit(80)), (120, fixed(50) | limit(40)),
         (240, fixed(20) | limit(40)), (300, fixed(20) | limit(80))],
    ),
    (
        Story(name="EVENT.028: superseded in one mode, goes on in the other, completes",
              controls=(sy(M, 4 * M, limit(50) | fixed(60)), sp(2 * M, M, limit(40)))),
        [(0, "sy", 1), (0, "sp", 1), (60, "sy", 2), (120, "sp", 2), (180, "sp", 3), (300, "sy", 3)],
        [(0, {}), (60, fixed(60)), (120, fixed(60) | limit(40)), (180, fixed(60)), (300, {})],
    ),
    (
        Story(name="CORE-022: cancelled while it runs", programs=(SP,), controls=(sp(M, 3 * M, limit(50),
        cancelled=150),)), [(0, "sp", 1), (60, "sp", 2), (150, "sp", 6)],
        [(0, {}), (60, limit(50)), (150, {})],
    ),
    (
        Story(name="cancelled before it starts", programs=(SP,), controls=(sp(M, 3 * M, limit(50),
        cancelled=30),)), [(0, "sp", 1), (30, "sp", 6)],
        [(0, {})],
    ),
    (
        Story(name="only what is asked for is answered: receipt alone", programs=(SP,),
              controls=(sp(M, M, limit(50), required=0x01),)),
        [(0, "sp", 1)],
        [(0, {}), (60, limit(50)), (120, {})],
    ),
    (
        Story(name="nothing is asked for", programs=(SP,), controls=(sp(M, M, limit(50), required=0),)),
        [],
        [(0, {}), (60, limit(50)), (120, {})],
    ),
    (
        Story(name="equal primacy: the later created wins", programs=(SP,),
              controls=(sp(M, 2 * M, limit(50), created=-9),
                        Told(name="new", program=SP, start=M, duration=2 * M, modes=limit(30), created=-5))),
        [(0, "sp", 1), (0, "new", 1), (0, "sp", 7), (60, "new", 2), (180, "new", 3)],
        [(0, {}), (60, limit(30)), (180, {})],
    ),
    (
        Story(name="EVENT.021: one ends as the next begins: no overlap", programs=(SP,),
              controls=(sp(M, M, limit(50)), Told(name="b", program=SP, start=2 * M, duration=M,
              modes=limit(40)))),
        [(0, "sp", 1), (0, "b", 1), (60, "sp", 2), (120, "sp", 3), (120, "b", 2), (180, "b", 3)],
        [(0, {}), (60, limit(50)), (120, limit(40)), (180, {})],
    ),
    (
        Story(name="EVENT.014: received late: starts at once, keeps its end", programs=(SP,),
              controls=(sp(M, 2 * M, limit(50), known=100),)),
        [(100, "sp", 1), (100, "sp", 2), (180, "sp", 3)],
        [(0, {}), (100, limit(50)), (180, {})],
    ),
    (
        Story(name="received after its end", programs=(SP,), controls=(sp(M, M, limit(50), known=130),)),
        [(130, "sp", 254)],
        [(0, {})],
    ),
    (
        Story(name="EVENT.026: no longer listed is not cancelled (2018)", programs=(SP,),
              controls=(sp(M, 2 * M, limit(50), gone=90),)),
        [(0, "sp", 1), (60, "sp", 2), (180, "sp", 3)],
        [(0, {}), (60, limit(50)), (180, {})],
    ),
    (
        Story(name="no longer listed is cancelled (2023)", programs=(SP,), missing_is_cancelled=True,
              controls=(sp(M, 2 * M, limit(50), gone=90),)),
        [(0, "sp", 1), (60, "sp", 2), (90, "sp", 6)],
        [(0, {}), (60, limit(50)), (90, {})],
    ),
    (
        Story(name="meant for other devices", programs=(SP,),
              controls=(sp(M, M, limit(50), category=DeviceCategory.WATER_HEATER),)),
        [],
        [(0, {})],
    ),
    (
        Story(name="meant for devices of this kind, too", programs=(SP,),
              controls=(sp(M, M, limit(50),
                           category=DeviceCategory.WATER_HEATER |
                           DeviceCategory.PHOTOVOLTAIC_WITH_STORAGE),)),
        [(0, "sp", 1), (60, "sp", 2), (120, "sp", 3)],
        [(0, {}), (60, limit(50)), (120, {})],
    ),
    (
        Story(name="an empty control is invalid", programs=(SP,), controls=(sp(M, M, {}),)),
        [(0, "sp", 1), (0, "sp", 253)],
        [(0, {})],
    ),
    (
        Story(name="a value out of its range is invalid", programs=(SP,), controls=(sp(M, M, limit(101)),)),
        [(0, "sp", 1), (0, "sp", 253)],
        [(0, {})],
    ),
    (
        Story(name="superseded by the server (status 4)", programs=(SP,),
              controls=(sp(M, 3 * M, limit(50), cancelled=120, cancelled_state=EventState.SUPERSEDED),)),
        [(0, "sp", 1), (60, "sp", 2), (120, "sp", 7)],
        [(0, {}), (60, limit(50)), (120, {})],
    ),
    (
        Story(name="MAINT-005: primacies swapped: the default of what is now the best",
        defaults=BOTH_DEFAULTS,
              primacy={M: {SY: 80}}),
        [],
        [(0, limit(80)), (60, limit(90))],
    ),
    (
        Story(name="a winner that is itself displaced displaces nobody", programs=(SY, SP),
              controls=(Told(name="low", program=SY, start=M, duration=M, modes=limit(10), created=-9),
                        Told(name="mid", program=SY, start=M + 30, duration=3 * M, modes=limit(20),
                        created=-5), Told(name="top", program=SP, start=3 * M, duration=M, modes=limit(30)))),
        [(0, "low", 1), (0, "mid", 1), (0, "top", 1), (0, "mid", 7), (60, "low", 2), (120, "low", 3),
         (180, "top", 2), (240, "top", 3)],
        [(0, {}), (60, limit(10)), (120, {}), (180, limit(30)), (240, {})],
    ),
    (
        Story(name="BASIC-002: seven levels: the default of the nearest, then a control of the farthest",
              programs=(SY, *GROUPS, SP),
              defaults={name: limit(90 - n) for n, name in enumerate((SY, *GROUPS, SP))},
              controls=(sy(M, M, limit(50)),)),
        [(0, "sy", 1), (60, "sy", 2), (120, "sy", 3)],
        [(0, limit(84)), (60, limit(50)), (120, limit(84))],
    ),
    (
        Story(name="BASIC-003: other programs are assigned while a control waits and another runs",
              programs=(SY,), moved={90: (SP,)}, defaults=BOTH_DEFAULTS,
              controls=(sy(M, 5 * M, limit(50)), Told(name="b", program=SY, start=7 * M, duration=M,
                        modes=limit(40)), sp(3 * M, M, limit(30)))),
        [(0, "sy", 1), (0, "b", 1), (60, "sy", 2), (90, "sp", 1), (90, "sy", 6), (90, "b", 6),
         (180, "sp", 2), (240, "sp", 3)],
        [(0, limit(90)), (60, limit(50)), (90, limit(80)), (180, limit(30)), (240, limit(80))],
    ),
    (
        Story(name="CORE-013: ten programs, each with controls one after the other, defaults in between",
              programs=(SY, *GROUPS, SP), defaults={SP: limit(80)}, length=11 * M,
              controls=tuple(
                  Told(name=f"{n}", program=name, start=M * (n + 1) + M // 2, duration=M // 2, modes=limit(n))
                  for n, name in enumerate((SY, *GROUPS, SP))
              )),
        [(0, f"{n}", 1) for n in range(7)]
        + [(90 + 60 * n, f"{n}", 2) for n in range(7)] + [(120 + 60 * n, f"{n}", 3) for n in range(7)],
        [(0, limit(80)), *(
            told for n in range(7) for told in ((90 + 60 * n, limit(n)), (120 + 60 * n, limit(80)))
        )],
    ),
    (
        Story(name="CORE-023: three that start together: the strongest runs, the others never do",
              programs=(SY, "FEEDER", SP),
              controls=(sy(M, 3 * M, limit(60)), Told(name="f", program="FEEDER", start=M, duration=2 * M,
                        modes=limit(50)), sp(M, M, limit(40)))),
        [(0, "sy", 1), (0, "f", 1), (0, "sp", 1), (0, "sy", 7), (0, "f", 7), (60, "sp", 2), (120, "sp", 3)],
        [(0, {}), (60, limit(40)), (120, {})],
    ),
    (
        Story(name="AGG-002 EDA: the default of the transformer", programs=(SY, "TFA"),
              defaults={SY: limit(90), "TFA": limit(70)}), [],
        [(0, limit(70))],
    ),
    (
        Story(name="AGG-002 EDB: of the system", programs=(SY,), defaults={SY: limit(90), "TFA": limit(70)}),
        [],
        [(0, limit(90))],
    ),
    (
        Story(name="AGG-003 EDB: a control of a program that is not its own", programs=(SY,),
              controls=(Told(name="t", program="TFA", start=M, duration=M, modes=limit(50)),)), [],
        [(0, {})],
    ),
    (
        Story(name="AGG-007 EDA: overlap, the weaker first: 14, another program's event",
              programs=(SY, "TFA"), defaults={SY: limit(90), "TFA": limit(70)},
              superseded=ResponseStatus.ABORTED_FOR_OTHER_PROGRAM,
              controls=(sy(2 * M, 2 * M, limit(50)), Told(name="t", program="TFA", start=3 * M,
                        duration=2 * M, modes=limit(40)))),
        [(0, "sy", 1), (0, "t", 1), (0, "sy", 14), (180, "t", 2), (300, "t", 3)],
        [(0, limit(70)), (180, limit(40)), (300, limit(70))],
    ),
    (
        Story(name="AGG-008 EDA: overlap, the stronger first", programs=(SY, "TFA"),
              superseded=ResponseStatus.ABORTED_FOR_OTHER_PROGRAM,
              controls=(Told(name="t", program="TFA", start=2 * M, duration=2 * M, modes=limit(40)),
                        sy(3 * M, 2 * M, limit(50)))),
        [(0, "t", 1), (0, "sy", 1), (0, "sy", 14), (120, "t", 2), (240, "t", 3)],
        [(0, {}), (120, limit(40)), (240, {})],
    ),
    (
        Story(name="AGG-009 EDA: the stronger made after the weaker began", programs=(SY, "TFA"),
              controls=(sy(M, 4 * M, limit(50)), Told(name="t", program="TFA", start=2 * M, duration=2 * M,
                        modes=limit(40), known=80))),
        [(0, "sy", 1), (60, "sy", 2), (80, "t", 1), (120, "sy", 7), (120, "t", 2), (240, "t", 3)],
        [(0, {}), (60, limit(50)), (120, limit(40)), (240, {})],
    ),
    (
        Story(name="AGG-009 EDB: goes on with the event of the system", programs=(SY,),
              controls=(sy(M, 4 * M, limit(50)), Told(name="t", program="TFA", start=2 * M, duration=2 * M,
                        modes=limit(40), known=80))),
        [(0, "sy", 1), (60, "sy", 2), (300, "sy", 3)],
        [(0, {}), (60, limit(50)), (300, {})],
    ),
    (
        Story(name="AGG-010: independent modes of two programs both run", programs=(SY, "TFA"),
              controls=(sy(M, 3 * M, fixed(50)), Told(name="t", program="TFA", start=2 * M, duration=3 * M,
                        modes=limit(40)))),
        [(0, "sy", 1), (0, "t", 1), (60, "sy", 2), (120, "t", 2), (240, "sy", 3), (300, "t", 3)],
        [(0, {}), (60, fixed(50)), (120, fixed(50) | limit(40)), (240, limit(40)), (300, {})],
    ),
    (
        Story(name="MAINT-003: moved to another group in the middle of an event", programs=(SY, "TFA"),
              moved={150: (SY, "FEEDER")}, defaults={"TFA": limit(70), "FEEDER": limit(60)},
              controls=(Told(name="t", program="TFA", start=M, duration=4 * M, modes=limit(40)),)),
        [(0, "t", 1), (60, "t", 2), (150, "t", 6)],
        [(0, limit(70)), (60, limit(40)), (150, limit(60))],
    ),
    (
        Story(name="MAINT-004: a control is added while another runs", programs=(SP,),
              controls=(sp(M, M, limit(50)), Told(name="b", program=SP, start=3 * M, duration=M,
                        modes=limit(40), known=90))),
        [(0, "sp", 1), (60, "sp", 2), (90, "b", 1), (120, "sp", 3), (180, "b", 2), (240, "b", 3)],
        [(0, {}), (60, limit(50)), (120, {}), (180, limit(40)), (240, {})],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("story", "answers", "obeyed"), STORIES, ids=[story.name for story, *_ in STORIES])
def test_story(story: Story, answers: Answers, obeyed: Obeyed) -> None:
    outcome = play(story)
    assert outcome.obeyed == obeyed
    assert sorted(outcome.answers) == sorted(answers)
    assert [time for time, *_ in outcome.answers] == sorted(time for time, *_ in outcome.answers)


# What BASIC-004 to 014 set, one control after the other; curves are links of the control.
VALUES: dict[str, Any] = {
    "opModConnect": False,
    "opModEnergize": False,
    "opModFixedPFInjectW": sep.PowerFactorWithExcitation(displacement=95, excitation=False, multiplier=-2),
    "opModFixedPFAbsorbW": sep.PowerFactorWithExcitation(displacement=95, excitation=True, multiplier=-2),
    "opModFixedVar": sep.FixedVar(refType=1, value=1_000),
    "opModFixedW": -5_000,
    "opModFreqDroop": sep.FreqDroopType(dBOF=30, dBUF=30, kOF=40, kUF=40, openLoopTms=500),
    "opModMaxLimW": 5_000,
    "opModTargetVar": sep.ReactivePower(multiplier=0, value=500),
    "opModTargetW": sep.ActivePower(multiplier=0, value=-500),
    "opModExpLimW": sep.ActivePower(multiplier=0, value=1_500),
    "opModImpLimW": sep.ActivePower(multiplier=0, value=1_500),
    "opModGenLimW": sep.ActivePower(multiplier=0, value=1_500),
    "opModLoadLimW": sep.ActivePower(multiplier=0, value=1_500),
    "opModStorageTargetW": sep.ActivePower(multiplier=0, value=1_500),
    **{mode: sep.DERCurveLink(href=f"/dc/{mode}") for mode in der.CURVE_MODES},
}


@pytest.mark.parametrize("mode", der.MODES)
def test_every_control_is_obeyed_for_its_time_with_its_curve_and_the_default_around_it(mode: str) -> None:
    value = VALUES.get(mode, True)
    curves = {}
    if mode in der.CURVE_MODES:
        curve = sep.DERCurve(
            mRID=bytes(16),
            creationTime=1,
            CurveData=tuple(sep.CurveData(xvalue=x, yvalue=x) for x in range(10)),
            curveType=DERCurveType[mode],
            xMultiplier=0,
            yMultiplier=0,
            yRefType=1,
        )
        curves = {value.href: curve}
    story = Story(
        name=mode,
        programs=(SP,),
        defaults={SP: limit(80)},
        controls=(sp(M, 2 * M, {mode: value}),),
        length=4 * M,
        curves=curves,
    )
    outcome = play(story)
    assert outcome.obeyed == [
        (0, limit(80)),
        (60, limit(80) | {mode: value}),
        (180, limit(80)),
    ]
    assert outcome.statuses("sp") == [1, 2, 3]
    assert outcome.curves == ([(60, {mode: curves[value.href]}), (180, {})] if curves else [])


@pytest.mark.parametrize("poll", [1, 7, 60])
def test_how_often_the_server_is_asked_changes_no_start_and_no_end(poll: int) -> None:
    story, _, obeyed = next(each for each in STORIES if each[0].name.startswith("BASIC-024"))
    assert (
        play(Story(name=story.name, defaults=story.defaults, controls=story.controls, poll=poll)).obeyed
        == obeyed
    )
