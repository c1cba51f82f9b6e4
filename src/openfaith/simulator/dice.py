"""Choices that look random and depend on nothing but their key.

A record can so be made at any time, in any order, and come out the same: nothing has to be kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_BLOCK_BYTES = 64
_REFILL_BELOW = 1 << 64
"""Below this the pool has too few bits left for an even choice."""


class Dice:
    """A stream of choices; two dice of one key give the same ones in the same order."""

    __slots__ = ("_blocks", "_key", "_pool")

    def __init__(self, *key: object) -> None:
        self._key = "\x1f".join(map(str, key)).encode()
        self._blocks = 0
        self._pool = 0
        self._refill()

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit - 1``; ``limit`` is at most 2**48, or the choice would be uneven."""
        if self._pool < _REFILL_BELOW:
            self._refill()
        self._pool, chosen = divmod(self._pool, limit)
        return chosen

    def pick(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))]

    def one_in(self, times: int) -> bool:
        """True once in ``times``, on average."""
        return self.below(times) == 0

    def percent(self, share: int) -> bool:
        """True in ``share`` of a hundred cases, on average."""
        return self.below(100) < share

    def chance(self, probability: float) -> bool:
        """True with a probability between 0 and 1, to the nearest millionth."""
        return self.below(1_000_000) < probability * 1_000_000

    def _refill(self) -> None:
        digest = hashlib.blake2b(
            self._key, digest_size=_BLOCK_BYTES, salt=self._blocks.to_bytes(16, "little")
        )
        self._pool = int.from_bytes(digest.digest(), "little")
        self._blocks += 1
