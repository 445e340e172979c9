"""What the device-facing wire costs, beside nginx that serves the same octets as static files.

    python -m bench.wire                        our wire with an application that does nothing
    python -m bench.wire --pid 123 --port 8443 --data DIR --device inverter /dcap /tm
                                                a server that runs already, asked as one of its devices

The unit is CPU time of the server (from /proc) per request or handshake; a ratio is nginx's through ours:
1.0 is as fast as nginx, more is faster. Both take turns in every round, and the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from openesi.pki import Authority, Identity, check_chain
from openesi.server.message import Request, Response
from openesi.server.tls import TLSSettings
from openesi.server.wire import serve

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SUITE = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
GOALS = {"get": 0.6, "full": 0.8, "resume": 0.7}
CONNECTIONS = {"get": 50, "full": 20, "resume": 20}
IDLE_DEVICES, IDLE_CONNECTIONS = 20, 50
IDLE_GOAL_BYTES = 35_000
BODY = b'<Time xmlns="urn:ieee:std:2030.5:ns" href="/tm">' + b"x" * 1150 + b"</Time>"


@dataclass(frozen=True)
class Target:
    """A running server: where it listens and which processes do its work."""

    name: str
    port: int
    pids: tuple[int, ...]


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table, write bench/results/wire.json."""
    options = _parser().parse_args(arguments)
    if options.serve:
        _serve(options)
        return
    _demand_tools()
    with tempfile.TemporaryDirectory(prefix="openesi-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        load = folder / "load"
        subprocess.run(["gcc", "-O2", "-o", load, HERE / "load.c", "-lssl", "-lcrypto"], check=True)
        processes: list[subprocess.Popen[bytes]] = []
        try:
            if options.pid:
                authority = Authority.open(options.data)
                device = authority.device(options.device)
                ours = Target("server", options.port, tuple(options.pid))
                _pin(ours)
            else:
                now = datetime.now(UTC)
                authority = Authority.create(folder / "data", now=now)
                authority.issue_server(["127.0.0.1"], now=now)
                device = authority.issue_device("device", now=now)
                ours = _start_own(authority, uvloop=options.uvloop, processes=processes)
            paths = options.paths or ["/dcap"]
            bodies = [_fetch(ours.port, path, device) for path in paths]
            served = dict(zip(paths, bodies, strict=True))
            nginx = _start_nginx(folder, authority.server(), served, processes)
            loader = Loader(load, device, tuple(paths), options.seconds)
            result = _measure(loader, authority, ours, nginx, options)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
                process.wait(10)
    result["octets"] = {path: len(body) for path, body in zip(paths, bodies, strict=True)}
    _report(result, options.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.wire", description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", help="paths to GET in turn (default /dcap)")
    parser.add_argument("--pid", type=int, action="append", help="a process of the server; may be repeated")
    parser.add_argument("--port", type=int)
    parser.add_argument("--data", type=Path, help="data directory of the server: whose certificates count")
    parser.add_argument(
        "--device", help="name of a device there, registered; devices named bench-N are added"
    )
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--modes", default="get,full,resume,idle")
    parser.add_argument("--uvloop", action="store_true", help="run our constant server on uvloop")
    parser.add_argument("--name", default="wire", help="name of the file in bench/results")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser


def _pin(target: Target) -> None:
    """Put a running server on the first core, where nginx is: a server that wanders costs a sixth more."""
    for pid in target.pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {0})


def _demand_tools() -> None:
    missing = [tool for tool in ("nginx", "gcc") if shutil.which(tool) is None]
    if not Path("/usr/include/openssl/ssl.h").exists():
        missing.append("libssl-dev")
    if missing:
        sys.exit(f"this comparison needs: apt-get install {' '.join(missing)}")


@dataclass(frozen=True)
class Loader:
    """The load program, as the device it asks for."""

    program: Path
    device: Identity
    paths: tuple[str, ...]
    seconds: float

    def words(self, mode: str, target: Target, connections: int, warm_s: float) -> list[str | Path]:
        """Return the command: the load gets the second core, the servers have the first."""
        pin = ["taskset", "-c", "1"] if (os.cpu_count() or 1) > 1 else []
        numbers = [str(connections), str(warm_s), str(self.seconds)]
        files = [self.device.cert, self.device.key, self.device.ca]
        pids = ",".join(map(str, target.pids))
        where = ["127.0.0.1", str(target.port)]
        return [*pin, self.program, mode, *where, *numbers, *files, pids, *self.paths]

    def run(self, mode: str, target: Target) -> dict[str, float]:
        """Run one round; return what the load printed."""
        words = self.words(mode, target, CONNECTIONS[mode], 0.5)
        run: dict[str, float] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        if run["errors"] or not run["done"]:
            sys.exit(f"{target.name}: {run['errors']} errors in {run['done']} requests of kind {mode}")
        if mode == "resume" and run["resumed"] < 0.9 * run["done"]:
            sys.exit(f"{target.name}: only {run['resumed']} of {run['done']} sessions were resumed")
        return run


def _measure(
    loader: Loader, authority: Authority, ours: Target, nginx: Target, options: argparse.Namespace
) -> dict[str, object]:
    rows: dict[str, object] = {}
    modes = options.modes.split(",")
    for mode in (mode for mode in modes if mode in GOALS):
        rows[mode] = row = _compare(loader, mode, ours, nginx, options.rounds)
        print(
            f"{mode:<8} {ours.name} {row['ours_us']:>8} us  nginx {row['nginx_us']:>8} us  "
            f"ratio {row['ratio']:.2f}  goal {GOALS[mode]}",
            flush=True,
        )
    if "idle" in modes:
        idlers = [replace(loader, device=device, paths=("/dcap",)) for device in _idle_devices(authority)]
        own_bytes = _idle_bytes(idlers, ours)
        nginx_bytes = _idle_bytes([replace(idler, paths=loader.paths[:1]) for idler in idlers], nginx)
        rows["idle"] = {"ours_bytes": own_bytes, "nginx_bytes": nginx_bytes, "goal_bytes": IDLE_GOAL_BYTES}
        print(f"idle     {ours.name} {own_bytes:>8} B   nginx {nginx_bytes:>8} B   goal {IDLE_GOAL_BYTES} B")
    return rows


def _compare(loader: Loader, mode: str, ours: Target, nginx: Target, rounds: int) -> dict[str, Any]:
    costs: dict[str, list[float]] = {ours.name: [], nginx.name: []}
    walls = []
    for turn in range(rounds):
        for target in (ours, nginx) if turn % 2 == 0 else (nginx, ours):
            run = loader.run(mode, target)
            costs[target.name].append(run["server_cpu_s"] / run["done"] * 1e6)
            if target is ours:
                walls.append(run["done"] / run["seconds"])
    ratios = [theirs / own for own, theirs in zip(costs[ours.name], costs[nginx.name], strict=True)]
    return {
        "ours_us": round(statistics.median(costs[ours.name]), 2),
        "nginx_us": round(statistics.median(costs[nginx.name]), 2),
        "per_core_second": round(1e6 / statistics.median(costs[ours.name])),
        "best_wall_per_s": round(max(walls)),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "goal": GOALS[mode],
    }


def _idle_devices(authority: Authority) -> list[Identity]:
    """Return enough devices for the memory test; a server bounds the connections of each."""
    names = [f"bench-{number}" for number in range(IDLE_DEVICES)]
    known = set(authority.device_names())
    now = datetime.now(UTC)
    return [authority.device(n) if n in known else authority.issue_device(n, now=now) for n in names]


def _idle_bytes(idlers: list[Loader], target: Target) -> int:
    """Growth of the server's resident memory per connection that did one GET and is open."""
    # First use of code is not the connections' share; what the first ones leave behind, the others use again.
    before = _hold_open(idlers[:1], target)[1]
    holding, _ = _hold_open(idlers, target)
    return round((holding - before) / ((len(idlers) - 1) * IDLE_CONNECTIONS))


def _hold_open(idlers: list[Loader], target: Target) -> tuple[int, int]:
    """Open the idlers' connections; return the resident memory while they are open, and after."""
    processes = []
    for idler in idlers:
        words = idler.words("idle", target, IDLE_CONNECTIONS, 5)
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout is not None
        if json.loads(process.stdout.readline())["errors"]:
            sys.exit(f"{target.name}: idle connections failed")
    time.sleep(0.5)
    holding = _resident_bytes(target)
    for process in processes:
        process.communicate(b"\n")
    time.sleep(0.5)
    return holding, _resident_bytes(target)


def _resident_bytes(target: Target) -> int:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in target.pids)
    return pages * os.sysconf("SC_PAGE_SIZE")


# The two servers.


def _start_own(authority: Authority, *, uvloop: bool, processes: list[subprocess.Popen[bytes]]) -> Target:
    words = ["taskset", "-c", "0", sys.executable, "-m", "bench.wire", "--serve"]
    words += [f"--data={authority.directory.parent}", *(["--uvloop"] if uvloop else [])]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=HERE.parent)
    processes.append(process)
    assert process.stdout is not None
    return Target("ours", int(process.stdout.readline()), (process.pid,))


def _serve(options: argparse.Namespace) -> None:
    constant = Response(200, BODY, content_type="application/sep+xml")

    def answer(request: Request) -> Response:
        assert request.peer.lfdi is not None
        return constant

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        authority = Authority.open(options.data)
        server = authority.server()
        tls = TLSSettings(server.cert, server.key, authority.trusted_files(), verify_chain=check_chain)
        wire = await serve(answer, host="127.0.0.1", tls=tls)
        print(wire.port, flush=True)
        await stop.wait()
        await wire.close(1)

    if options.uvloop:
        import uvloop

        uvloop.run(run())
    else:
        asyncio.run(run())


def _start_nginx(
    folder: Path, server: Identity, bodies: dict[str, bytes], processes: list[subprocess.Popen[bytes]]
) -> Target:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    locations = []
    for number, (path, body) in enumerate(bodies.items()):
        file = folder / f"{number}.xml"
        file.write_bytes(body)
        locations.append(f"location = {path.partition('?')[0]} {{ alias {file}; }}")
    config = folder / "nginx.conf"
    config.write_text(
        f"""
        daemon off; worker_processes 1; worker_cpu_affinity 0001; pid {folder}/nginx.pid;
        error_log stderr crit;
        events {{ worker_connections 20000; }}
        http {{
            access_log off; default_type application/sep+xml;
            keepalive_requests 1000000000; keepalive_timeout 600s;
            server {{
                listen 127.0.0.1:{port} ssl;
                ssl_certificate {server.cert}; ssl_certificate_key {server.key};
                ssl_client_certificate {server.ca}; ssl_verify_client on; ssl_verify_depth 4;
                ssl_protocols TLSv1.2; ssl_ciphers {SUITE}; ssl_ecdh_curve prime256v1;
                {" ".join(locations)}
            }}
        }}
        """
    )
    process = subprocess.Popen(["nginx", "-e", "stderr", "-p", folder, "-c", config])
    processes.append(process)
    for _ in range(100):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children:
            break
        time.sleep(0.05)
    else:
        sys.exit("nginx did not start")
    time.sleep(0.3)
    return Target("nginx", port, tuple(int(child) for child in children))


def _fetch(port: int, path: str, device: Identity) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITE)
    context.check_hostname = False
    context.load_verify_locations(device.ca)
    context.load_cert_chain(device.cert, device.key)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port))) as sock:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/sep+xml\r\n\r\n"
        sock.sendall(head.encode())
        response = HTTPResponse(sock)
        response.begin()
        if response.status != 200:
            sys.exit(f"GET {path} answers {response.status}; this measures answers of 200")
        return response.read()


def _report(result: dict[str, object], name: str) -> None:
    report = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        **result,
    }
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.json"
    file.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
