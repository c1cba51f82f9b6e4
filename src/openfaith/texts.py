"""Texts that come from elsewhere, made so that PostgreSQL can keep them."""

from __future__ import annotations


def storable_text(text: str) -> str:
    """The same text; what PostgreSQL cannot keep in one, U+0000 and halves of surrogate pairs, replaced by U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable_json(value: object) -> object:
    """The same JSON value, its texts made storable."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(str(key)): storable_json(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(member) for member in value]
    return value
