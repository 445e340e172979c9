from __future__ import annotations

import stat
from pathlib import Path

import pytest

from openesi.errors import LocalError
from openesi.gateway.auth import decode_basic
from openesi.gateway.users import (
    FAILURE_FADES_S,
    FREE_FAILURES,
    MAX_OFFENDERS,
    REMEMBER_S,
    Ration,
    Role,
    User,
    UserStore,
    Verified,
    hash_password,
    verify_password,
)


def test_a_password_is_stored_hashed_salted_and_for_the_owner_only(tmp_path: Path) -> None:
    store = UserStore(tmp_path / "d" / "users.json")
    store.insert("anna", "correct horse")
    store.insert("otto", "correct horse", role=Role.QUALITY)
    text = (tmp_path / "d" / "users.json").read_text()
    anna, otto = store.find("anna"), store.find("otto")

    assert "horse" not in text
    assert stat.S_IMODE((tmp_path / "d" / "users.json").stat().st_mode) == 0o600
    assert anna is not None
    assert otto is not None
    assert anna.hash != otto.hash
    assert verify_password("correct horse", anna.hash)
    assert not verify_password("correct hors", anna.hash)
    assert store.names() == [("anna", Role.READER), ("otto", Role.QUALITY)]


def test_a_change_by_another_process_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    running, other = UserStore(path), UserStore(path)
    assert running.find("anna") is None

    other.insert("anna", "correct horse")
    assert running.find("anna") is not None
    other.remove("anna")
    assert running.find("anna") is None
    with pytest.raises(LocalError, match="no user"):
        other.remove("anna")


BAD_NAMES = ["", "a:b", "a" * 33, "-a"]
BAD_PASSWORDS = ["", "short", "x" * 129]


@pytest.mark.parametrize(
    ("name", "password"),
    [*((name, "long enough") for name in BAD_NAMES), *(("anna", password) for password in BAD_PASSWORDS)],
)
def test_names_and_passwords_that_will_not_do(tmp_path: Path, name: str, password: str) -> None:
    with pytest.raises(LocalError):
        UserStore(tmp_path / "users.json").insert(name, password)


@pytest.mark.parametrize("content", ["{", "[]", '{"a": {}}', '{"a": {"role": "king", "hash": ""}}'])
def test_a_damaged_file_is_an_error_that_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "users.json").write_text(content)

    with pytest.raises(LocalError, match="add the users again"):
        UserStore(tmp_path / "users.json").find("anna")


def test_what_was_verified_is_remembered_until_the_password_changes() -> None:
    anna = User("anna", Role.READER, "hash one")
    verified = Verified()
    verified.remember(anna, "pw", 0.0)

    assert verified.remembers(anna, "pw", REMEMBER_S - 1)
    assert verified.remembers(anna, "pw", 2 * REMEMBER_S - 2), "since the last use"
    assert not verified.remembers(anna, "pw", 4 * REMEMBER_S)
    assert not verified.remembers(anna, "other", 1.0)
    assert not verified.remembers(User("anna", Role.READER, "hash two"), "pw", 1.0)


def test_wrong_guesses_are_rationed_and_fade() -> None:
    ration = Ration()
    for _ in range(FREE_FAILURES):
        assert ration.wait_s("10.0.0.1", 0.0) == 0
        ration.fail("10.0.0.1", 0.0)

    assert ration.wait_s("10.0.0.1", 0.0) == FAILURE_FADES_S
    assert ration.wait_s("10.0.0.2", 0.0) == 0
    assert ration.wait_s("10.0.0.1", FAILURE_FADES_S + 0.1) == 0
    ration.forgive("10.0.0.1")
    assert ration.wait_s("10.0.0.1", 0.0) == 0
    for number in range(2 * MAX_OFFENDERS):
        ration.fail(str(number), 0.0)
    assert len(ration._failures) == MAX_OFFENDERS


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Basic YW5uYTpwdw==", ("anna", "pw")),
        (b"basic  YW5uYTpwOnc=", ("anna", "p:w")),
        (b"Basic w6k6cHc=", ("é", "pw")),
        (b"Basic YW5uYQ==", None),
        (b"Basic ????", None),
        (b"Basic /w==", None),
        (b"Bearer YW5uYTpwdw==", None),
        (b"", None),
        (b"Basic " + b"QUFB" * 400, None),
    ],
)
def test_the_header_of_basic_authentication(header: bytes, expected: tuple[str, str] | None) -> None:
    assert decode_basic(header) == expected


def test_hashes_differ_by_salt() -> None:
    assert hash_password("correct horse") != hash_password("correct horse")
