"""How well does the radio link to the meter work? For a user of role ``quality``, who never sees the load.

openesi gateway user add grid-lab --role quality
python examples/gateway_network_monitor.py --user grid-lab
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

from gateway_reader import connect, parser


def describe(quality: dict[str, Any]) -> list[str]:
    """The report in words, one line a fact."""
    queries, radio = quality["queries"], quality["radio"]
    share = 100 * queries["lost"] / queries["total"] if queries["total"] else 0.0
    lines = [
        f"{queries['total']} reads were due: {queries['lost']} lost ({share:.3f} %), {queries['late']} late",
        f"radio: {radio['words']}, strength {radio['link_strength_percent']} %",
        f"clock: meter {quality['clock_skew_s']} s from the gateway",
    ]
    lines += [f"gap of {gap['length_s']} s from {_clock(gap['start'])}" for gap in quality["gaps"]]
    lines += [
        f"power and energy differ by {window['residual_wh']:+.0f} Wh between "
        f"{_clock(window['start'])} and {_clock(window['end'])}"
        for window in quality["energy_check"]
        if window["verdict"] == "dropout"
    ]
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Print the report."""
    chosen = parser(__doc__).parse_args(arguments)
    print("\n".join(describe(connect(chosen).quality())))
    return 0


def _clock(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s).astimezone():%Y-%m-%d %H:%M:%S}"


if __name__ == "__main__":
    sys.exit(main())
