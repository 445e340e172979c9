"""Read a device's points on a running VOLTTRON, or set one, from the shell.

In VOLTTRON's environment, once: `vctl auth add points`. Then:

    python volttron_points.py campus/charger
    python volttron_points.py campus/charger b802_SoC
    python volttron_points.py campus/charger b124_WChaMax 3000
    python volttron_points.py campus/charger b124_WChaMax revert
"""

import gevent.monkey

gevent.monkey.patch_all()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
from gevent.event import Event  # noqa: E402

IDENTITY = "points"
DRIVER = "platform.driver"
HOME = Path(os.environ.get("VOLTTRON_HOME", "~/.volttron")).expanduser()

os.environ["AGENT_VIP_IDENTITY"] = IDENTITY
os.environ["AGENT_CREDENTIALS"] = (HOME / "credentials_store" / f"{IDENTITY}.json").read_text()

from volttron.client.vip.agent import Agent  # noqa: E402
from volttron.types.auth.auth_credentials import CredentialsFactory  # noqa: E402
from volttron.utils import ClientContext  # noqa: E402


def main(device: str, point: str | None = None, value: str | None = None) -> None:
    """Make one call of the platform driver and print what it returns."""
    agent = Agent(
        credentials=CredentialsFactory.load_from_environ(),
        address=os.environ.get("VOLTTRON_PLATFORM_ADDRESS") or ClientContext.get_address(),
    )
    connected = Event()
    gevent.spawn(agent.core.run, connected)
    connected.wait(10)
    if point is None:
        call = ("scrape_all", device)
    elif value is None:
        call = ("get_point", device, point)
    elif value == "revert":
        call = ("revert_point", device, point)
    else:
        call = ("set_point", device, point, float(value))
    print(json.dumps(agent.vip.rpc.call(DRIVER, *call).get(timeout=20), indent=2))
    agent.core.stop(timeout=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
