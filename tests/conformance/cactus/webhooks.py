"""Run cactus-client-notifications on this machine: webhooks over TLS, as 2030.5 has it, the rest over HTTP.

    pip install cactus-client-notifications    # not beside cactus-client: they want different versions
    openesi pki device webhooks --data DIR
    python tests/conformance/cactus/webhooks.py DIR

Then in .cactus.yaml: notification_uri: https://127.0.0.1:6443/, notification_admin_uri: http://127.0.0.1:6080/
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from pathlib import Path

from aiohttp import web

TLS_PORT, PLAIN_PORT = 6443, 6080


async def main(pki: Path) -> None:
    os.environ["SERVER_URL"] = f"https://127.0.0.1:{TLS_PORT}"  # read when the module is imported
    from cactus_client_notifications.server.main import create_app

    runner = web.AppRunner(create_app())
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "devices" / "webhooks.pem", pki / "devices" / "webhooks.key")
    context.load_verify_locations(pki / "serca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_ciphers("ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0")
    await web.TCPSite(runner, "127.0.0.1", TLS_PORT, ssl_context=context).start()
    await web.TCPSite(runner, "127.0.0.1", PLAIN_PORT).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) / "pki"))
