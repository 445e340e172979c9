from __future__ import annotations

from array import array

import pytest

from openesi.gateway.cache import Run
from openesi.gateway.fragments import Scale
from openesi.gateway.quality import EnergyCheck, Gap, GapFinder, RegisterReading, Verdict, integrate_wh

W = Scale(1, 1000)


def run(pairs: list[tuple[int, int]], scale: Scale = W) -> Run:
    return Run(array("I", [t for t, _ in pairs]), array("q", [w for _, w in pairs]), scale)


def test_integration_between_two_times_inside_and_across_runs() -> None:
    ramp = [(0, 0), (3600, 3600)]

    assert integrate_wh([run(ramp)], 0, 3600) == pytest.approx(1800)
    assert integrate_wh([run(ramp)], 900, 1800) == pytest.approx((900 + 1800) / 2 / 4)
    assert integrate_wh([run(ramp), run([(7200, 3)], Scale(1200, 1000))], 3600, 7200) == pytest.approx(3600)
    assert integrate_wh([run([(0, -1000), (3600, -1000)])], 0, 3600) == pytest.approx(-1000)


def test_no_power_data_at_either_end_is_not_guessed() -> None:
    assert integrate_wh([run([(10, 1), (20, 1)])], 0, 20) is None
    assert integrate_wh([run([(0, 1), (10, 1)])], 0, 20) is None
    assert integrate_wh([], 0, 20) is None


def windows(
    power: list[tuple[int, int]], step_wh: float, *, load_w: int = 1000
) -> list[tuple[Verdict, float | None]]:
    check = EnergyCheck()
    for time_s in range(0, 4000, 60):
        net_wh = int(load_w * time_s / 3600 / step_wh) * step_wh
        ends = check.take(RegisterReading(time_s, net_wh, step_wh))
        if ends is not None:
            check.compare(*ends, [run(power)])
    return [(w.verdict, w.residual_wh) for w in check.windows]


def test_complete_power_data_agree_with_the_register() -> None:
    power = [(t, 1000) for t in range(0, 4000, 4)]

    for verdict, residual_wh in windows(power, 1.0):
        assert verdict is Verdict.COMPLETE
        assert residual_wh is not None
        assert abs(residual_wh) <= 2


def test_a_missing_minute_with_a_step_in_the_load_is_seen() -> None:
    power = [(t, 1000 if t < 500 else 3500) for t in range(0, 4000, 4) if not 440 < t < 560]

    assert windows(power, 1.0)[0][0] is Verdict.DROPOUT


def test_a_coarse_register_is_compared_over_hours() -> None:
    check = EnergyCheck()
    ends = [check.take(RegisterReading(t, 100.0 * (t // 360), 100.0)) for t in range(0, 7300, 60)]

    assert [(e[0].time_s, e[1].time_s) for e in ends if e is not None] == [(0, 3600), (3600, 7200)]


def test_gaps_have_start_and_length_and_an_open_one_is_shown() -> None:
    finder = GapFinder(4)
    for time_s in [*range(0, 100, 4), *range(160, 200, 4)]:
        finder.take(time_s)

    assert list(finder.gaps) == [Gap(96, 160)]
    assert finder.gaps[0].length_s == 64
    assert finder.open_gap(200) is None
    assert finder.open_gap(300) == Gap(196, 300)


def test_a_meter_that_refreshes_slowly_has_no_gaps() -> None:
    finder = GapFinder(4)
    for time_s in range(0, 3000, 30):
        finder.take(time_s)

    assert len(finder.gaps) <= 1
    assert finder.threshold_s == 75
