"""Play the utility for cactus, the test client of CSIP-AUS, over the operator's API of `openesi serve`.

    pip install cactus-client                      # Python 3.12 and later, in an environment of its own
    export OPENESI_API=http://127.0.0.1:8080 OPENESI_TOKEN=$(cat DIR/operator.token)
    python tests/conformance/cactus/utility.py run S-ALL-01 myclient1 --headless

All arguments are those of `cactus`. What a procedure asks the utility for is done before each of its steps.
docs/conformance.md says how server, certificates and notifications are set up.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from typing import Any

from cactus_client.admin import get_plugin_manager, hookimpl
from cactus_client.cli.main import cli_entrypoint
from cactus_client.model.execution import ActionResult
from cactus_client.sep2 import lfdi_from_cert_file

LIMITS_W = ("opModExpLimW", "opModImpLimW", "opModGenLimW", "opModLoadLimW")
PLAIN = ("opModConnect", "opModEnergize", "opModFixedW", "rampTms")
SOON_S = 20  # from now until a scheduled control begins of which no procedure says when
SHORT_S, LONG_S = 30, 3_600  # what a scheduled, an active control lasts if no procedure says how long


def ask(method: str, path: str, body: Any = None, *, unless: int | None = None) -> Any:
    """Ask the operator's API; return what it answers, None where it answers with the status ``unless``."""
    request = urllib.request.Request(f"{os.environ['OPENESI_API']}/api{path}", method=method)
    request.add_header("Authorization", f"Bearer {os.environ['OPENESI_TOKEN']}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        if error.code == unless:
            return None
        raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error
    return json.loads(text) if text else None


def watts(power_w: float) -> dict[str, int]:
    multiplier = 0
    while abs(power_w) > 32_767:
        power_w /= 10
        multiplier += 1
    return {"multiplier": multiplier, "value": round(power_w)}


def modes(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return a DERControlBase."""
    limits = {name: watts(parameters[name]) for name in LIMITS_W if name in parameters}
    plain = {name: parameters[name] for name in PLAIN if name in parameters}
    return limits | plain


class Utility:
    """What cactus calls an admin plugin, for one run: a method for each type of instruction."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], str] = {}  # by LFDI and name
        self.programs: dict[str, list[tuple[int, str]]] = {}  # primacy and href, by LFDI
        self.free_from: dict[str, int] = {}  # when the last scheduled control of a program ends
        self.events: list[str] = []

    @hookimpl
    async def admin_setup(self, context: Any) -> ActionResult:
        ask("DELETE", "/resources/derp/1", unless=404)  # the program of everyone: procedures count programs
        for client in context.client_configs.values():
            if client.type == "aggregator":
                lfdi = lfdi_from_cert_file(client.certificate_file)
                ask("POST", "/devices", {"lfdi": lfdi, "is_aggregator": True}, unless=409)
        return ActionResult.done()

    @hookimpl
    async def admin_instruction(self, instruction: Any, step: Any, context: Any) -> ActionResult | None:
        play = getattr(self, instruction.type.value.replace("-", "_"), None)
        if play is None:
            return None
        play(context.client_config_for(instruction.client), instruction.parameters)
        return ActionResult.done()

    # --- devices ---------------------------------------------------------------------------------------

    def ensure_end_device(self, client: Any, wanted: dict[str, Any]) -> None:
        if not wanted["registered"]:
            ask("DELETE", f"/devices/{client.lfdi}", unless=404)
            return
        body = {"lfdi": client.lfdi, "pin": client.pin}
        if client.type == "aggregator":
            body["aggregator"] = lfdi_from_cert_file(client.certificate_file)
        made = ask("POST", "/devices", body, unless=409)
        if made is not None:  # its groups alone are to say what it does
            ask("DELETE", f"/resources{made['href']}/fsa/1", unless=404)

    def set_client_access(self, client: Any, wanted: dict[str, Any]) -> None:
        ask("PATCH", f"/devices/{client.lfdi}", {"revoked": not wanted["granted"]})

    # --- mirrors and rates -----------------------------------------------------------------------------

    def mirrors(self, client: Any) -> list[str]:
        found = ask("GET", "/resources/mup?limit=255").get("MirrorUsagePoint", [])
        return [one["href"] for one in found if one["deviceLFDI"].upper() == client.lfdi.upper()]

    def ensure_mup_list_empty(self, client: Any, wanted: dict[str, Any]) -> None:
        for href in self.mirrors(client):
            ask("DELETE", f"/resources{href}")

    def set_post_rate(self, client: Any, wanted: dict[str, Any]) -> None:
        for href in self.mirrors(client):
            ask("PATCH", f"/resources{href}", {"postRate": wanted["rate_seconds"]})

    def set_poll_rate(self, client: Any, wanted: dict[str, Any]) -> None:
        rates = ask("GET", "/rates")
        rates["poll_s"][wanted["resource"]] = wanted["rate_seconds"]
        ask("PUT", "/rates", rates)

    # --- programs --------------------------------------------------------------------------------------

    def group(self, client: Any, name: str) -> str:
        if (client.lfdi, name) not in self.groups:
            body = {"description": name, "devices": [client.lfdi]}
            self.groups[client.lfdi, name] = ask("POST", "/groups", body)["href"]
        return self.groups[client.lfdi, name]

    def add_program(self, client: Any, group: str, primacy: int) -> str:
        body = {"primacy": primacy, "description": f"Primacy {primacy}"}
        href: str = ask("POST", f"/resources/derp?group={group}", body)["href"]
        ask("PUT", f"/resources{href}/dderc", {"DERControlBase": {}})  # subscribed to before it says anything
        self.programs.setdefault(client.lfdi, []).append((primacy, href))
        return href

    def program(self, client: Any, primacy: int | None = None) -> str:
        """Return the last program of that primacy, or any; a new one if there is none."""
        for one, href in reversed(self.programs.get(client.lfdi, [])):
            if primacy in (None, one):
                return href
        return self.add_program(client, self.group(client, "Site"), primacy or 1)

    def ensure_fsa(self, client: Any, wanted: dict[str, Any]) -> None:
        self.group(client, wanted.get("annotation", "Site"))

    def ensure_der_program(self, client: Any, wanted: dict[str, Any]) -> None:
        group = self.group(client, wanted.get("fsa_annotation", "Site"))
        self.add_program(client, group, wanted.get("primacy", 1))

    def ensure_der_control_list(self, client: Any, wanted: dict[str, Any]) -> None:
        self.program(client)

    # --- controls --------------------------------------------------------------------------------------

    def create_der_control(self, client: Any, wanted: dict[str, Any]) -> None:
        program, now = self.program(client, wanted.get("primacy")), int(time.time())
        is_active = wanted["status"] == "active"
        duration = wanted.get("duration_seconds", LONG_S if is_active else SHORT_S)
        if is_active:
            start = now
        elif "start_offset_seconds" in wanted:
            start = now + wanted["start_offset_seconds"]
        else:  # one after the other
            start = max(now + SOON_S, self.free_from.get(program, 0))
            self.free_from[program] = start + duration
        body = {
            "interval": {"start": start, "duration": duration},
            "DERControlBase": modes(wanted),
            "responseRequired": "03",
        }
        if "randomizeStart_seconds" in wanted:
            body["randomizeStart"] = wanted["randomizeStart_seconds"]
        self.events.append(ask("POST", f"/resources{program}/derc", body)["href"])

    def create_default_der_control(self, client: Any, wanted: dict[str, Any]) -> None:
        body: dict[str, Any] = {"DERControlBase": modes(wanted)}
        if "setGradW" in wanted:
            body["setGradW"] = wanted["setGradW"]
        ask("PUT", f"/resources{self.program(client, wanted.get('primacy'))}/dderc", body)

    def clear_der_controls(self, client: Any, wanted: dict[str, Any]) -> None:
        for event in self.events if wanted.get("all") else self.events[-1:]:
            if ask("GET", f"/events{event}")["status"] in ("scheduled", "active"):
                ask("DELETE", f"/events{event}")


if __name__ == "__main__":
    get_plugin_manager().register(Utility())
    cli_entrypoint()
