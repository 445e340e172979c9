"""The agent with the four calls of VOLTTRON's SEP2 and IEEE 2030.5 agents, for either generation of VOLTTRON.

Run it as ``python -m openesi.sunspec.volttron.agent``, as VOLTTRON starts agents: identity, credentials
and configuration are in the environment. The configuration, a JSON file, may hold ``api``, ``token``,
``token_file`` and ``semantics``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

try:  # modular
    from volttron.client.vip.agent import Agent
    from volttron.client.vip.agent.subsystems.rpc import RPC
    from volttron.utils.commands import vip_main
except ModuleNotFoundError:  # monolithic
    from volttron.platform.agent.utils import vip_main
    from volttron.platform.vip.agent import Agent
    from volttron.platform.vip.agent.subsystems.rpc import RPC

from openesi.sunspec.volttron.api import PointServer
from openesi.sunspec.volttron.device import number, rows_of_map, semantics_of

IDENTITY = "IEEE2030_5agent"


class IEEE2030_5Agent(Agent):
    """Devices of an OpenESI server by their SFDI. An error is told as one, never as an empty answer."""

    def __init__(self, config_path: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config = _config(config_path)
        self._semantics = semantics_of(config.get("semantics"))
        self._server = PointServer(
            config.get("api"), token=config.get("token"), token_file=config.get("token_file")
        )

    @RPC.export
    def get_point(self, sfdi: str, point_name: str) -> Any:
        """Return one point; None if the device has not told."""
        return self._server.get_point(str(sfdi), point_name)

    @RPC.export
    def get_points(self, sfdi: str) -> dict[str, Any]:
        """Return all points of a device."""
        return self._server.get_points(str(sfdi))

    @RPC.export
    def set_point(self, sfdi: str, point_name: str, value: Any) -> None:
        """Set a point; 0 is a value."""
        self._server.set_point(str(sfdi), point_name, number(point_name, value))

    @RPC.export
    def config_points(self, sfdi: str, point_map: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the points of a device: names to rows with a resource and a field."""
        self._server.config_points(str(sfdi), rows_of_map(point_map), semantics=self._semantics)


def _config(path: str | None) -> dict[str, Any]:
    if not path or not isinstance(path, str):
        return {}
    found: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
    return found


def main() -> int:
    """Run the agent until VOLTTRON ends it."""
    vip_main(IEEE2030_5Agent, identity=IDENTITY, version="1.0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
