"""What a utility does in these procedures, over the operator's JSON API: the small adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2


class Utility:
    """The operator of one server."""

    def __init__(self, url: str, data: Path) -> None:
        token = (data / "operator.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        self.api = httpx2.Client(base_url=url, timeout=20, headers=headers)

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        return self.api.request(method, f"/api{path}", json=body, params=query or None)

    def do(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Ask for what must be possible; return what it is answered with."""
        response = self.ask(method, path, body, **query)
        assert response.status_code < 300, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    # --- devices and groups ----------------------------------------------------------------------------

    def register(self, lfdi: str, *, pin: int = 111115, **more: Any) -> str:
        href: str = self.do("POST", "/devices", {"lfdi": lfdi, "pin": pin, **more})["href"]
        return href

    def change_device(self, lfdi: str, **changes: Any) -> None:
        self.do("PATCH", f"/devices/{lfdi}", changes)

    def rates(self, **poll_s: int) -> None:
        """Set how often each type is to be polled."""
        self.do("PUT", "/rates", {"poll_s": poll_s})

    def remove(self, lfdi: str) -> None:
        self.do("DELETE", f"/devices/{lfdi}")

    def group(self, description: str, *devices: str, assigned: tuple[str, ...] = ()) -> str:
        body = {"description": description, "devices": list(devices), "assigned": list(assigned)}
        href: str = self.do("POST", "/groups", body)["href"]
        return href

    def join(self, group: str, lfdi: str) -> None:
        self.do("PUT", f"/groups/{group.rpartition('/')[2]}/devices/{lfdi}")

    def leave(self, group: str, lfdi: str) -> None:
        self.do("DELETE", f"/groups/{group.rpartition('/')[2]}/devices/{lfdi}")

    # --- resources -------------------------------------------------------------------------------------

    def add(self, listing: str, body: Any, **query: Any) -> str:
        """Add a member to a list and return its path."""
        href: str = self.do("POST", f"/resources{listing}", body, **query)["href"]
        return href

    def add_all(self, listing: str, bodies: list[Any], **query: Any) -> list[str]:
        hrefs: list[str] = self.do("POST", f"/resources{listing}", bodies, **query)["hrefs"]
        return hrefs

    def program(self, group: str | None, primacy: int, description: str = "Program") -> str:
        where = {"group": group} if group else {}
        return self.add("/derp", {"primacy": primacy, "description": description}, **where)

    def default(self, program: str, base: dict[str, Any], **fields: Any) -> None:
        self.do("PUT", f"/resources{program}/dderc", {"DERControlBase": base, **fields})

    def control(self, program: str, start: int, duration: int, base: dict[str, Any], **fields: Any) -> str:
        return self.add(f"{program}/derc", order(start, duration, base, **fields))

    def change(self, path: str, **fields: Any) -> Any:
        return self.do("PATCH", f"/resources{path}", fields)

    def delete(self, path: str) -> None:
        self.do("DELETE", f"/resources{path}")

    # --- events ----------------------------------------------------------------------------------------

    def cancel(self, *events: str, **more: Any) -> None:
        self.do("POST", "/cancel", {"events": list(events), **more})

    def supersede(self, event: str, **changes: Any) -> str:
        href: str = self.do("POST", "/supersede", changes, event=event)["href"]
        return href

    def waiting(self, resource: str) -> list[Any]:
        """Return the notifications about a resource that did not arrive yet."""
        return [one for one in self.do("GET", "/notifications")["pending"] if one["resource"] == resource]

    def event(self, event: str) -> Any:
        return self.do("GET", f"/events{event}")


def order(start: int, duration: int, base: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the body of a DERControl."""
    return {"interval": {"start": start, "duration": duration}, "DERControlBase": base, **fields}
