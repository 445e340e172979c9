"""What the gateway examples share.

Asking one meter gateway by its public addresses, standard library only.
"""

from __future__ import annotations

import argparse
import base64
import getpass
import json
import os
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reading:
    """Power at one second of the meter's clock, import positive."""

    time_s: int
    power_w: float


class Gateway:
    """One gateway. ``certificate`` is its gateway-cert.pem: the only certificate that is then trusted."""

    def __init__(self, url: str, user: str, password: str, certificate: str) -> None:
        self.url = url.rstrip("/")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._context = ssl.create_default_context(cafile=certificate)

    def readings(self, window: str = "all", **query: int) -> list[Reading]:
        """The readings of a window ("all", or seconds), cut further by start, end or since."""
        text = "&".join(f"{name}={value}" for name, value in query.items())
        try:
            lines = self._get(f"/meter/electricity/interval_reading/csv/{window}?{text}").splitlines()
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return []
                raise
        pairs = (line.split(",") for line in lines)
        return [Reading(int(time_s), float(value)) for value, time_s in pairs]

    def status(self) -> dict[str, Any]:
        """The state of the gateway."""
        return dict(json.loads(self._get("/meter/electricity/status")))

    def quality(self) -> dict[str, Any]:
        """How well the radio network works; nothing about the load."""
        return dict(json.loads(self._get("/meter/electricity/quality")))

    def _get(self, path: str) -> str:
        request = urllib.request.Request(self.url + path, headers=self._headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10, context=self._context) as answer:  # noqa: S310
            return str(answer.read(), "utf-8")


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every example has; the password comes from OPENESI_GATEWAY_PASSWORD or a prompt."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--url", default="https://localhost:8444")
    options.add_argument("--user", default="anna")
    options.add_argument("--certificate", default="openesi-data/gateway-cert.pem")
    return options


def password() -> str:
    """The user's password."""
    return os.environ.get("OPENESI_GATEWAY_PASSWORD") or getpass.getpass("Password: ")


def connect(options: argparse.Namespace) -> Gateway:
    """The gateway that the options name."""
    return Gateway(options.url, options.user, password(), options.certificate)
