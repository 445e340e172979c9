"""CSV as the seed of this gateway wrote it:

``value,time`` a line, no header; watts (or Wh) and Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from openesi.gateway.cache import Run
from openesi.gateway.fragments import Scale

DECIMALS = Decimal("0.000001")  # of a watt; only a divisor with odd factors has more


def render_csv(runs: Iterable[Run]) -> str:
    """All points of ``runs``, oldest first. Whole numbers where the scale gives whole numbers."""
    return "".join(_render_run(run) for run in runs)


def render_value(raw: int, scale: Scale) -> str:
    """One value in W or Wh as a plain decimal number, without a rounding that would show."""
    numerator = raw * scale.multiplier * 1000
    if numerator % scale.divisor == 0:
        return str(numerator // scale.divisor)
    exact = (Decimal(numerator) / scale.divisor).quantize(DECIMALS, ROUND_HALF_EVEN)
    return f"{exact:f}".rstrip("0").rstrip(".")


def _render_run(run: Run) -> str:
    factor, rest = divmod(run.scale.multiplier * 1000, run.scale.divisor)
    if rest == 0:
        pairs = zip(run.raws, run.times_s, strict=True)
        return "".join([f"{raw * factor},{time_s}\n" for raw, time_s in pairs])
    return "".join(
        [
            f"{render_value(raw, run.scale)},{time_s}\n"
            for raw, time_s in zip(run.raws, run.times_s, strict=True)
        ]
    )
