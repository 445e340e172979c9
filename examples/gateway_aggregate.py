"""Many buildings as one: the power of a dozen gateways, added up on the meters' common clock.

For fast demand response: user-chosen steps down to 4 s, and each sum says how many buildings are in it,
because a missing one must not look like a drop of the load.

    python examples/gateway_aggregate.py https://10.0.0.1:8444=a.pem https://10.0.0.2:8444=b.pem --step 4
    --seconds 120
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gateway_reader import Gateway, Reading, parser, password


@dataclass(frozen=True)
class Sum:
    """Power of the buildings that had a reading in the step that begins at ``time_s``."""

    time_s: int
    power_w: float
    buildings: int
    missing_share: float


def aggregate(buildings: Sequence[Sequence[Reading]], step_s: int) -> list[Sum]:
    """Add up by steps of ``step_s``; each building counts once a step, with the mean of its readings."""
    steps: dict[int, dict[int, list[float]]] = {}
    for number, readings in enumerate(buildings):
        for reading in readings:
            place = steps.setdefault(reading.time_s - reading.time_s % step_s, {})
            place.setdefault(number, []).append(reading.power_w)
    return [
        Sum(
            time_s,
            sum(sum(values) / len(values) for values in present.values()),
            len(present),
            1 - len(present) / len(buildings),
        )
        for time_s, present in sorted(steps.items())
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print time, power, buildings, missing share: one line a step."""
    options = parser(__doc__)
    options.add_argument("gateways", nargs="+", metavar="URL=CERTIFICATE")
    options.add_argument("--step", type=int, default=4)
    options.add_argument("--seconds", type=int, default=60)
    chosen = options.parse_args(arguments)
    secret = password()
    gateways = [
        Gateway(url, chosen.user, secret, certificate)
        for url, _, certificate in (each.rpartition("=") for each in chosen.gateways)
    ]
    asked = time.monotonic()
    with ThreadPoolExecutor(min(16, len(gateways))) as pool:
        buildings = list(pool.map(lambda gateway: gateway.readings(str(chosen.seconds)), gateways))
    latency_ms = 1000 * (time.monotonic() - asked)
    for each in aggregate(buildings, chosen.step):
        print(f"{each.time_s}  {each.power_w / 1000:10.3f} kW  {each.buildings}  {each.missing_share:.0%}")
    print(f"{len(gateways)} gateways answered within {latency_ms:.0f} ms", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
