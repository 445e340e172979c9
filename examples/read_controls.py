"""Print the DERControls that this device is to obey, as they stand now."""

from __future__ import annotations

import asyncio
import sys

from openesi.client import Client


async def main(url: str, cert: str, key: str, ca: str) -> None:
    """Print one line for each control."""
    async with Client(url, cert=cert, key=key, ca=ca) as esi:
        async for control in esi.der_controls():
            print(control.interval.start, control.interval.duration, control.DERControlBase)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
