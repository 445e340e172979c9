from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from openesi import cli
from openesi.pki import describe
from openesi.pki.authority import read_certificates
from openesi.sep2.identity import format_lfdi, format_sfdi, lfdi_from_certificate, parse_lfdi


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    directory = str(tmp_path / "data")
    assert cli.main(["pki", "init", "--data", directory, "--host", "localhost"]) == 0
    capsys.readouterr()
    return directory


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    document = json.loads(printed.out)
    assert isinstance(document, dict)
    return document


def test_init_makes_a_server_for_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = run_json(capsys, "pki", "init", "--data", str(tmp_path / "data"))
    assert set(document) == {"ca", "server"}
    server = describe(read_certificates(Path(document["server"]["cert"]))[0])
    assert {"localhost", "127.0.0.1", "::1"} <= set(server.hosts)
    assert document["server"]["lfdi"] == format_lfdi(server.lfdi)


def test_init_with_a_wrong_host_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pki", "init", "--data", str(tmp_path / "data"), "--host", "http://x"]) == 2
    assert "neither a host name" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_init_twice_keeps_the_first(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = (Path(data) / "pki/serca.pem").read_bytes()
    assert cli.main(["pki", "init", "--data", data]) == 1
    assert "is kept" in capsys.readouterr().err
    assert (Path(data) / "pki/serca.pem").read_bytes() == before


def test_data_may_come_from_the_environment(
    data: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENESI_DATA", data)
    assert run_json(capsys, "pki", "device", "pump")["cert"].startswith(data)


def test_device_json_has_what_scripts_rely_on(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = run_json(capsys, "pki", "device", "inverter", "--data", data, "--pin", "111115")
    assert set(document) == {"name", "lfdi", "sfdi", "pin", "registration_code", "cert", "key", "ca"}
    leaf, mica = read_certificates(Path(document["cert"]))
    assert parse_lfdi(document["lfdi"]) == lfdi_from_certificate(leaf)
    assert describe(mica).role.value == "MICA"
    assert document["pin"] == 111115
    assert document["registration_code"] == f"{document['sfdi']:012d}111115"
    assert all(
        Path(document[name]).is_absolute() and Path(document[name]).is_file()
        for name in ("cert", "key", "ca")
    )


def test_show_tells_the_same_as_device(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = run_json(capsys, "pki", "device", "inverter", "--data", data, "--serial", "SN 7")
    shown = run_json(capsys, "pki", "show", made["cert"])
    assert {key: shown[key] for key in ("lfdi", "sfdi", "pin", "cert", "key", "ca")} == {
        key: made[key] for key in ("lfdi", "sfdi", "pin", "cert", "key", "ca")
    }
    assert shown["role"] == "device"
    assert shown["hardware"]["serial"] == "SN 7"
    assert shown["not_after"] == "9999-12-31T23:59:59Z"
    assert shown["remarks"] == []
    assert shown["refused"] is None
    assert shown["certificates"] == 2


def test_text_shows_the_numbers_as_on_a_label(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = run_json(capsys, "pki", "device", "inverter", "--data", data, "--pin", "19")
    assert cli.main(["pki", "show", made["cert"]]) == 0
    out = capsys.readouterr().out
    assert format_lfdi(parse_lfdi(made["lfdi"]), group=4) in out
    assert format_sfdi(made["sfdi"]) in out
    assert "PIN       000019" in out
    assert "without end" in out


def test_text_of_device_says_what_comes_next(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pki", "device", "inverter", "--data", data]) == 0
    printed = capsys.readouterr()
    assert "inverter.key" in printed.out
    assert f"Next: openesi device add --cert {data}/pki/devices/inverter.pem --data {data}" in printed.err


def test_the_same_name_twice_is_refused_and_renewal_is_asked_for(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_json(capsys, "pki", "device", "pump", "--data", data)
    assert cli.main(["pki", "device", "pump", "--data", data]) == 1
    assert "--renew" in capsys.readouterr().err
    second = run_json(capsys, "pki", "device", "pump", "--data", data, "--renew")
    assert second["lfdi"] != first["lfdi"]
    assert second["pin"] == first["pin"]


def test_self_signed(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = run_json(capsys, "pki", "device", "gateway", "--data", data, "--self-signed")
    shown = run_json(capsys, "pki", "show", made["cert"])
    assert shown["role"] == "self-signed device"
    assert shown["policies"] == [{"oid": "1.3.6.1.4.1.40732.2.2", "name": "self signed"}]
    assert shown["certificates"] == 1


def test_server_for_other_hosts(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = run_json(capsys, "pki", "server", "esi.example", "192.0.2.7", "--data", data)
    assert made["pin"] is None
    assert run_json(capsys, "pki", "show", made["cert"])["hosts"] == ["esi.example", "192.0.2.7"]
    assert cli.main(["pki", "show", made["cert"]]) == 0
    assert "esi.example, 192.0.2.7" in capsys.readouterr().out


def test_show_of_a_foreign_certificate_reports_the_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "foreign.pem"
    file.write_text(FOREIGN)
    assert cli.main(["pki", "show", str(file)]) == 0
    printed = capsys.readouterr()
    assert "until 2036-11-18" in printed.out
    assert "Not by the profile: it ends" in printed.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "no-such-file"], 1, "cannot be read"),
        (
            ["device", "pump", "--data", "no-such-directory"],
            1,
            "Run: openesi pki init --data no-such-directory",
        ),
        (["device", "../pump", "--data", "DATA"], 2, "no name for a device"),
        (["device", "pump", "--data", "DATA", "--pin", "111114"], 1, "is not a PIN"),
        (["device", "pump", "--data", "DATA", "--hardware-type", "x"], 1, "object identifier"),
        (["server", "--data", "DATA"], 2, "HOST"),
        (["init", "--data", "elsewhere", "--chain", "9"], 2, "2, 3 or 4"),
    ],
)
def test_mistakes_are_explained(
    data: str,
    arguments: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["pki", *(data if argument == "DATA" else argument for argument in arguments)]) == code
    assert message in capsys.readouterr().err


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
