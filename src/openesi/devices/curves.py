"""DERCurves as functions: straight lines between points, the end values beyond them.

Points are those of IEEE 2030.5-2018, 10.10.4.3; that the end values hold beyond them follows the figures of
IEEE 1547-2018.
"""

from __future__ import annotations

from itertools import pairwise

from openesi.sep2 import model as sep


def value_at(curve: sep.DERCurve, x: float) -> float:
    """Return y at ``x``, both in the units of the curve after its multipliers."""
    return _interpolate(_points(curve), x)


def excitation_at(curve: sep.DERCurve, x: float) -> bool:
    """Return the excitation of the last point up to ``x`` (watt-PF curves): True absorbs var."""
    found = curve.CurveData[0]
    for point in curve.CurveData:
        if point.xvalue * 10.0**curve.xMultiplier <= x:
            found = point
    return bool(found.excitation)


def _points(curve: sep.DERCurve) -> list[tuple[float, float]]:
    scale_x, scale_y = 10.0**curve.xMultiplier, 10.0**curve.yMultiplier
    return [(point.xvalue * scale_x, point.yvalue * scale_y) for point in curve.CurveData]


def _interpolate(points: list[tuple[float, float]], x: float) -> float:
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1:
            return y1 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
