"""Which servers a client speaks to, and which clients a server lets in: whole handshakes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from client.conftest import serving
from openesi.client import Client, TLSSettings
from openesi.client.tls import make_context
from openesi.errors import Refused, Unreachable
from openesi.pki import Authority, Identity


def make_authority(folder: Path) -> Authority:
    authority = Authority.create(folder, now=datetime.now(UTC))
    authority.issue_server(("localhost",), now=datetime.now(UTC))
    return authority


@asynccontextmanager
async def showing(cert: Path, key: Path) -> AsyncIterator[str]:
    """A TLS server that shows this certificate and has one answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(4096):
            body = b'<DeviceCapability xmlns="urn:ieee:std:2030.5:ns" href="/dcap"/>'
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/sep+xml\r\nContent-Length: %d\r\n\r\n"
                % len(body)
            )
            writer.write(body)
            await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0")
    context.load_cert_chain(cert, key)
    listener = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        await asyncio.sleep(0.01)


def ask(server: Identity, tls: TLSSettings) -> object:
    async def asked() -> object:
        async with showing(server.cert, server.key) as url, Client(url, tls=tls) as esi:
            return await esi.device_capability()

    return asyncio.run(asked())


def test_a_server_of_another_authority_is_refused(tmp_path: Path) -> None:
    ours, theirs = make_authority(tmp_path / "ours"), make_authority(tmp_path / "theirs")
    with pytest.raises(Refused, match=r"is not trusted: .*--ca"):
        ask(theirs.server(), TLSSettings(ca=(ours.ca,)))
    assert ask(theirs.server(), TLSSettings(ca=(theirs.ca,)))


def test_a_self_signed_server_is_known_by_its_lfdi_alone(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    meter = authority.issue_device("meter", now=datetime.now(UTC), self_signed=True)
    assert ask(meter, TLSSettings(server_lfdi=meter.lfdi))
    with pytest.raises(Refused, match="expected 0000"):
        ask(meter, TLSSettings(server_lfdi=bytes(20)))
    with pytest.raises(Refused, match="not trusted"):
        ask(meter, TLSSettings(ca=(authority.ca,)))


def test_a_pin_narrows_what_a_ca_vouches_for(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    other = authority.issue_device("other", now=datetime.now(UTC))
    pinned = TLSSettings(ca=(authority.ca,), server_lfdi=authority.server().lfdi)
    assert ask(authority.server(), pinned)
    with pytest.raises(Refused, match="the server's LFDI is"):
        ask(other, pinned)


def test_the_host_name_counts_only_where_asked(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)  # for localhost, and asked at 127.0.0.1
    assert ask(authority.server(), TLSSettings(ca=(authority.ca,)))
    with pytest.raises(Refused, match="not trusted"):
        ask(authority.server(), TLSSettings(ca=(authority.ca,), hostname=True))


def test_a_client_without_or_with_a_foreign_certificate_is_refused(tmp_path: Path) -> None:
    foreign = make_authority(tmp_path / "foreign").issue_device("x", now=datetime.now(UTC))

    async def scenario() -> None:
        async with serving(tmp_path / "data") as house:
            ca = house.authority.ca
            for cert, key in ((None, None), (foreign.cert, foreign.key)):
                async with Client(house.url, cert=cert, key=key, ca=ca) as esi:
                    with pytest.raises(Refused, match="TLS handshake"):
                        await esi.device_capability()

    asyncio.run(scenario())


def test_nobody_there(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)

    async def scenario() -> None:
        async with Client("https://127.0.0.1:1", ca=authority.ca) as esi:
            with pytest.raises(Unreachable, match=r"no server answers at 127\.0\.0\.1:1"):
                await esi.device_capability()

    asyncio.run(scenario())


def test_old_meters_are_let_in_only_where_asked(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    legacy = 0x4
    assert not make_context(TLSSettings(ca=(authority.ca,))).options & legacy
    assert make_context(TLSSettings(ca=(authority.ca,), legacy_renegotiation=True)).options & legacy
