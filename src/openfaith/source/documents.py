"""Splits the envelope of an answer. The records themselves stay the bytes that came: the database parses them.

Measured on a page of 100 records (85 KB): about 80 µs, against 290 µs for msgspec to decode them into dicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar, overload

import msgspec

from openfaith.errors import BrokenResponseError
from openfaith.records import Page, Row
from openfaith.source.exchanges import Exchange, Request
from openfaith.source.likenesses import liken
from openfaith.source.pieces import read_leniently, split_list, split_object
from openfaith.source.responses import UNREADABLE, describe_body
from openfaith.texts import storable_text

_NULL = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct):
    included: list[msgspec.Raw] | None = None
    meta: msgspec.Raw = _NULL
    links: msgspec.Raw = _NULL


class _Listing(_Envelope, kw_only=True):
    data: list[msgspec.Raw]


class _Single(_Envelope, kw_only=True):
    data: msgspec.Raw


class _Meta(msgspec.Struct):
    """What a listing's `meta` is read for. Nothing may rest on it, so any shape of the members is taken."""

    total_count: object = None
    next: object = None
    parent: object = None
    can_query_by: msgspec.Raw = _NULL
    can_order_by: msgspec.Raw = _NULL
    can_include: msgspec.Raw = _NULL


class _Links(msgspec.Struct):
    next: object = None


class _Stamps(msgspec.Struct):
    created_at: object = None
    updated_at: object = None


class _PlainStamps(msgspec.Struct):
    """Any text is taken for a time here: Python reads it, as msgspec rounds what is finer than a microsecond."""

    created_at: str | None = None
    updated_at: str | None = None


class _Plain(msgspec.Struct):
    """A record as nearly all are, for a walk to see."""

    id: str
    attributes: _PlainStamps


class _Seen(msgspec.Struct):
    """A record as a walk sees it; any shape of the members is taken."""

    id: object = None
    attributes: msgspec.Raw = _NULL


class _Named(msgspec.Struct):
    """What a record is, or points at."""

    type: object = None
    id: object = None
    relationships: msgspec.Raw = _NULL


class _Linked(msgspec.Struct):
    data: msgspec.Raw = _NULL


class _Typed(msgspec.Struct):
    type: str


class _Identified(msgspec.Struct):
    """What makes a JSON object a record."""

    type: str
    id: str


E = TypeVar("E", bound=_Envelope)
T = TypeVar("T")

_LISTING = msgspec.json.Decoder(_Listing)
_SINGLE = msgspec.json.Decoder(_Single)
_IDENTIFIED = msgspec.json.Decoder(_Identified)
_TYPED = msgspec.json.Decoder(_Typed)
_PLAIN = msgspec.json.Decoder(_Plain)
_SEEN = msgspec.json.Decoder(_Seen)
_STAMPS = msgspec.json.Decoder(_Stamps)
_NAMED = msgspec.json.Decoder(_Named)
_LINKS_OF_RECORD = msgspec.json.Decoder(dict[str, _Linked])
_TO_ONE = msgspec.json.Decoder(_Named)
_TO_MANY = msgspec.json.Decoder(list[_Named])
_META = msgspec.json.Decoder(_Meta)
_LINKS = msgspec.json.Decoder(_Links)
_ANYTHING = msgspec.json.Decoder()


class Rows(Sequence[Row]):
    """The records of a page as a walk sees them, each decoded when it is looked at."""

    def __init__(self, records: Sequence[bytes]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return Rows(self._records[index])
        return read_row(self._records[index])

    def __iter__(self) -> Iterator[Row]:
        return map(read_row, self._records)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """An answer that is not a listing."""

    @property
    def id(self) -> str | None:
        """Of the record; None where it has no usable one."""
        return read_row(self.data).id

    data: bytes
    """The member `data`, the JSON text of one record as it came. Some writes answer with a list."""
    included: tuple[bytes, ...]
    """The members of `included`, likewise; empty where the document had none."""
    meta: dict[str, object]
    """Empty where absent."""
    requested_at: datetime
    """When the request started, by the server's clock (aware, UTC)."""
    size_bytes: int
    """Length of the body, decompressed."""


def read_page(request: Request, exchange: Exchange, requested_at: datetime) -> Page:
    """Split a listing.

    Raises:
        BrokenResponseError: The body is no JSON:API document, or its `data` is no list.
    """
    envelope = _split(_LISTING, request, exchange)
    meta = _leniently(_META, envelope.meta) or _Meta()
    link = (_leniently(_LINKS, envelope.links) or _Links()).next
    return Page(
        records=(records := tuple(map(bytes, envelope.data))),
        rows=Rows(records),
        included=_by_type(envelope.included or ()),
        total_count=_count(meta.total_count),
        has_next=bool(meta.next) or link is not None,
        can_query_by=_names(bytes(meta.can_query_by)),
        can_order_by=_names(bytes(meta.can_order_by)),
        can_include=_names(bytes(meta.can_include)),
        requested_at=requested_at,
        size_bytes=len(exchange.body),
        organization=_organization(meta.parent),
        requests=exchange.requests,
        latency_seconds=exchange.ended_at - exchange.sent_at,
    )


def read_row(record: bytes) -> Row:
    """What a walk looks at in a record. Whatever it is, this does not fail: to judge records is the store's matter.

    A walk remembers ids in its checkpoint. So of one that cannot be stored a likeness is told, by which it is known again.
    """
    try:
        plain = _PLAIN.decode(record)
    except UNREADABLE:
        return _read_odd_row(record)
    return _row(plain.id, plain.attributes)


def _read_odd_row(record: bytes) -> Row:
    """Of a record that has something of another type than nearly all have."""
    seen = _in_likeness(_SEEN, record) or _Seen()
    stamps = _leniently(_STAMPS, seen.attributes)
    return _row(seen.id, stamps or _Stamps())


def _row(key: object, stamps: _PlainStamps | _Stamps) -> Row:
    return Row(
        id=storable_text(key) if isinstance(key, str) and key else None,
        created_at=_time(stamps.created_at),
        updated_at=_time(stamps.updated_at),
    )


def speaks_of(page: Page, include: str) -> bool:
    """Whether any record of a page speaks of what is included: of its own, even if there is none.

    Records that nothing was included for do not name it among their relationships (recorded: `emails`).
    """
    return any(include in _relationships(record) for record in page.records)


def _relationships(record: bytes) -> dict[str, _Linked]:
    named = _in_likeness(_NAMED, record) or _Named()
    return _leniently(_LINKS_OF_RECORD, named.relationships) or {}


def without_first(page: Page, count: int = 1) -> Page:
    """The page without its first records and what came along with them, where these were read before.

    What they share with others goes too: it came along with them then.
    """
    gone = {link for record in page.records[:count] for link in _links(record)}
    included = {kind: _without(records, kind, gone) for kind, records in page.included.items()}
    return replace(page, records=page.records[count:], rows=page.rows[count:], included=included)


def _without(records: tuple[bytes, ...], kind: str, gone: set[tuple[str, str]]) -> tuple[bytes, ...]:
    """Without those of the type `kind` that are gone, each once. They mostly stand first, and what follows is not looked at:
    what stands there twice is stored again.
    """
    left = {link for link in gone if link[0] == kind}
    kept: list[bytes] = []
    for place, record in enumerate(records):
        if not left:
            return (*kept, *records[place:])
        link = _link_to(record)
        if link in left:
            left.discard(link)
        else:
            kept.append(record)
    return tuple(kept)


def _links(record: bytes) -> Iterator[tuple[str, str]]:
    """Type and id of all that a record points at."""
    for linked in _relationships(record).values():
        many = _leniently(_TO_MANY, linked.data)
        one = None if many is not None else _leniently(_TO_ONE, linked.data)
        for target in many or ([] if one is None else [one]):
            if isinstance(target.type, str) and isinstance(target.id, str):
                yield target.type, target.id


def _link_to(record: bytes) -> tuple[str, str] | None:
    """What points at a record; None where nothing can."""
    named = _leniently(_NAMED, msgspec.Raw(record)) or _Named()
    return (named.type, named.id) if isinstance(named.type, str) and isinstance(named.id, str) else None


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if time is None or time.tzinfo is None:
        return None
    if time.tzinfo is UTC:
        return time
    try:
        return time.astimezone(UTC)
    except OverflowError:  # before the year 1 or after 9999 in UTC
        return None


def _by_type(included: Iterable[msgspec.Raw]) -> dict[str, tuple[bytes, ...]]:
    """The records that came along, each as it came; what has no type is nobody's, and stands under the empty one."""
    found: dict[str, list[bytes]] = {}
    for raw in included:
        found.setdefault(_type_of(raw), []).append(bytes(raw))
    return {kind: tuple(records) for kind, records in found.items()}


def _type_of(raw: msgspec.Raw) -> str:
    """Also of a record with a fault that only msgspec minds: it is its entity's to set aside. Empty where it has none."""
    try:
        return _TYPED.decode(raw).type
    except msgspec.ValidationError:
        return ""
    except UNREADABLE:
        return _type_of_faulty(bytes(raw))


def _type_of_faulty(record: bytes) -> str:
    try:
        members = read_leniently(record)
    except (ValueError, RecursionError):
        return ""
    kind = members.get("type") if isinstance(members, dict) else None
    return kind if isinstance(kind, str) else ""


def _organization(parent: object) -> str | None:
    """Top-level collections name the organization as their parent (recorded, 2019 to 2026)."""
    if not isinstance(parent, dict) or parent.get("type") != "Organization":
        return None
    found = parent.get("id")
    return found if isinstance(found, str) and found else None


def read_record(request: Request, exchange: Exchange, requested_at: datetime) -> Document:
    """Split an answer whose `data` is one record.

    Raises:
        BrokenResponseError: The body is no JSON:API document, or its `data` is no object with a type and an id.
    """
    document = read_document(request, exchange, requested_at)
    try:
        _IDENTIFIED.decode(document.data)
    except UNREADABLE as error:
        raise BrokenResponseError(
            request.what, "a document whose data is not a record", "one record"
        ) from error
    return document


def read_document(request: Request, exchange: Exchange, requested_at: datetime) -> Document:
    """Split an answer, whatever its `data` is.

    Raises:
        BrokenResponseError: The body is no JSON:API document.
    """
    envelope = _split(_SINGLE, request, exchange)
    return Document(
        data=bytes(envelope.data),
        included=tuple(map(bytes, envelope.included or ())),
        meta=_members(envelope.meta),
        requested_at=requested_at,
        size_bytes=len(exchange.body),
    )


def read_written(request: Request, exchange: Exchange, requested_at: datetime) -> Document | None:
    """Split the answer to a write; None for 204, which has no body."""
    return None if exchange.status == 204 else read_document(request, exchange, requested_at)


def _split(decoder: msgspec.json.Decoder[E], request: Request, exchange: Exchange) -> E:
    if exchange.status == 204:
        raise BrokenResponseError(request.what, "status 204 without a document")
    try:
        return _decode(decoder, exchange.body)
    except msgspec.ValidationError as error:
        raise BrokenResponseError(request.what, f"JSON of another shape ({error})") from error
    except (ValueError, RecursionError) as error:
        raise BrokenResponseError(request.what, f"no whole JSON ({describe_body(exchange)})") from error


def _decode(decoder: msgspec.json.Decoder[E], body: bytes) -> E:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return _decode_leniently(decoder, body)


def _decode_leniently(decoder: msgspec.json.Decoder[E], body: bytes) -> E:
    """Save the page from one record that holds half a surrogate pair or a NaN.

    msgspec refuses the whole body for it; Python's own parser does not. The record keeps its fault, so that it is
    set aside by itself, and the others are stored as they came.
    """
    if not isinstance(read_leniently(body), dict):
        raise msgspec.ValidationError("Expected `object`")
    lists = {"data", "included"} if decoder.type is _Listing else {"included"}
    known = decoder.type.__struct_fields__
    members = {
        name: _as_raw(value, each=name in lists) for name, value in split_object(body) if name in known
    }
    return msgspec.convert(members, decoder.type)


def _as_raw(value: bytes, *, each: bool) -> object:
    if not each:
        return msgspec.Raw(value)
    return [*map(msgspec.Raw, split_list(value))] if value.startswith(b"[") else read_leniently(value)


def _leniently(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw) -> T | None:
    """None where it is not an object."""
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        return None


def _in_likeness(decoder: msgspec.json.Decoder[T], record: bytes) -> T | None:
    """Of a record with a fault that only msgspec minds, what it says beside that. None where it is not an object."""
    try:
        return decoder.decode(record)
    except msgspec.ValidationError:
        return None
    except UNREADABLE:
        likeness = liken(record)
    return None if likeness is None else _leniently(decoder, msgspec.Raw(likeness))


def _members(raw: msgspec.Raw) -> dict[str, object]:
    """`meta`, which nothing may rest on: empty where it is not an object."""
    try:
        value = msgspec.json.decode(raw)
    except UNREADABLE:
        return {}
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


@lru_cache(maxsize=1024)  # every page of a collection says the same
def _names(raw: bytes) -> frozenset[str] | None:
    """What a collection says it can do; None unless it is a list of names, so that nobody believes a broken one."""
    value = _leniently(_ANYTHING, msgspec.Raw(raw))
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return None
    return frozenset(value)
