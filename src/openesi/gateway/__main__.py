"""The long-running gateway: ``openesi gateway run`` becomes this program, which carries nothing of the
command line.

Settings come in one environment variable as JSON (a broker's password must not be seen in the list of
processes).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path

from openesi.errors import OpenESIError
from openesi.gateway.certificate import find_or_make_certificate, read_fingerprint
from openesi.gateway.emulate import backfill
from openesi.gateway.files import CACHE_FILE, USERS_FILE
from openesi.gateway.push import Topics, to_gateway_id
from openesi.gateway.record import MeterRecord
from openesi.gateway.service import Acquisition, Listener, read_clocks, serve
from openesi.gateway.sources import EmulatedSource, Identity, Settings, parse_source
from openesi.gateway.users import UserStore

VARIABLE = "OPENESI_GATEWAY_RUN"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Everything ``openesi gateway run`` was told."""

    source: str
    data: str
    host: str
    port: int
    interval_s: int
    energy_interval_s: int
    meter_mac_id: str
    keep_cache: bool
    green_button: bool
    mqtt: str
    plain_http: bool
    cert: str = ""
    key: str = ""
    ca: str = ""
    server_lfdi: str = ""

    def to_reading(self) -> Settings:
        """What of it concerns the source."""
        identity = Identity(self.cert, self.key, self.ca, self.server_lfdi)
        return Settings(self.interval_s, self.energy_interval_s, self.meter_mac_id, identity)

    def to_environment(self) -> dict[str, str]:
        """The environment that carries these settings into the program."""
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}


def main() -> int:
    """Run until SIGINT or SIGTERM; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    settings = RunSettings(**json.loads(os.environ.pop(VARIABLE)))
    try:
        _run(settings)
    except KeyboardInterrupt:
        return 130
    except (OpenESIError, OSError) as error:
        sys.stderr.write(f"openesi: {error}\n")
        return 1
    return 0


def _run(settings: RunSettings) -> None:
    data = Path(settings.data)
    source = parse_source(settings.source, settings.to_reading())
    users = UserStore(data / USERS_FILE)
    if not users.names():
        sys.stderr.write(f"Nobody can log in yet. Run: openesi gateway user add NAME --data {data}\n")
    certificate = None
    if settings.plain_http:
        sys.stderr.write("Plain HTTP: passwords and readings can be read on the way.\n")
    else:
        certificate = find_or_make_certificate(data)
        sys.stderr.write(f"Certificate SHA-256 fingerprint {read_fingerprint(certificate[0])}\n")
    record = MeterRecord(
        source.name, interval_s=settings.interval_s, energy_interval_s=settings.energy_interval_s
    )
    if isinstance(source, EmulatedSource):
        backfill(record, source.emulator)
    with Acquisition(source, record) as acquisition:
        asyncio.run(
            serve(
                Listener(settings.host, settings.port, users, certificate, settings.green_button),
                record,
                acquisition=acquisition,
                ready=_say_ready,
                cache_file=data / CACHE_FILE if settings.keep_cache else None,
                background=_publisher(settings.mqtt, record),
            )
        )


def _publisher(url: str, record: MeterRecord) -> Callable[[], Coroutine[object, object, None]] | None:
    if not url:
        return None
    from openesi.gateway.mqtt import Broker, publish_forever  # an optional dependency

    broker, topics = Broker.parse(url), Topics(to_gateway_id(socket.gethostname()))
    return lambda: publish_forever(broker, topics, record, read_clocks)


def _say_ready(url: str) -> None:
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
