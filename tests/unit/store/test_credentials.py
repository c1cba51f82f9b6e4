"""The keys that seal credentials, and what they seal."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfaith.errors import ConfigurationError
from openfaith.records import OrgId
from openfaith.store import Credential, SecretKey, load_or_create_keys, parse_keys
from openfaith.store.credentials import seal, unseal

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()
ORG = OrgId("grace")

# The ring


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (f"k1:{KEY}", ["k1"]),
        (f"k2:{OTHER},k1:{KEY}", ["k2", "k1"]),
        (f"\n k2:{OTHER} ,\n k1:{KEY} ,\n", ["k2", "k1"]),
        (f"2026-01.a_b:{KEY}", ["2026-01.a_b"]),
    ],
)
def test_a_ring_is_read_in_its_order(text: str, ids: list[str]) -> None:
    assert [key.id for key in parse_keys(text)] == ids


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", "it holds no key"),
        (" , \n", "it holds no key"),
        (KEY, "key 1 has no id before a colon"),
        (f":{KEY}", "key 1 has no id before a colon"),
        (f"{KEY}:{KEY}", "key 1 has no id before a colon"),
        (f"{KEY}:k1", "key 1 has no id before a colon"),
        (f"k 1:{KEY}", "key 1 has no id before a colon"),
        (f"{'k' * 33}:{KEY}", "key 1 has no id before a colon"),
        (f"k1:{KEY},k2:{KEY[:-2]}", "key 2 is not base64"),
        (f"k1:{KEY},k2:ü{KEY}", "key 2 is not base64"),
        (f"k1:{KEY[:20]}-_{KEY[22:]}", "key 1 is not base64"),
        ("k1:", "key 1 has 0 bytes"),
        (f"k1:{base64.b64encode(bytes(range(31))).decode()}", "key 1 has 31 bytes"),
        (f"k1:{KEY}{KEY}", "key 1 is not base64"),
        (f"k1:{KEY},k1:{OTHER}", "two keys have the same id"),
    ],
)
def test_a_ring_of_another_form_is_refused_and_never_quoted(text: str, seen: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_keys(text)
    error = caught.value
    assert (error.name, error.seen) == ("OPENFAITH_SECRET_KEYS", seen)
    assert KEY[:20] not in f"{error!r} {error} {error.__cause__!r}"


@given(text=st.text() | st.binary().map(lambda raw: "k:" + base64.b64encode(raw).decode()))
def test_any_text_is_a_ring_or_refused(text: str) -> None:
    try:
        keys = parse_keys(text)
    except ConfigurationError:
        return
    assert keys
    assert all(len(key.key) == 32 for key in keys)


def test_no_key_and_no_token_is_shown() -> None:
    [key] = parse_keys(f"k1:{KEY}")
    credential = Credential(org_id=ORG, adapter="pco", base_url="https://x", token="app:s3cret")
    assert repr(key) == "SecretKey(id='k1')"
    assert "s3cret" not in repr(credential)


# Sealing


def keys(*rings: tuple[str, str]) -> tuple[SecretKey, ...]:
    return parse_keys(",".join(f"{name}:{key}" for name, key in rings))


@given(token=st.text(alphabet=st.characters(codec="utf-8")))
def test_what_was_sealed_opens_again(token: str) -> None:
    ring = keys(("k1", KEY))
    key_id, sealed = seal(ring, ORG, "pco", token)
    assert unseal(ring, key_id, ORG, "pco", sealed) == token
    assert not token or token.encode() not in sealed or len(token) < 4


def test_the_same_secret_is_sealed_otherwise_every_time() -> None:
    assert len({seal(keys(("k1", KEY)), ORG, "pco", "same")[1] for _ in range(50)}) == 50


def test_the_first_key_seals_and_any_opens() -> None:
    key_id, sealed = seal(keys(("k1", KEY)), ORG, "pco", "token")
    rotated = keys(("k2", OTHER), ("k1", KEY))
    assert unseal(rotated, key_id, ORG, "pco", sealed) == "token"
    assert seal(rotated, ORG, "pco", "token")[0] == "k2"


@pytest.mark.parametrize(("org", "adapter"), [("hope", "pco"), ("grace", "other"), ("grac", "epco")])
def test_a_value_of_another_row_does_not_open(org: str, adapter: str) -> None:
    ring = keys(("k1", KEY))
    key_id, sealed = seal(ring, ORG, "pco", "token")
    with pytest.raises(ConfigurationError, match=f"key 'k1' does not open the secret of organization {org}"):
        unseal(ring, key_id, OrgId(org), adapter, sealed)


def test_a_missing_key_and_another_key_are_told_apart() -> None:
    key_id, sealed = seal(keys(("k1", KEY)), ORG, "pco", "s3cret")
    with pytest.raises(ConfigurationError, match="key 'k1' of organization grace is missing"):
        unseal(keys(("k2", KEY)), key_id, ORG, "pco", sealed)
    with pytest.raises(ConfigurationError, match="key 'k1' does not open"):
        unseal(keys(("k1", OTHER)), key_id, ORG, "pco", sealed)


@given(data=st.data())
def test_a_value_that_was_tampered_with_does_not_open(data: st.DataObject) -> None:
    ring = keys(("k1", KEY))
    key_id, sealed = seal(ring, ORG, "pco", "token")
    at = data.draw(st.integers(0, len(sealed) - 1))
    flipped = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]
    for broken in (flipped, sealed[:at]):
        with pytest.raises(ConfigurationError, match="does not open"):
            unseal(ring, key_id, ORG, "pco", broken)


# The key file


def test_a_key_file_is_made_at_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "home" / "secret.keys"
    made = load_or_create_keys(file)
    assert [key.id for key in made] == ["k1"]
    assert load_or_create_keys(file) == made
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert oct(file.parent.stat().st_mode & 0o777) == "0o700"
    assert [path.name for path in file.parent.iterdir()] == ["secret.keys"]


def test_two_homes_have_different_keys(tmp_path: Path) -> None:
    assert load_or_create_keys(tmp_path / "a") != load_or_create_keys(tmp_path / "b")


def test_processes_that_start_at_the_same_time_use_one_key(tmp_path: Path) -> None:
    file = tmp_path / "secret.keys"
    code = (
        "import sys; from pathlib import Path; from openfaith.store.credentials import load_or_create_keys\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(load_or_create_keys(Path(sys.argv[1]))[0].key.hex())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    found = set()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        found.add(process.communicate()[0])
    assert found == {load_or_create_keys(file)[0].key.hex() + "\n"}
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.keys"]


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigurationError, match="the secret keys cannot be kept there") as caught:
        load_or_create_keys(blocked / "home" / "secret.keys")
    assert caught.value.name == str(blocked / "home" / "secret.keys")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "secret.keys"
    load_or_create_keys(file)
    file.chmod(0)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        load_or_create_keys(file)


def test_a_directory_in_the_files_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load_or_create_keys(tmp_path)


@pytest.mark.parametrize(("content", "seen"), [(b"", "it holds no key"), (b"\xff\xfe", "it is not a text")])
def test_a_file_that_holds_no_keys_is_named(tmp_path: Path, content: bytes, seen: str) -> None:
    file = tmp_path / "secret.keys"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_or_create_keys(file)
    assert (caught.value.name, caught.value.seen) == (str(file), seen)
