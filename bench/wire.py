"""What the device-facing wire costs, beside nginx that serves the same octets as static files.

    python -m bench.wire                                       our wire with an application that does nothing
    python -m bench.wire --pid 123 --port 8443 --cert device.pem --key device.key --ca ca.pem \
        --server-cert server.pem --server-key server.key /dcap /tm        a server that runs already

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
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPResponse
from pathlib import Path

from openesi.pki import Authority
from openesi.server.http import Limits
from openesi.server.message import Request, Response
from openesi.server.tls import TLSSettings
from openesi.server.wire import serve

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SUITE = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
GOALS = {"get": 0.6, "full": 0.8, "resume": 0.7}
CONNECTIONS = {"get": 50, "full": 20, "resume": 20}
IDLE_GOAL_BYTES = 35_000
BODY = b'<Time xmlns="urn:ieee:std:2030.5:ns" href="/tm">' + b"x" * 1150 + b"</Time>"


@dataclass(frozen=True)
class Credentials:
    """Files in PEM: what the load shows and trusts, and what the server shows."""

    cert: Path
    key: Path
    ca: Path
    server_cert: Path
    server_key: Path


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
                credentials = Credentials(
                    options.cert, options.key, options.ca, options.server_cert, options.server_key
                )
                ours = Target("server", options.port, tuple(options.pid))
            else:
                credentials = _make_credentials(folder)
                ours = _start_own(folder, credentials, options.uvloop, processes)
            paths = options.paths or ["/dcap"]
            bodies = [_fetch(ours.port, path, credentials) for path in paths]
            nginx = _start_nginx(folder, credentials, dict(zip(paths, bodies, strict=True)), processes)
            result = _measure(load, ours, nginx, credentials, paths, options)
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
    for name in ("cert", "key", "ca", "server-cert", "server-key"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--modes", default="get,full,resume,idle")
    parser.add_argument(
        "--idle",
        type=int,
        default=1000,
        help="connections of the memory test; the server must let one LFDI have them",
    )
    parser.add_argument("--uvloop", action="store_true", help="run our constant server on uvloop")
    parser.add_argument("--name", default="wire", help="name of the file in bench/results")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser


def _demand_tools() -> None:
    missing = [tool for tool in ("nginx", "gcc") if shutil.which(tool) is None]
    if not Path("/usr/include/openssl/ssl.h").exists():
        missing.append("libssl-dev")
    if missing:
        sys.exit(f"this comparison needs: apt-get install {' '.join(missing)}")


def _measure(
    load: Path,
    ours: Target,
    nginx: Target,
    credentials: Credentials,
    paths: list[str],
    options: argparse.Namespace,
) -> dict[str, object]:
    rows: dict[str, object] = {}
    modes = options.modes.split(",")
    for mode in (mode for mode in modes if mode in GOALS):
        costs: dict[str, list[float]] = {ours.name: [], nginx.name: []}
        ratios, walls = [], []
        for turn in range(options.rounds):
            order = (ours, nginx) if turn % 2 == 0 else (nginx, ours)
            for target in order:
                run = _load(load, mode, target, credentials, paths, options.seconds)
                costs[target.name].append(run["server_cpu_s"] / run["done"] * 1e6)
                if target is ours:
                    walls.append(run["done"] / run["seconds"])
            ratios.append(costs[nginx.name][-1] / costs[ours.name][-1])
        rows[mode] = {
            "ours_us": round(statistics.median(costs[ours.name]), 2),
            "nginx_us": round(statistics.median(costs[nginx.name]), 2),
            "per_core_second": round(1e6 / statistics.median(costs[ours.name])),
            "best_wall_per_s": round(max(walls)),
            "ratio": round(statistics.median(ratios), 3),
            "ratios": [round(ratio, 3) for ratio in ratios],
            "goal": GOALS[mode],
        }
        print(mode, rows[mode], file=sys.stderr)
    if "idle" in modes:
        rows["idle"] = {
            "connections": options.idle,
            "ours_bytes": _idle_bytes(load, ours, credentials, paths, options.idle),
            "nginx_bytes": _idle_bytes(load, nginx, credentials, paths, options.idle),
            "goal_bytes": IDLE_GOAL_BYTES,
        }
        print("idle", rows["idle"], file=sys.stderr)
    return rows


def _load(
    load: Path, mode: str, target: Target, credentials: Credentials, paths: list[str], seconds: float
) -> dict[str, float]:
    words = _load_words(load, mode, target, credentials, CONNECTIONS[mode], 0.5, seconds, paths)
    run: dict[str, float] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    if run["errors"] or not run["done"]:
        sys.exit(f"{target.name}: {run['errors']} errors in {run['done']} requests of kind {mode}")
    if mode == "resume" and run["resumed"] < 0.9 * run["done"]:
        sys.exit(f"{target.name}: only {run['resumed']} of {run['done']} sessions were resumed")
    return run


def _load_words(
    load: Path,
    mode: str,
    target: Target,
    credentials: Credentials,
    connections: int,
    warm_s: float,
    seconds: float,
    paths: list[str],
) -> list[str | Path]:
    pids = ",".join(map(str, target.pids))
    numbers = [str(connections), str(warm_s), str(seconds)]
    files = [credentials.cert, credentials.key, credentials.ca]
    # The load gets the second core, the servers have the first.
    pin = ["taskset", "-c", "1"] if (os.cpu_count() or 1) > 1 else []
    return [*pin, load, mode, "127.0.0.1", str(target.port), *numbers, *files, pids, *paths]


def _idle_bytes(load: Path, target: Target, credentials: Credentials, paths: list[str], idle: int) -> int:
    """Growth of the server's resident memory per connection that did one GET and is open."""
    small = _load_words(load, "idle", target, credentials, 50, 0.2, 0, paths)
    _hold_open(small, target)  # first use of code and arenas is not the connections' share
    before = _resident_bytes(target)
    words = _load_words(load, "idle", target, credentials, idle, 5, 0, paths)
    return round((_hold_open(words, target) - before) / idle)


def _hold_open(words: list[str | Path], target: Target) -> int:
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    if ready["errors"]:
        sys.exit(f"{target.name}: {ready['errors']} connections failed")
    time.sleep(0.5)
    resident = _resident_bytes(target)
    process.communicate(b"\n")
    time.sleep(1)
    return resident


def _resident_bytes(target: Target) -> int:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in target.pids)
    return pages * os.sysconf("SC_PAGE_SIZE")


# The two servers.


def _start_own(
    folder: Path, credentials: Credentials, uvloop: bool, processes: list[subprocess.Popen[bytes]]
) -> Target:
    files = [f"--ca={credentials.ca}"]
    files += [f"--server-cert={credentials.server_cert}", f"--server-key={credentials.server_key}"]
    words = ["taskset", "-c", "0", sys.executable, "-m", "bench.wire", "--serve", *files]
    process = subprocess.Popen([*words, *(["--uvloop"] if uvloop else [])], stdout=subprocess.PIPE)
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
        tls = TLSSettings(options.server_cert, options.server_key, ca_files=(options.ca,))
        limits = Limits(connections_per_lfdi=options.idle)  # the load has one certificate
        wire = await serve(answer, host="127.0.0.1", tls=tls, limits=limits)
        print(wire.port, flush=True)
        await stop.wait()
        await wire.close(1)

    if options.uvloop:
        import uvloop

        uvloop.run(run())
    else:
        asyncio.run(run())


def _start_nginx(
    folder: Path, credentials: Credentials, bodies: dict[str, bytes], processes: list[subprocess.Popen[bytes]]
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
                ssl_certificate {credentials.server_cert}; ssl_certificate_key {credentials.server_key};
                ssl_client_certificate {credentials.ca}; ssl_verify_client on; ssl_verify_depth 4;
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


def _fetch(port: int, path: str, credentials: Credentials) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITE)
    context.check_hostname = False
    context.load_verify_locations(credentials.ca)
    context.load_cert_chain(credentials.cert, credentials.key)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port))) as sock:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/sep+xml\r\n\r\n"
        sock.sendall(head.encode())
        response = HTTPResponse(sock)
        response.begin()
        if response.status != 200:
            sys.exit(f"GET {path} answers {response.status}; this measures answers of 200")
        return response.read()


def _make_credentials(folder: Path) -> Credentials:
    authority = Authority.create(folder / "data", now=datetime.now(UTC))
    server = authority.issue_server(["127.0.0.1"], now=datetime.now(UTC))
    device = authority.issue_device("device", now=datetime.now(UTC))
    return Credentials(device.cert, device.key, authority.ca, server.cert, server.key)


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
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
