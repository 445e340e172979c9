"""Energy use monitoring: when did the car charge in the last 48 hours, and how much did it take?

A charger is the load that comes on in one step of several kilowatts and stays for a long time.

    python examples/gateway_ev_charging.py --step-kw 6
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from gateway_reader import Reading, connect, parser

LONGEST_GAP_S = 60  # what happened in a longer gap is not known: the charge ends there


@dataclass(frozen=True)
class Charge:
    """One charge: from when to when, and the energy above what the house took before it."""

    start_s: int
    end_s: int
    energy_wh: float


def find_charges(readings: Sequence[Reading], step_w: float, least_s: int = 900) -> Iterator[Charge]:
    """Charges in ``readings``: a rise of ``step_w`` between two readings, until half of it is gone again."""
    start: Reading | None = None
    before_w = energy_wh = 0.0
    for last, this in pairwise(readings):
        gap = this.time_s - last.time_s > LONGEST_GAP_S
        if start is None and not gap and this.power_w - last.power_w >= step_w:
            start, before_w, energy_wh = this, last.power_w, 0.0
        elif start is not None and (gap or this.power_w - before_w < step_w / 2):
            if last.time_s - start.time_s >= least_s:
                yield Charge(start.time_s, last.time_s, energy_wh)
            start = None
        elif start is not None:
            energy_wh += (last.power_w - before_w) * (this.time_s - last.time_s) / 3600
    if start is not None:
        yield Charge(start.time_s, readings[-1].time_s, energy_wh)


def main(arguments: list[str] | None = None) -> int:
    """Print one line a charge."""
    options = parser(__doc__)
    options.add_argument("--step-kw", type=float, default=6.0)
    chosen = options.parse_args(arguments)
    charges = list(find_charges(connect(chosen).readings(), 1000 * chosen.step_kw))
    for charge in charges:
        start, end = (datetime.fromtimestamp(t).astimezone() for t in (charge.start_s, charge.end_s))
        print(f"{start:%a %H:%M} to {end:%a %H:%M}  {charge.energy_wh / 1000:.1f} kWh")
    if not charges:
        print("no charge found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
