"""What a schema looks like, so that two can be compared."""

from __future__ import annotations

from support.mirror import ask

_TABLES = """
SELECT c.relname, c.relkind::text, obj_description(c.oid, 'pg_class')
FROM pg_class AS c WHERE c.relnamespace = %s::regnamespace ORDER BY 1
"""
_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
       pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, 2
"""
_INDEXES = """
SELECT replace(pg_get_indexdef(i.indexrelid), ' ' || c.relnamespace::regnamespace || '.', ' ')
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
WHERE c.relnamespace = %s::regnamespace ORDER BY 1
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = %s::regnamespace AND contype <> 'n' ORDER BY 1, 2
"""
_FUNCTIONS = """
SELECT pg_get_functiondef(oid), obj_description(oid, 'pg_proc') FROM pg_proc
WHERE pronamespace = %s::regnamespace ORDER BY 1
"""


def describe(url: str, schema: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything in a schema but the order of columns, in which a table shows its age."""
    parts = {
        "tables": _TABLES,
        "columns": _COLUMNS,
        "indexes": _INDEXES,
        "constraints": _CONSTRAINTS,
        "functions": _FUNCTIONS,
    }
    found = {part: ask(url, statement, schema) for part, statement in parts.items()}
    found["constraints"] = [
        (str(table).removeprefix(f"{schema}."), text) for table, text in found["constraints"]
    ]
    return found
