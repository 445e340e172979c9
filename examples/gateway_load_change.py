"""Did the load change at the event? Looks at the change of power over time and tells differences only.

Times are the meter's, which the utility's clocks keep too. What the home uses is not told, only how much it
changed.

    python examples/gateway_load_change.py --event 1700003600 --window 300
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from gateway_reader import Reading, connect, parser


@dataclass(frozen=True)
class Change:
    """The median power after less that before, and the greatest single steps (seconds from the event,
    watts).
    """

    difference_w: float
    steps: tuple[tuple[int, float], ...]


def find_change(
    readings: Sequence[Reading], event_s: int, window_s: int, least_w: float = 200
) -> Change | None:
    """What changed around ``event_s``; None if one side has no readings."""
    before = [r.power_w for r in readings if event_s - window_s <= r.time_s < event_s]
    after = [r.power_w for r in readings if event_s <= r.time_s <= event_s + window_s]
    if not before or not after:
        return None
    near = [r for r in readings if abs(r.time_s - event_s) <= window_s]
    # The first derivative of the stream: what came on or went off, and when.
    steps = [(b.time_s - event_s, b.power_w - a.power_w) for a, b in pairwise(near)]
    large = sorted((step for step in steps if abs(step[1]) >= least_w), key=lambda step: -abs(step[1]))
    return Change(median(after) - median(before), tuple(large[:5]))


def main(arguments: list[str] | None = None) -> int:
    """Print the change as one JSON document."""
    options = parser(__doc__)
    options.add_argument("--event", type=int, required=True, help="Unix second of the meter's clock")
    options.add_argument("--window", type=int, default=300, help="seconds before and after")
    chosen = options.parse_args(arguments)
    start_s, end_s = chosen.event - chosen.window, chosen.event + chosen.window
    change = find_change(connect(chosen).readings(start=start_s, end=end_s), chosen.event, chosen.window)
    if change is None:
        print("no readings on one side of the event", file=sys.stderr)
        return 1
    steps = [{"after_s": after_s, "step_w": watts} for after_s, watts in change.steps]
    print(json.dumps({"event": chosen.event, "difference_w": change.difference_w, "steps": steps}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
