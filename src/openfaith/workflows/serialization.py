"""How arguments, results and errors of workflows are stored: plain JSON, never pickle.

Whoever can write to the engine's tables must not be able to run code in the workers, and a renamed class must
not break a stored row. Errors of ours come back as themselves; any other error comes back as `ForeignError`.
"""

from __future__ import annotations

import json
from typing import Any

from dbos import Serializer

from openfaith import errors
from openfaith.errors import PermanentError, SyncError

_ERROR = "$error"


class ForeignError(PermanentError):
    """An error that is not ours, or that this version does not know: its class and its text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


_CLASSES: dict[str, type[SyncError]] = {
    name: member
    for name, member in (vars(errors) | {"ForeignError": ForeignError}).items()
    if isinstance(member, type) and issubclass(member, SyncError)
}


class JsonSerializer(Serializer):
    """The engine's serializer: JSON, with errors as data."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=_encode, separators=(",", ":"))

    def deserialize(cls, serialized_data: str) -> Any:  # noqa: N805  # the engine's own signature
        return json.loads(serialized_data, object_hook=_decode)

    def name(self) -> str:
        return "openfaith_json"


def _encode(value: object) -> object:
    if isinstance(value, SyncError) and type(value).__name__ in _CLASSES:
        return {_ERROR: type(value).__name__, "args": list(value.args), "text": str(value)}
    if isinstance(value, BaseException):
        text = str(value)
        return {_ERROR: "ForeignError", "args": [type(value).__name__, text], "text": text}
    raise TypeError(f"{type(value).__name__} is no plain JSON value: steps pass small, plain data")


def _decode(value: dict[str, Any]) -> Any:
    if _ERROR not in value:
        return value
    kind = value[_ERROR]
    try:
        arguments = [tuple(a) if isinstance(a, list) else a for a in value["args"]]
        error = _CLASSES[kind](*arguments)
        str(error)  # its text is built only now, of whatever the arguments are
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
        # Another version of this program wrote it, with a class or an argument that this one does not have.
        return ForeignError(str(kind), str(value.get("text", "")))
    return error
