"""A device that registers, reports, meters, and obeys a limit of its power. Replace the two functions."""

from __future__ import annotations

import asyncio
import sys

from openesi.client import Agent, Client
from openesi.devices.simple import SimpleGenerator

power_w = 4_000.0  # what the sun would give


def measure() -> float:
    """Return what is delivered now, in W."""
    return min(power_w, generator.limit_w)


def limit(most_w: float) -> None:
    """Deliver no more than this from now on."""
    print(f"deliver at most {most_w:.0f} W", flush=True)


generator = SimpleGenerator(max_w=5_000, measure=measure, limit=limit)


async def main(url: str, cert: str, key: str, ca: str) -> None:
    """Be a device of this server until stopped."""
    async with Client(url, cert=cert, key=key, ca=ca) as esi:
        await Agent(esi, generator, pin=111115).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
