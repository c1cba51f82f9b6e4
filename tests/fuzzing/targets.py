"""All targets."""

from __future__ import annotations

from typing import Any

from fuzzing import answers, database, manifests, operators, stored
from fuzzing.target import Target

IN_MEMORY: tuple[Target[Any], ...] = (
    *answers.TARGETS,
    *operators.TARGETS,
    *manifests.TARGETS,
    *stored.TARGETS,
)
IN_DATABASE: tuple[Target[Any], ...] = database.TARGETS
"""Those that need a PostgreSQL."""

TARGETS = (*IN_MEMORY, *IN_DATABASE)
