"""One meter, many readers: several programs follow the same meter through the gateway, each reading fetched
once.

The utility registers one device; everything in the home reads from that.

    python examples/gateway_clients.py --clients 5 --seconds 20
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from gateway_reader import Gateway, Reading, connect, parser


def follow(gateway: Gateway, since_s: int, seconds: float, every_s: float = 1.0) -> list[Reading]:
    """Fetch what is new, again and again."""
    seen: list[Reading] = []
    end = time.monotonic() + seconds
    while True:
        seen += gateway.readings(since=seen[-1].time_s if seen else since_s)
        if time.monotonic() >= end:
            return seen
        time.sleep(every_s)


def main(arguments: list[str] | None = None) -> int:
    """Print what each client saw; fail if they disagree."""
    options = parser(__doc__)
    options.add_argument("--clients", type=int, default=5)
    options.add_argument("--seconds", type=float, default=20)
    chosen = options.parse_args(arguments)
    gateway = connect(chosen)
    newest = gateway.readings()[-1].time_s
    with ThreadPoolExecutor(chosen.clients) as pool:
        work = [pool.submit(follow, gateway, newest, chosen.seconds) for _ in range(chosen.clients)]
        seen = [each.result() for each in work]
    for number, readings in enumerate(seen, 1):
        last = f"last {readings[-1].power_w:g} W" if readings else "nothing new"
        print(f"client {number}: {len(readings)} readings, {last}")
    shortest = min(len(readings) for readings in seen)
    agree = all(readings[:shortest] == seen[0][:shortest] for readings in seen)
    print("all clients saw the same" if agree else "the clients disagree")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
