"""Chromium as the tests drive it: by chromedriver, in the W3C WebDriver protocol, which is JSON over HTTP."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

WAIT_S = 15.0
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's identifier (WebDriver, 12.1)
TAB, ENTER, ESCAPE, LEFT = "\ue004", "\ue007", "\ue00c", "\ue012"
PROGRAMS = ("chromium", "chromedriver")


def missing() -> list[str]:
    """Return which of the programs that are needed are not on this machine."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class Browser:
    """One window. Whoever asks for something that is not there yet gets it when it comes, or an error."""

    def __init__(self, http: httpx2.Client, session: str) -> None:
        self._http, self._session = http, session

    def command(self, method: str, path: str, **body: Any) -> Any:
        sent = {"json": body} if method == "POST" else {}
        answer = self._http.request(method, f"/session/{self._session}{path}", **sent)
        value = answer.json()["value"]
        if answer.is_error:
            raise LookupError(f"{value['error']}: {value['message']}")
        return value

    def open(self, url: str) -> None:
        self.command("POST", "/url", url=url)

    def run(self, script: str, *arguments: object) -> Any:
        """Run a function body in the page and return what it returns."""
        return self.command("POST", "/execute/sync", script=script, args=list(arguments))

    def find(self, selector: str) -> str:
        def look() -> str | None:
            with contextlib.suppress(LookupError):
                found = self.command("POST", "/element", using="css selector", value=selector)
                return str(found[ELEMENT])
            return None

        return self.wait(look, f"an element {selector}")

    def click(self, selector: str) -> None:
        self.command("POST", f"/element/{self.find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        element = self.find(selector)
        self.command("POST", f"/element/{element}/clear")
        self.command("POST", f"/element/{element}/value", text=text)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.command("POST", "/actions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def wait_for_text(self, selector: str, pattern: str) -> str:
        """Wait until an element's text matches, and return it."""
        return str(
            self.wait(
                lambda: (text := self.text(selector)) if re.search(pattern, self.text(selector)) else None,
                f"{pattern!r} in {selector}; there is {self.text(selector)!r}",
            )
        )

    def wait(self, look: Callable[[], Any], what: str) -> Any:
        """Wait until ``look`` returns something true, and return that."""
        end = time.monotonic() + WAIT_S
        while not (found := look()):
            assert time.monotonic() < end, f"waited in vain for {what}"
            time.sleep(0.02)
        return found

    def console(self) -> list[str]:
        """Return what the page complained about since the last call."""
        return [entry["message"] for entry in self.command("POST", "/se/log", type="browser")]

    def emulate(self, *, dark: bool = False, width: int = 1200, height: int = 900) -> None:
        self._chromium(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._chromium("Emulation.setEmulatedMedia", features=[scheme])

    def go_offline(self, offline: bool) -> None:
        self._chromium("Network.enable")
        self._chromium(
            "Network.emulateNetworkConditions",
            offline=offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def _chromium(self, name: str, **parameters: Any) -> Any:
        return self.command("POST", "/goog/cdp/execute", cmd=name, params=parameters)


@contextlib.contextmanager
def chromium(profile: str) -> Iterator[Browser]:
    """Start a browser with an empty profile in a folder, and end it."""
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert driver.stdout is not None
        port = next(
            found[1] for line in driver.stdout if (found := re.search(r"successfully on port (\d+)", line))
        )
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            made = http.post(
                "/session", json={"capabilities": {"alwaysMatch": _capabilities(profile)}}
            ).json()
            assert "sessionId" in made["value"], made
            browser = Browser(http, made["value"]["sessionId"])
            try:
                yield browser
            finally:
                browser.command("DELETE", "")
    finally:
        driver.terminate()
        driver.wait(10)
        assert driver.stdout is not None
        driver.stdout.close()


def _capabilities(profile: str) -> dict[str, Any]:
    arguments = (
        "--headless=new",
        "--no-sandbox",  # containers have no user namespaces for it; the pages are our own
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--lang=en-US",
        f"--user-data-dir={profile}",
    )
    return {
        "browserName": "chrome",
        "goog:chromeOptions": {"args": list(arguments), "binary": shutil.which("chromium")},
        "goog:loggingPrefs": {"browser": "ALL"},
    }
