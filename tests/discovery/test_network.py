"""Real multicast between two network namespaces: the server in one, those who look for it in the other."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from discovery.test_dns import EMBEDDED_QUERY

DEVICE_LFDI = "07069CCF60" + "00" * 15  # the device 018859819425 of the embedded client's question
WAIT_S = 20


def why_not() -> str | None:
    """Return what is missing for namespaces, or None."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if shutil.which("ip") is None:
        return "the command `ip` (Debian: iproute2) is not there"
    name = f"openesi-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespaces here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


REASON = why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=f"REAL MULTICAST IS NOT TESTED: {REASON}")


@dataclass(frozen=True)
class Network:
    """Two machines with a cable between them."""

    server: str
    client: str

    def run(self, where: str, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", where, *command],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    def python(self, where: str, program: str, *arguments: str) -> str:
        done = self.run(where, sys.executable, "-c", program, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def openesi(self, where: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(where, sys.executable, "-m", "openesi", *arguments)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    made = Network(f"esi-s-{os.getpid()}", f"esi-c-{os.getpid()}")
    ends = {made.server: ("fd00:5e5::1", "10.53.53.1"), made.client: ("fd00:5e5::2", "10.53.53.2")}

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    try:
        for name in ends:
            ip("netns", "add", name)
        ip("link", "add", "net0", "netns", made.server, "type", "veth", "peer", "net0", "netns", made.client)
        for name, (six, four) in ends.items():
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "net0", "up")
            ip("-n", name, "address", "add", f"{six}/64", "dev", "net0", "nodad")
            ip("-n", name, "address", "add", f"{four}/24", "dev", "net0")
        yield made
    finally:
        for name in ends:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@dataclass
class Server:
    process: subprocess.Popen[str]
    port: int
    data: Path

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(WAIT_S) == 0


@contextmanager
def serving(network: Network, data: Path, *options: str) -> Iterator[Server]:
    command = ["ip", "netns", "exec", network.server, sys.executable, "-m", "openesi", "serve"]
    command += ["--data", str(data), "--port", "0", "--web-port", "0", "--quiet", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready.startswith("ready "), ready
            options = ("--lfdi", DEVICE_LFDI, "--data", str(data))
            added = network.openesi(network.server, "device", "add", *options)
            assert added.returncode == 0, added.stderr
            yield Server(process, int(ready.split()[1].split(":")[2].split("/")[0]), data)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(network, tmp_path_factory.mktemp("server")) as started:
        yield started


def discover(network: Network, *options: str) -> list[dict[str, object]]:
    done = network.openesi(network.client, "discover", "--json", *options)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_device_finds_its_server_with_no_address_given(network: Network, server: Server) -> None:
    (found,) = discover(network, "--sfdi", "18859819425")

    assert found["url"] == f"https://[fd00:5e5::1]:{server.port}/dcap"
    assert (found["path"], found["level"], found["https_port"]) == ("/edev", "-S1", server.port)
    assert "10.53.53.1" in found["addresses"] or found["domain"] == "site"  # type: ignore[operator]


def test_a_strange_device_finds_none(network: Network, server: Server) -> None:
    assert discover(network, "--sfdi", "167261211391", "--timeout", "1") == []


def test_a_device_runs_at_a_server_it_was_not_told_of(network: Network, server: Server) -> None:
    made = network.openesi(network.server, "pki", "device", "new", "--data", str(server.data), "--json")
    identity = json.loads(made.stdout)
    tls = ("--cert", identity["cert"], "--key", identity["key"], "--ca", identity["ca"])
    options = (*tls, "--server", "dns-sd:", "--notify", ":", "--seconds", "2")
    ran = network.openesi(network.client, "run", "inverter", *options)
    assert ran.returncode == 0, ran.stderr
    assert "connected" in ran.stdout
    listed = network.openesi(network.server, "device", "list", "--data", str(server.data), "--json")
    assert identity["lfdi"] in listed.stdout
    href = f"https://[fd00:5e5::1]:{server.port}"
    subscriptions = network.openesi(
        network.client, "get", f"/edev/{_number(listed.stdout, identity)}/sub?l=99", "--server", href, *tls
    )
    assert "<notificationURI>https://[fd00:5e5::2]:" in subscriptions.stdout, subscriptions.stderr
    assert "<subscribedResource>/derp/1/derc</subscribedResource>" in subscriptions.stdout


def _number(listed: str, identity: dict[str, str]) -> str:
    devices = json.loads(listed)
    (href,) = [one["href"] for one in devices if one["lfdi"] == identity["lfdi"]]
    return str(href).rpartition("/")[2]


# What the embedded client does: asks from port 5353 of its own address, reads one answer there.
EMBEDDED = """
import socket, sys
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("fd00:5e5::2", 5353))
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("net0"))
sock.settimeout(5)
sock.sendto(bytes.fromhex(sys.argv[1]), ("ff05::fb", 5353))
answer, sender = sock.recvfrom(1500)
print(sender[0], sender[1], answer.hex())
"""


def test_the_embedded_clients_octets_are_answered_to_it_alone(network: Network, server: Server) -> None:
    address, port, answer = network.python(network.client, EMBEDDED, EMBEDDED_QUERY.hex()).split()

    assert (address, port) == ("fd00:5e5::1", "5353")
    octets = bytes.fromhex(answer)
    assert octets[:8].hex() == "0000840000000001"  # a response without error, no question, one answer
    assert octets[12:].startswith(EMBEDDED_QUERY[12:-4])
    assert b"path=/edev" in octets
    assert f"https={server.port}".encode() in octets


# Debian's mDNS, with a bus and a /run of its own, which end with it.
AVAHI = """
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/avahi-daemon
cat > /run/bus.conf <<END
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
<allow user="*"/></policy></busconfig>
END
dbus-daemon --config-file=/run/bus.conf --nofork --nopidfile & bus=$!
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
avahi-daemon --no-drop-root --no-chroot --no-rlimits & avahi=$!
until avahi-browse --terminate _none._tcp; do sleep 0.05; done
timeout 10 avahi-browse --resolve --terminate --parsable _smartenergy._tcp
kill $avahi $bus
"""


@pytest.mark.skipif(
    not all(map(shutil.which, ("avahi-daemon", "avahi-browse", "dbus-daemon"))),
    reason="AVAHI IS NOT ASKED: Debian packages avahi-daemon, avahi-utils, dbus are not there",
)
def test_avahi_resolves_it(network: Network, server: Server) -> None:
    told = network.run(network.client, "sh", "-c", AVAHI).stdout
    resolved = [line.split(";") for line in told.splitlines() if line.startswith("=")]

    assert {line[2] for line in resolved} == {"IPv4", "IPv6"}
    for line in resolved:
        assert line[4:6] == ["_smartenergy._tcp", "local"]
        assert int(line[8]) == server.port
        assert '"dcap=/dcap"' in line[9]


# Somebody else's mDNS: resolves a subtype, then waits for the server to go.
WITNESS = """
import sys, threading
from zeroconf import ServiceBrowser, Zeroconf
gone, there = threading.Event(), threading.Event()
class Listener:
    def add_service(self, zeroconf, kind, name):
        info = zeroconf.get_service_info("_smartenergy._tcp.local.", name, 5000)
        text = {key.decode(): value.decode() for key, value in info.properties.items()}
        print(name, info.port, sorted(info.parsed_addresses()), text, flush=True)
        there.set()
    def update_service(self, *_): pass
    def remove_service(self, zeroconf, kind, name):
        print("gone", name, flush=True)
        gone.set()
zeroconf = Zeroconf()
browser = ServiceBrowser(zeroconf, "_smartenergy._tcp.local.", Listener())
assert there.wait(10)
assert gone.wait(10)
zeroconf.close()
"""


def test_an_independent_library_sees_it_come_and_go(network: Network, server: Server) -> None:
    command = ["ip", "netns", "exec", network.client, sys.executable, "-c", WITNESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as witness:
        assert witness.stdout is not None
        seen = witness.stdout.readline()
        server.stop()
        gone = witness.stdout.readline()
        assert witness.wait(WAIT_S) == 0

    assert "._smartenergy._tcp.local." in seen
    assert f" {server.port} " in seen
    assert "10.53.53.1" in seen
    assert "'dcap': '/dcap'" in seen
    assert gone.startswith("gone openesi-")


def test_a_server_that_shall_not_be_found_is_not(network: Network, tmp_path: Path) -> None:
    with serving(network, tmp_path, "--no-discovery"):
        assert discover(network, "--timeout", "1") == []
