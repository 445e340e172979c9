"""What ``openesi doctor`` looks at: a table of small functions, each of which finds one thing right or wrong.

A check is added by a function and a line in ``CHECKS`` at the end.
"""

from __future__ import annotations

import enum
import errno
import os
import re
import shutil
import socket
import ssl
import stat
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from openesi.pki import Authority, check_chain, describe
from openesi.pki.authority import read_certificates
from openesi.pki.profile import INDEFINITE
from openesi.server.tls import CIPHERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PYTHON_MIN: Final = (3, 11)
DISK_FREE_MIN_BYTES: Final = 200 << 20
"""Below this the database may soon be unable to grow; a server refuses writes then."""
EXPIRY_WARNING: Final = timedelta(days=30)
RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock can rightly be before this program was written."""
IMPLAUSIBLE: Final = datetime(2100, 1, 1, tzinfo=UTC)
ANSWER_TIMEOUT_S: Final = 2.0
"""Whoever holds our port may accept a connection and say nothing."""
CERTIFICATES_MAX: Final = 10_000
"""Most device files looked at: the directory of a fleet may hold a million, and somebody waits."""


class Verdict(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and the command that mends it."""

    verdict: Verdict
    text: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is looked at, and when."""

    data: Path | None
    now: datetime
    port: int = 8443
    web_port: int = 8080

    @property
    def directory(self) -> Path:
        """The data directory, for checks that need one."""
        assert self.data is not None
        return self.data


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's table."""

    name: str
    run: Callable[[Situation], Finding]
    needs_data: bool = False


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(Verdict.OK, text)


def warn(text: str, mend: str | None = None) -> Finding:
    """It works, but somebody will be surprised."""
    return Finding(Verdict.WARN, text, mend)


def fail(text: str, mend: str | None = None) -> Finding:
    """It does not work, or is not safe."""
    return Finding(Verdict.FAIL, text, mend)


def check_python(_: Situation) -> Finding:
    """The interpreter is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_MIN:
        return fail(
            f"Python {found} is too old, 3.11 is needed", "sudo apt-get install python3.11 python3.11-venv"
        )
    return ok(f"Python {found}")


def check_packages(_: Situation) -> Finding:
    """Every library this package needs is there, new enough."""
    try:
        requirements = metadata.requires("openesi") or []
    except metadata.PackageNotFoundError:
        return warn(
            "runs from its source, not installed; libraries are not checked", "python -m pip install -e ."
        )
    wrong = [text for text in map(_missing, requirements) if text]
    if wrong:
        return fail(", ".join(wrong), "python -m pip install --upgrade openesi")
    return ok("all libraries are there")


def check_cipher(_: Situation) -> Finding:
    """TLS with the mandatory cipher suite works in this very process: a handshake is done in memory."""
    library = ssl.OPENSSL_VERSION
    try:
        suite = _handshake_in_memory()
    except ssl.SSLError as error:
        return fail(
            f"{library} does not speak ECDHE-ECDSA-AES128-CCM8 ({error.reason}); does a policy forbid it?",
            "OPENSSL_CONF=/dev/null openesi doctor",
        )
    return ok(f"{suite} works, {library}")


def check_clock(situation: Situation) -> Finding:
    """The clock is not absurd, and has not gone back since the certificates were made."""
    text = f"{situation.now:%Y-%m-%d %H:%M:%S} UTC"
    if not RELEASED <= situation.now < IMPLAUSIBLE:
        return fail(f"the clock says {text}", "sudo timedatectl set-ntp true")
    root = situation.data and situation.data / "pki" / "serca.pem"
    if root and root.is_file() and situation.now < describe(read_certificates(root)[0]).not_before:
        return fail(
            f"the clock says {text}, before the root certificate was made", "sudo timedatectl set-ntp true"
        )
    return ok(text)


def check_port(situation: Situation) -> Finding:
    """The server's port is free, or our own server is there."""
    return _examine_port(situation.port, lambda: _who_answers(situation), "--port")


def check_web_port(situation: Situation) -> Finding:
    """The operator's port is free, or something speaks HTTP there."""
    return _examine_port(situation.web_port, lambda: _speaks_http(situation.web_port), "--web-port")


def check_ipv6(_: Situation) -> Finding:
    """There is an IPv6 network that carries multicast, which discovery by xmDNS needs."""
    if not socket.has_ipv6:
        return warn("no IPv6: devices cannot discover the server; give them its address")
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        reason = error.strerror
        return warn(
            f"no IPv6 ({reason}): devices cannot discover the server; give them its address",
            "sudo sysctl net.ipv6.conf.all.disable_ipv6=0",
        )
    interfaces = [name for _, name in socket.if_nameindex() if _carries_ipv6_multicast(name)]
    if not interfaces:
        return warn(
            "no interface with IPv6 and multicast: devices cannot discover the server; give them its address"
        )
    return ok("multicast on " + ", ".join(interfaces))


def check_directory(situation: Situation) -> Finding:
    """The data directory is there, ours to write, on a disk with space left."""
    data = situation.directory
    if not data.is_dir():
        return fail(f"{data} is not there", f"openesi pki init --data {data}")
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return fail(f"{data} cannot be written", f"sudo chown -R $(id -u) {data}")
    free = shutil.disk_usage(data).free
    if free < DISK_FREE_MIN_BYTES:
        return warn(f"only {free >> 20} MB are free where {data} is", f"du -sh {data}/*")
    return ok(f"{data}, {free >> 30} GB free")


def check_keys(situation: Situation) -> Finding:
    """No private key can be read by others, and each certificate has its key."""
    pki = situation.directory / "pki"
    keys = [*pki.glob("*.key"), *_some(pki / "devices", "*.key")]
    exposed = [key for key in keys if stat.S_IMODE(key.stat().st_mode) & 0o077]
    if exposed:
        others = f" and {len(exposed) - 1} more" if len(exposed) > 1 else ""
        return fail(f"{exposed[0]}{others} can be read by others", f"chmod -R go= {pki}")
    if pki.is_dir() and stat.S_IMODE(pki.stat().st_mode) & 0o077:
        return warn(f"{pki} can be read by others", f"chmod 700 {pki}")
    return ok(f"{len(keys)} private keys, readable by their owner only")


def check_authority(situation: Situation) -> Finding:
    """There is an authority and its certificates hold together."""
    authority = Authority.open(situation.directory)
    if refused := check_chain(authority.chain):
        return fail(f"{authority.directory}: {refused}")
    root_key = authority.directory / "serca.key"
    if root_key.exists() and len(authority.chain) > 1 and not authority.is_test:
        return warn(
            "the root's key lies on this machine; it is not needed to issue certificates",
            f"mv {root_key} SAFE-PLACE",
        )
    return ok(describe(authority.chain[-1]).subject)


def check_server_certificate(situation: Situation) -> Finding:
    """The server has a certificate, its key fits, and clients will accept the chain."""
    authority = Authority.open(situation.directory)
    server = authority.server()
    mend = f"openesi pki server HOST... --data {situation.directory}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(server.cert, server.key)
    except ssl.SSLError as error:
        return fail(f"{server.cert} does not go with {server.key}: {error.reason}", mend)
    chain = read_certificates(server.cert)
    if chain[1:] != list(authority.chain[:-1]):
        return fail(f"{server.cert} was not issued by this authority", mend)
    if refused := check_chain(chain):
        return fail(f"{server.cert}: {refused}", mend)
    return ok("for " + ", ".join(describe(chain[0]).hosts))


def check_expiry(situation: Situation) -> Finding:
    """No certificate has ended, will end soon, or is not valid yet."""
    pki = situation.directory / "pki"
    files = [*pki.glob("*.pem"), *pki.glob("trusted/*.pem"), *_some(pki / "devices", "*.pem")]
    first: tuple[datetime, Path] | None = None
    for file in files:
        for der in read_certificates(file):
            description = describe(der)
            if description.not_before > situation.now:
                return fail(
                    f"{file} is not valid before {description.not_before}", "sudo timedatectl set-ntp true"
                )
            if first is None or description.not_after < first[0]:
                first = description.not_after, file
    if first is None:
        return fail("there is no certificate", f"openesi pki init --data {situation.directory}")
    end, file = first
    if end == INDEFINITE:
        return ok(f"{len(files)} certificate files, without end")
    if end <= situation.now:
        return fail(f"{file} ended {end:%Y-%m-%d}", f"openesi pki show {file}")
    if end - situation.now < EXPIRY_WARNING:
        return warn(f"{file} ends {end:%Y-%m-%d}", f"openesi pki show {file}")
    return ok(f"{len(files)} certificate files, the first ends {end:%Y-%m-%d}")


CHECKS: Final[tuple[Check, ...]] = (
    Check("Python", check_python),
    Check("Libraries", check_packages),
    Check("TLS", check_cipher),
    Check("Clock", check_clock),
    Check("Discovery", check_ipv6),
    Check("Data directory", check_directory, needs_data=True),
    Check("Private keys", check_keys, needs_data=True),
    Check("Authority", check_authority, needs_data=True),
    Check("Server certificate", check_server_certificate, needs_data=True),
    Check("Expiry", check_expiry, needs_data=True),
    Check("Server port", check_port),
    Check("Web port", check_web_port),
)


def _missing(requirement: str) -> str | None:
    """Say what is wrong with a requirement such as ``typer>=0.16``, or None; those of extras are left out."""
    parsed = re.match(r"([A-Za-z0-9._-]+)(?:>=([0-9.]+))?(.*)", requirement)
    if parsed is None or "extra" in parsed[3]:
        return None
    name, least = parsed[1], parsed[2]
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is not installed"
    if least and _numbers(found) < _numbers(least):
        return f"{name} {found} is older than {least}"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def _some(directory: Path, pattern: str) -> Iterator[Path]:
    """Yield files, but no more than can be looked at while somebody waits."""
    return (file for file, _ in zip(directory.glob(pattern), range(CERTIFICATES_MAX), strict=False))


def _handshake_in_memory() -> str:
    """Do a mutual handshake between two contexts with certificates made for it; return the suite's name."""
    with tempfile.TemporaryDirectory(prefix="openesi-doctor-") as directory:
        now = datetime.now(UTC)
        authority = Authority.create(Path(directory), now=now)
        server, client = (
            _context(side, identity.cert, identity.key, identity.ca)
            for side, identity in (
                (ssl.PROTOCOL_TLS_SERVER, authority.issue_server(["localhost"], now=now)),
                (ssl.PROTOCOL_TLS_CLIENT, authority.issue_device("device", now=now)),
            )
        )
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    open_ends = ends
    while open_ends:
        open_ends = [end for end in open_ends if not _advance(end)]
    return (ends[0].cipher() or ("",))[0]


def _advance(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _context(side: int, cert: Path, key: Path, ca: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _examine_port(port: int, who: Callable[[], Finding], option: str) -> Finding:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return ok(f"{port} is free")
    except PermissionError:
        return fail(f"{port} may not be used by this user", f"openesi serve {option} {port + 8000}")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        finding = who()
        if finding.verdict is Verdict.OK or finding.mend:
            return finding
        return warn(finding.text, f"openesi serve {option} {port + 1}")


def _who_answers(situation: Situation) -> Finding:
    """Tell whether the TLS server on the port is the one of this data directory."""
    port = situation.port
    if situation.data is None:
        return warn(
            f"{port} is in use; with --data DIR doctor tells whether by that server",
            "openesi doctor --data DIR",
        )
    authority = Authority.open(situation.data)
    own = authority.server()
    context = _context(ssl.PROTOCOL_TLS_CLIENT, own.cert, own.key, own.ca)
    context.check_hostname = False  # the certificate itself is compared below
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S) as raw,
            context.wrap_socket(raw) as tls,
        ):
            shown = tls.getpeercert(binary_form=True)
    except OSError as error:
        return warn(f"{port} is used by something that is not this server ({error})")
    if shown != read_certificates(own.cert)[0]:
        return warn(
            f"the server on {port} shows an old certificate; restart it",
            f"openesi serve --data {situation.data}",
        )
    return ok(f"{port}: the server is running")


def _speaks_http(port: int) -> Finding:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S) as connection:
            connection.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answers = connection.recv(8).startswith(b"HTTP/")
    except OSError:
        answers = False
    return ok(f"{port}: a page is served") if answers else warn(f"{port} is used by something else")


def _carries_ipv6_multicast(interface: str) -> bool:
    """Tell whether an interface other than lo is up, does multicast and has an IPv6 address (Linux)."""
    up, loopback, multicast = 0x1, 0x8, 0x1000
    flags_file = Path("/sys/class/net", interface, "flags")
    addresses = Path("/proc/net/if_inet6")
    if not flags_file.is_file() or not addresses.is_file():
        return False
    flags = int(flags_file.read_text(), 16)
    has_address = any(line.split()[-1] == interface for line in addresses.read_text().splitlines())
    return bool(flags & up and flags & multicast and not flags & loopback and has_address)
