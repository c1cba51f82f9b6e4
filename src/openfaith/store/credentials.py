"""Organizations and the secrets by which their sources are read, sealed before they reach the database.

AES-256-GCM with a fresh nonce; the organization and the adapter are authenticated with the secret, so that a
sealed value copied to another row does not open. Keys have ids: new secrets are sealed with the first key,
old ones open with whichever sealed them.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from openfaith.errors import ConfigurationError, RunConflictError, UnknownNameError
from openfaith.records import OrgId, RunId
from openfaith.store.breakers import forget_breaker
from openfaith.store.connection import Database
from openfaith.store.queries import query

_NONCE_BYTES = 12
_KEY_BYTES = 32
_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,32}")
"""Too short for a key, so that a key in its place is not taken for an id, stored and shown."""

_SETTING = "OPENFAITH_SECRET_KEYS"
_EXPECTED_KEYS = "id:base64-of-32-bytes, several separated by commas, the newest first"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretKey:
    """One key of the ring."""

    id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """How one organization's source is reached."""

    org_id: OrgId
    adapter: str
    base_url: str
    token: str = field(repr=False)
    """As the person gave it: `app_id:secret`, or a bearer token."""
    source_org: str | None = None
    """The organization's id at the source; None where it is not known."""
    saved_at: datetime | None = field(default=None, compare=False)
    """When it was kept, by the database's clock; None for one that is not yet."""


def parse_keys(text: str, *, name: str = _SETTING) -> tuple[SecretKey, ...]:
    """Read a key ring: `id:base64`, separated by commas. An id has 1 to 32 letters, digits, `.`, `_` or `-`.

    Args:
        text: the ring.
        name: where it stands, for messages.

    Raises:
        ConfigurationError: it is not of that form; the message never quotes a key.
    """
    keys = tuple(
        _parse_key(part.strip(), f"key {position}", name)
        for position, part in enumerate(text.split(","), start=1)
        if part.strip()
    )
    if not keys:
        raise ConfigurationError(name, "it holds no key", _EXPECTED_KEYS)
    if len({k.id for k in keys}) < len(keys):
        raise ConfigurationError(name, "two keys have the same id", "a different id for each")
    return keys


def _parse_key(part: str, which: str, name: str) -> SecretKey:
    key_id, colon, encoded = part.partition(":")
    if not colon or not _KEY_ID.fullmatch(key_id):
        raise ConfigurationError(name, f"{which} has no id before a colon", _EXPECTED_KEYS)
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise ConfigurationError(name, f"{which} is not base64", _EXPECTED_KEYS) from None
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(name, f"{which} has {len(key)} bytes", _EXPECTED_KEYS)
    return SecretKey(id=key_id, key=key)


def load_or_create_keys(path: Path) -> tuple[SecretKey, ...]:
    """The keys in a file that only its owner can read; made at first use, by one process even if two start at once.

    Raises:
        ConfigurationError: the file cannot be read or written, or holds no keys.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create_key_file(path)
        text = path.read_text("utf-8")
    except OSError as exc:
        raise ConfigurationError(
            str(path),
            f"the secret keys cannot be kept there ({exc.strerror})",
            f"a writable OPENFAITH_HOME, or {_SETTING}",
        ) from exc
    except UnicodeDecodeError:
        raise ConfigurationError(str(path), "it is not a text", _EXPECTED_KEYS) from None
    return parse_keys(text, name=str(path))


def _create_key_file(path: Path) -> None:
    """Written aside and linked into place: nobody ever reads half a key, and the first of two writers wins."""
    text = f"k1:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}\n"
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()


def seal(keys: Sequence[SecretKey], org_id: OrgId, adapter: str, token: str) -> tuple[str, bytes]:
    """Encrypt with the first key. Returns its id and the sealed bytes."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return keys[0].id, nonce + AESGCM(keys[0].key).encrypt(nonce, token.encode(), _bound(org_id, adapter))


def unseal(keys: Sequence[SecretKey], key_id: str, org_id: OrgId, adapter: str, sealed: bytes) -> str:
    """Decrypt what `seal` made.

    Raises:
        ConfigurationError: the key is missing or another one, or the value belongs to another row.
    """
    key = next((k for k in keys if k.id == key_id), None)
    expected = "the secret keys with which the organization was connected, or connect it again"
    if key is None:
        raise ConfigurationError(_SETTING, f"key {key_id!r} of organization {org_id} is missing", expected)
    try:
        plain = AESGCM(key.key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(org_id, adapter))
    except (InvalidTag, ValueError) as exc:
        raise ConfigurationError(
            _SETTING,
            f"key {key_id!r} does not open the secret of organization {org_id}",
            expected,
        ) from exc
    return plain.decode()


def _bound(org_id: OrgId, adapter: str) -> bytes:
    return f"{org_id}\0{adapter}".encode()


async def save_credential(
    database: Database, keys: Sequence[SecretKey], credential: Credential, *, moved: bool = False
) -> RunId | None:
    """Keep an organization and how its source is reached; a second call replaces the credential.

    Returns the last run that was stopped because the source rejected the credentials of before.

    Two churches are never mixed under one name: a token of another organization is refused, and so is another
    address while a run is under way, unless it is the same source that has `moved`.

    Raises:
        ConfigurationError: it belongs to another organization of the source.
        RunConflictError: a run under way reads the source at another address.
    """
    key_id, sealed = seal(keys, credential.org_id, credential.adapter, credential.token)
    place = {"org_id": credential.org_id, "adapter": credential.adapter, "base_url": credential.base_url}
    async with database.transaction() as connection:
        await connection.execute(query("organizations", "ensure_organization"), place)
        await connection.execute(query("runs", "lock_organization"), place)
        under_way = await (
            await connection.execute(query("organizations", "find_run_under_way"), place)
        ).fetchone()
        if under_way is not None and not moved:
            raise RunConflictError(
                str(under_way[0]),
                f"of {credential.org_id} still reads {under_way[1]}",
                "let it end, or cancel it first",
            )
        saved = await connection.execute(
            query("organizations", "save_credential"),
            {**place, "source_org": credential.source_org, "key_id": key_id, "sealed": sealed},
        )
        if await saved.fetchone() is None:
            raise ConfigurationError(
                f"organization {credential.org_id}",
                "it is connected to another organization of the source than this token's",
                "another name for this one, so that their records stay apart",
            )
        return await forget_breaker(connection, credential.org_id, credential.adapter)


async def get_credential(
    database: Database, keys: Sequence[SecretKey], org_id: OrgId, adapter: str
) -> Credential:
    """How an organization's source is reached.

    Raises:
        UnknownNameError: the organization is not connected.
        ConfigurationError: its secret does not open with these keys.
    """
    async with database.connection() as connection:
        cursor = await connection.execute(
            query("organizations", "get_credential"), {"org_id": org_id, "adapter": adapter}
        )
        row = await cursor.fetchone()
    if row is None:
        raise UnknownNameError(
            "organization", org_id, (), f"connect it with `openfaith connect {adapter} --org {org_id}`"
        )
    base_url, key_id, sealed, saved_at = row
    return Credential(
        org_id=org_id,
        adapter=adapter,
        base_url=base_url,
        token=unseal(keys, key_id, org_id, adapter, bytes(sealed)),
        saved_at=saved_at,
    )


async def list_organizations(database: Database) -> list[tuple[OrgId, str, str]]:
    """Organization, adapter and base URL of every connection, by name."""
    async with database.connection() as connection:
        cursor = await connection.execute(query("organizations", "list_organizations"))
        return [(OrgId(org_id), adapter, base_url) for org_id, adapter, base_url in await cursor.fetchall()]
