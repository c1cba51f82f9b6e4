"""Inputs that are nearly right: well-formed ones, changed in a few places. All chance comes from the generator given.

What is wholly random is refused by the first character. What breaks parsers looks like what they expect, with a number
of four hundred digits in the place of a short one, half of a surrogate pair, or a bracket too many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import AnyStr

FRAGMENTS = (
    *"\0\t\r\n \"'\\/:;,.@#?&%+-_~=()[]{}<>|$*!^`",
    *"0917aZ",
    "é",
    "ß",
    "\u0130",
    "漢",
    "🙂",
    "\u202e",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\udfff",
    "١٢",
    "²",
    "://",
    "//",
    "..",
    "/../",
    "%00",
    "%2F",
    "%zz",
    "xn--",
    "xn--a",
    "[::1]",
    "127.0.0.1",
    "localhost",
    "-1",
    "-0",
    "00",
    "0x1F",
    "1_0",
    "1e5",
    "1e999",
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "true",
    "null",
    "None",
    "9" * 12,
    "9" * 25,
    "9" * 400,
    "9" * 5000,
    "(" * 40,
    "(" * 3000,
    "[" * 3000,
    "a" * 300,
    "1970-01-01",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "\\u0000",
    "\\ud800",
    "$(id)",
    "' OR 1=1 --",
    "../../etc/passwd",
)
"""What stands out somewhere: to a parser of addresses, of numbers, of JSON, of times, of mail headers."""

SPELLINGS = (
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1.50",
    "1E2",
    "0.1000000000000000055511151231257827",
    "18446744073709551616",
    "-9223372036854775809",
    "1e400",
    "-1e400",
    "1e-400",
    "1e999999",
    "9" * 400,
    "9" * 5000,
    "NaN",
    "Infinity",
    "-Infinity",
    '""',
    '" "',
    '"0"',
    '"é"',
    '"\\u00e9"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d\\ude42"',
    '"🙂"',
    '"a\\nb"',
    '"<b>&amp;</b>"',
    '"true"',
    '"12"',
    '"../1"',
    '"2020-01-02"',
    '"2020-02-30"',
    '"2020-01-02T03:04:05Z"',
    '"2020-01-02T03:04:05+02:00"',
    '"2020-01-02T03:04:05"',
    '"2020-01-02T03:04:05.123456789Z"',
    '"0001-01-01T00:00:00+14:00"',
    '"0001-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59Z"',
    '"9999-12-31T23:59:59-12:00"',
    '"294276-12-31T23:59:59Z"',
    '"infinity"',
    '"today"',
    f'"{"x" * 3000}"',
    f'"{"9" * 5000}"',
    "[]",
    "[null]",
    '["a",1]',
    "{}",
    '{"":""}',
    '{"data":null}',
    '{"data":[]}',
    '{"data":{"type":"Campus","id":"1"}}',
    '{"data":{"type":1,"id":null}}',
    '{"data":[{"type":"Campus","id":"1"},{"type":"Campus"}]}',
    "[" * 60 + "]" * 60,
    "[" * 3000 + "]" * 3000,
    '{"a":' * 60 + "1" + "}" * 60,
)
"""Values as JSON texts. Texts, because many of these survive no decoding; some are JSON only to lenient parsers."""

_LETTERS = "abcABC012 _-./:@\"'\\{}[]éñ漢🙂\0\ud800"


def one_of(chance: Random, choices: Sequence[str]) -> str:
    return choices[int(chance.random() * len(choices))]


def some_text(chance: Random, most: int = 8) -> str:
    """A short text of anything."""
    return "".join(chance.choices(_LETTERS, k=int(chance.random() * most)))


def varied_text(chance: Random, text: str, times: int = 3) -> str:
    """The text, changed in up to so many places, at least one."""
    for _ in range(1 + int(chance.random() * times)):
        text = _varied(chance, text, one_of(chance, FRAGMENTS))
    return text


def varied_bytes(chance: Random, data: bytes, times: int = 3) -> bytes:
    """The same for bytes, which need not be UTF-8 afterwards."""
    for _ in range(1 + int(chance.random() * times)):
        fragment = one_of(chance, FRAGMENTS).encode("utf-8", "surrogatepass")
        data = _varied(chance, data, chance.randbytes(1) if chance.random() < 0.2 else fragment)
    return data


def _varied(chance: Random, whole: AnyStr, fragment: AnyStr) -> AnyStr:
    at = int(chance.random() * (len(whole) + 1))
    to = min(len(whole), at + 1 + int(chance.random() ** 3 * len(whole)))
    how = int(chance.random() * 7)
    if how <= 1:
        return whole[:at] + fragment + whole[at:]
    if how == 2:  # in the place of one character
        return whole[:at] + fragment + whole[at + 1 :]
    if how == 3:
        return whole[:at] + whole[to:]
    if how == 4:
        return whole[:at] + whole[at:to] * 2 + whole[to:]
    if how == 5:
        return whole[:at] + fragment + whole[to:]
    return whole[at:to] + whole[:at] + whole[to:]


# JSON, as text


Members = Mapping[str, str]
"""An object: member → its value, as JSON text."""


def written(members: Members) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"


def listed(values: Sequence[str]) -> str:
    return "[" + ",".join(values) + "]"


def varied_members(chance: Random, members: Members, *, share: float = 0.15) -> dict[str, str]:
    """Members that each may be another, gone, or under another name; and perhaps some that nobody knows."""
    found: dict[str, str] = {}
    for name, value in members.items():
        lot = chance.random()
        if lot > share:
            found[name] = value
        elif lot > share * 0.25:
            found[name] = one_of(chance, SPELLINGS)
        elif lot > share * 0.15:
            found[varied_text(chance, name, 1)] = value
    if chance.random() < share:
        found[some_text(chance)] = one_of(chance, SPELLINGS)
    if chance.random() < share * 0.2:
        pairs = list(found.items())
        chance.shuffle(pairs)
        return dict(pairs)
    return found


# JSON, as Python has it

Tree = object
"""What `json.loads` gives."""


def varied_tree(chance: Random, tree: Tree, values: Sequence[Tree], times: int = 3) -> Tree:
    """A document with up to so many places changed. What is not changed is shared with the one given, which stays as it is."""
    for _ in range(1 + int(chance.random() * times)):
        tree = _varied_tree(chance, tree, values)
    return tree


def _varied_tree(chance: Random, tree: Tree, values: Sequence[Tree]) -> Tree:
    if isinstance(tree, dict) and tree and chance.random() < 0.93:
        key = chance.choice([*tree])
        return _varied_object(chance, tree, key, values)
    if isinstance(tree, list) and tree and chance.random() < 0.93:
        at = int(chance.random() * len(tree))
        return _varied_list(chance, tree, at, values)
    if isinstance(tree, str) and chance.random() < 0.5:
        return varied_text(chance, tree, 1)
    return chance.choice(values)


def _varied_object(
    chance: Random, tree: dict[str, Tree], key: str, values: Sequence[Tree]
) -> dict[str, Tree]:
    lot = chance.random()
    if lot < 0.8:
        return {**tree, key: _varied_tree(chance, tree[key], values)}
    if lot < 0.87:
        return {name: value for name, value in tree.items() if name != key}
    if lot < 0.94:
        return {(varied_text(chance, name, 1) if name == key else name): v for name, v in tree.items()}
    return {**tree, some_text(chance): chance.choice(values)}


def _varied_list(chance: Random, tree: list[Tree], at: int, values: Sequence[Tree]) -> list[Tree]:
    lot = chance.random()
    if lot < 0.8:
        return [*tree[:at], _varied_tree(chance, tree[at], values), *tree[at + 1 :]]
    if lot < 0.9:
        return [*tree[:at], *tree[at + 1 :]]
    return [*tree, tree[at]]


# Finding the least input that still fails


def least(whole: AnyStr, fails: Callable[[AnyStr], bool], *, tries: int = 2000) -> AnyStr:
    """A shorter input of which the same is true, found by leaving out parts: half of it first, single characters last."""
    size = len(whole)
    while size > 1 and tries > 0:
        size = max(1, size // 2)
        at = 0
        while at < len(whole) and tries > 0:
            shorter = whole[:at] + whole[at + size :]
            tries -= 1
            if fails(shorter):
                whole = shorter
            else:
                at += size
    return whole
