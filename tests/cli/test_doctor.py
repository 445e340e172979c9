from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openesi import cli
from openesi.cli import checks
from openesi.cli.checks import CHECKS, Finding, Situation, Verdict
from openesi.cli.doctor import examine, render
from openesi.errors import LocalError
from openesi.pki import Authority

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CHECK = {check.name: check for check in CHECKS}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    authority = Authority.create(tmp_path / "data", now=NOW)
    authority.issue_server(["localhost"], now=NOW)
    authority.issue_device("inverter", now=NOW)
    return tmp_path / "data"


def look(name: str, data: Path | None, *, now: datetime = NOW, port: int = 0, web_port: int = 0) -> Finding:
    return examine(CHECK[name], Situation(data, now, port, web_port))


@contextmanager
def listening(answer: bytes | None = None, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve one connection on a port, with TLS or with a fixed answer, and end with it."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            if tls is not None:
                tls.wrap_socket(connection, server_side=True).close()
            elif answer is not None:
                connection.recv(1000)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=15)


def server_context(data: Path) -> ssl.SSLContext:
    own = Authority.open(data).server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(checks.CIPHERS)
    context.load_cert_chain(own.cert, own.key)
    context.load_verify_locations(own.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("name", CHECK)
def test_a_sound_installation_has_nothing_that_fails(name: str, data: Path) -> None:
    finding = look(name, data)
    assert finding.verdict is not Verdict.FAIL, finding


def test_the_mandatory_cipher_suite_is_tried_not_looked_up() -> None:
    assert "ECDHE-ECDSA-AES128-CCM8 works" in look("TLS", None).text


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        ("cryptography>=44", None),
        ("no-such-package>=1", "no-such-package is not installed"),
        ("cryptography>=4400", "is older than 4400"),
        ("uvloop-not-there>=0.21; extra == 'fast'", None),
    ],
)
def test_libraries_are_compared_with_what_is_required(requirement: str, text: str | None) -> None:
    found = checks._missing(requirement)
    assert found is None if text is None else text in (found or "")


@pytest.mark.parametrize("now", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 2, 7, tzinfo=UTC)])
def test_an_absurd_clock_fails(now: datetime) -> None:
    finding = look("Clock", None, now=now)
    assert (finding.verdict, finding.mend) == (Verdict.FAIL, "sudo timedatectl set-ntp true")


def test_a_clock_before_the_root_was_made_fails(data: Path) -> None:
    assert "before the root" in look("Clock", data, now=NOW - timedelta(days=2)).text


def test_a_missing_directory_names_the_command_that_makes_it(tmp_path: Path) -> None:
    finding = look("Data directory", tmp_path / "none")
    assert (finding.verdict, finding.mend) == (Verdict.FAIL, f"openesi pki init --data {tmp_path}/none")


def test_a_key_that_others_can_read_fails(data: Path) -> None:
    (data / "pki/devices/inverter.key").chmod(0o640)
    finding = look("Private keys", data)
    assert finding.verdict is Verdict.FAIL
    assert finding.mend == f"chmod -R go= {data}/pki"


def test_a_directory_that_others_can_read_warns(data: Path) -> None:
    (data / "pki").chmod(0o755)
    assert look("Private keys", data).verdict is Verdict.WARN


def test_missing_authority_and_server_certificate_fail(tmp_path: Path) -> None:
    assert "openesi pki init" in look("Authority", tmp_path).text
    Authority.create(tmp_path, now=NOW)
    assert "openesi pki server" in look("Server certificate", tmp_path).text


def test_the_root_key_of_a_real_authority_should_not_lie_here(tmp_path: Path) -> None:
    Authority.create(tmp_path, now=NOW, test=False)
    assert look("Authority", tmp_path).verdict is Verdict.WARN
    (tmp_path / "pki/serca.key").unlink()
    assert look("Authority", tmp_path).verdict is Verdict.OK


def test_a_server_key_that_does_not_fit_fails(data: Path) -> None:
    (data / "pki/server.key").write_bytes((data / "pki/mica.key").read_bytes())
    finding = look("Server certificate", data)
    assert finding.verdict is Verdict.FAIL
    assert "does not go with" in finding.text


def test_a_server_certificate_of_another_authority_fails(data: Path, tmp_path: Path) -> None:
    other = Authority.create(tmp_path / "other", now=NOW).issue_server(["localhost"], now=NOW)
    (data / "pki/server.pem").write_bytes(other.cert.read_bytes())
    (data / "pki/server.key").write_bytes(other.key.read_bytes())
    assert "not issued by this authority" in look("Server certificate", data).text


def test_certificates_that_are_not_valid_yet_fail(data: Path) -> None:
    assert "not valid before" in look("Expiry", data, now=NOW - timedelta(days=2)).text


def test_a_foreign_root_that_ends_is_noticed(data: Path) -> None:
    (data / "pki/trusted/foreign.pem").write_text(FOREIGN)
    end = datetime(2036, 11, 18, 9, 53, 34, tzinfo=UTC)
    assert look("Expiry", data, now=end - timedelta(days=100)).verdict is Verdict.OK
    assert look("Expiry", data, now=end - timedelta(days=10)).verdict is Verdict.WARN
    assert look("Expiry", data, now=end + timedelta(seconds=1)).verdict is Verdict.FAIL


def test_our_own_server_on_the_port_is_recognised(data: Path) -> None:
    with listening(tls=server_context(data)) as port:
        finding = look("Server port", data, port=port)
    assert (finding.verdict, finding.text) == (Verdict.OK, f"{port}: the server is running")


def test_a_server_with_an_old_certificate_should_be_restarted(data: Path) -> None:
    running = server_context(data)
    Authority.open(data).issue_server(["other.example"], now=NOW)
    with listening(tls=running) as port:
        finding = look("Server port", data, port=port)
    assert finding.verdict is Verdict.WARN
    assert "restart it" in finding.text


def test_another_program_on_the_port_is_a_warning(data: Path) -> None:
    with listening(b"220 mail\r\n") as port:
        finding = look("Server port", data, port=port)
    assert finding.verdict is Verdict.WARN
    assert finding.mend == f"openesi serve --port {port + 1}"


@pytest.mark.parametrize(
    ("answer", "verdict"), [(b"HTTP/1.1 200 OK\r\n\r\n", Verdict.OK), (b"220 mail\r\n", Verdict.WARN)]
)
def test_web_port(answer: bytes, verdict: Verdict) -> None:
    with listening(answer) as port:
        assert look("Web port", None, web_port=port).verdict is verdict


def test_a_check_that_cannot_be_done_is_a_failure() -> None:
    def broken(_: Situation) -> Finding:
        raise LocalError("the disk is gone")

    finding = examine(checks.Check("Disk", broken), Situation(None, NOW))
    assert finding == Finding(Verdict.FAIL, "the disk is gone")


def test_lines_for_people() -> None:
    lines = render([("A", checks.ok("fine")), ("Longer", checks.fail("bad", "mend it"))])
    assert lines.splitlines() == [
        "ok    A       fine",
        "fail  Longer  bad",
        "              > mend it",
    ]


def test_command_with_and_without_data(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ports = ["--port", "0", "--web-port", "0"]
    assert cli.main(["doctor", *ports]) == 0
    printed = capsys.readouterr()
    assert "Authority" not in printed.out
    assert "Give --data DIR" in printed.err
    assert cli.main(["doctor", "--data", str(data), *ports, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert [check["name"] for check in document["checks"]] == list(CHECK)
    assert {check["verdict"] for check in document["checks"]} <= {"ok", "warn"}


def test_exit_code_is_1_when_something_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["doctor", "--data", str(tmp_path), "--port", "0", "--web-port", "0"]
    assert cli.main(arguments) == 1
    assert "fail  Authority" in capsys.readouterr().out
    assert cli.main([*arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


FOREIGN = """\
-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIUE8VHMRgguEqioVbijZXLDxX7h5cwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHZm9yZWlnbjAeFw0yNjExMjEwOTUzMzRaFw0zNjExMTgwOTUz
MzRaMBIxEDAOBgNVBAMMB2ZvcmVpZ24wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AATlZl3LXeWN8KMYERrBwOd9eqP03lvjgrcxf/wzeyseOmnHNv4VKeGUi1v1CPHG
7gGmZJij89W+mIMdQ1llKFjHo1MwUTAdBgNVHQ4EFgQUfjjFKyz9N5eIiYTzoL+c
LzVeye8wHwYDVR0jBBgwFoAUfjjFKyz9N5eIiYTzoL+cLzVeye8wDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiA6E0ijkVxinM3x58EXVvHyclopJ9R1
sisTT/k0HzODFAIgb27x408dAj6yuxrtUYq/vsSb6KUoBT86SEwjAT49FZY=
-----END CERTIFICATE-----
"""
