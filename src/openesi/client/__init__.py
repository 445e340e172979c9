"""The client's side of IEEE 2030.5: a session, the event scheduler, and the loop that drives a device."""

from __future__ import annotations

from openesi.client.agent import Agent
from openesi.client.errors import AccessRefused, AnswerError, BadAnswer, NotThere
from openesi.client.session import Client
from openesi.client.subscriptions import Notify
from openesi.client.tls import TLSSettings

__all__ = [
    "AccessRefused", "Agent", "AnswerError", "BadAnswer", "Client", "NotThere", "Notify", "TLSSettings",
]  # fmt: skip
