"""The way to the OpenESI server: questions of ``Sep2HeadEnd`` become calls of the operator's API over HTTP.

A rate program of the DR application is a group of devices on the server, under the same name; its members
see it as a function set assignment, with the programs, tariffs and messages assigned to it. Nothing here
imports the server; what is used of it is in docs/operator.md: devices, groups, programs.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import httpx2
import msgspec

from openesi.errors import WrongUsage
from openesi.provisioning.letters import Letter
from openesi.provisioning.roles.sep2_head_end import Answer, Ask, Question
from openesi.provisioning.transport.carrier import LOOPBACK

TIMEOUT_S: Final = 10.0
BUSY: Final = frozenset({429, 500, 502, 503, 504})  # worth asking again


class _Busy(Exception):
    """The server is there and cannot answer now."""


class _Refused(Exception):
    """The server will not do it, in its own words."""


class _Device(msgspec.Struct):
    """What is read of GET /api/devices/{lfdi}; other fields are not ours."""

    href: str
    last_seen: float | None = None


class _Named(msgspec.Struct):
    """What is read of groups and programs."""

    href: str
    description: str | None = None


class OperatorApi:
    """One server's operator API at ``url``; ``token`` is its operator's, needed for all that changes it.

    Raises ``WrongUsage`` for an address that would show token and PINs to others.
    """

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise WrongUsage(f"token and PINs go to {url[:100]!r}: it has to be https://, or on this machine")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx2.Client(base_url=url.rstrip("/"), timeout=TIMEOUT_S, headers=headers)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def answer(self, letter: Letter) -> bytes | None:
        """The answer to a letter, ``Answer`` as JSON; None where the server was not reached, or is busy."""
        question = msgspec.json.decode(letter.body, type=Question)
        try:
            return msgspec.json.encode(self._ask(question))
        except _Refused as refusal:
            return msgspec.json.encode(Answer(False, reason=str(refusal)))
        except (httpx2.HTTPError, msgspec.DecodeError, _Busy):
            return None

    def _ask(self, question: Question) -> Answer:
        device = f"/api/devices/{question.lfdi}"
        match question.ask:
            case Ask.REGISTER:
                self._register(question, device)
            case Ask.LEAVE:
                if group := self._group(question.program):
                    self._call("DELETE", f"{_api(group)}/devices/{question.lfdi}", besides=404)
            case Ask.FORGET:
                self._call("DELETE", device, besides=404)
            case Ask.LOOK:
                return Answer(True, last_seen=self._device(device).last_seen)
        return Answer(True)

    def _register(self, question: Question, device: str) -> None:
        """Register, enrol, and say what the device is. Each of it may have been done before."""
        group = self._group(question.program) if question.program else ""
        if question.program and not group:
            group = self._make_group(question.program)
        body = {"lfdi": question.lfdi, "pin": question.pin, "groups": [group] if group else []}
        # 409: it is registered already, as after an answer that was lost.
        if self._call("POST", "/api/devices", body, besides=409).status_code == 409:
            self._call("PATCH", device, {"pin": question.pin})
            if group:
                self._call("PUT", f"{_api(group)}/devices/{question.lfdi}")
        if question.category:
            said = {"deviceCategory": f"{question.category:08X}"}
            self._call("PATCH", f"/api/resources{self._device(device).href}", said)

    def _device(self, path: str) -> _Device:
        return msgspec.json.decode(self._call("GET", path).content, type=_Device)

    def _group(self, program: str) -> str:
        """The group of a program; empty if there is none."""
        found = msgspec.json.decode(self._call("GET", "/api/groups").content, type=list[_Named])
        return next((one.href for one in found if one.description == program), "")

    def _make_group(self, program: str) -> str:
        """A group for the server's program of this name."""
        found = msgspec.json.decode(self._call("GET", "/api/programs").content, type=list[_Named])
        assigned = [one.href for one in found if one.description == program]
        if not assigned:
            raise _Refused(f"the server has neither a group nor a program {program!r} to enrol the device in")
        made = self._call("POST", "/api/groups", {"description": program, "assigned": assigned})
        return msgspec.json.decode(made.content, type=_Named).href

    def _call(self, method: str, path: str, body: object = None, *, besides: int = 0) -> httpx2.Response:
        """The answer to a call that was done, or answered ``besides``; raises ``_Busy`` or ``_Refused``."""
        response = self._client.request(method, path, json=body)
        if response.is_success or response.status_code == besides:
            return response
        if response.status_code in BUSY:
            raise _Busy
        if response.status_code == 401:
            raise _Refused("the server wants its operator's token: start with --sep2-token FILE")
        raise _Refused(f"the server answered {response.status_code}: {response.text[:200]}")


def _api(group: str) -> str:
    return f"/api/groups/{group.rpartition('/')[2]}"
