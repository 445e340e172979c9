"""The way to the OpenESI server: questions of ``Sep2HeadEnd`` become calls of the operator's API over HTTP.

Registering a device gives it the server's function set assignments, and with them the programs. Nothing
here imports the server; what is used of it is in docs/operator.md: ``POST``, ``GET`` and ``DELETE
/api/devices``.
"""

from __future__ import annotations

from typing import Final

import httpx2
import msgspec

from openesi.provisioning.letters import Letter
from openesi.provisioning.roles.sep2_head_end import Answer, Ask, Question

TIMEOUT_S: Final = 10.0


class _Device(msgspec.Struct):
    """What is read of GET /api/devices/{lfdi}; other fields are not ours."""

    last_seen: float | None = None


class OperatorApi:
    """One server's operator API at ``url``."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url.rstrip("/"), timeout=TIMEOUT_S)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def answer(self, letter: Letter) -> bytes | None:
        """The answer to a letter, ``Answer`` as JSON; None where the server was not reached."""
        question = msgspec.json.decode(letter.body, type=Question)
        try:
            return msgspec.json.encode(self._ask(question))
        except (httpx2.HTTPError, msgspec.DecodeError):
            return None

    def _ask(self, question: Question) -> Answer:
        match question.ask:
            case Ask.REGISTER:
                body = {"lfdi": question.lfdi, "pin": question.pin}
                made = self._client.post("/api/devices", json=body)
                # 409: it is registered already, as after an answer that was lost.
                return Answer(made.status_code in (201, 409), reason=_complaint(made))
            case Ask.FORGET:
                gone = self._client.delete(f"/api/devices/{question.lfdi}")
                return Answer(gone.status_code in (204, 404), reason=_complaint(gone))
            case Ask.LOOK:
                found = self._client.get(f"/api/devices/{question.lfdi}")
                if found.status_code != 200:
                    return Answer(False, reason=_complaint(found))
                return Answer(True, last_seen=msgspec.json.decode(found.content, type=_Device).last_seen)


def _complaint(response: httpx2.Response) -> str:
    return "" if response.is_success else f"the server answered {response.status_code}: {response.text[:200]}"
