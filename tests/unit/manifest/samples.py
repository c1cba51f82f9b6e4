"""A small manifest of a made-up API, for tests to change."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.manifest import Manifest, load_manifest

Document = dict[str, object]


def endpoint(name: str, path: str, *, method: str = "GET", collection: bool = False) -> Document:
    return {"name": name, "method": method, "path": path, "collection": collection}


def listed(path: str, **members: object) -> Document:
    """An entity with a collection of its own at `/church/v1/<path>`."""
    entity: Document = {
        "attributes": {"name": "string", "updated_at": "date_time"},
        "endpoints": [
            endpoint("list", f"/church/v1/{path}", collection=True),
            endpoint("get", f"/church/v1/{path}/{{id}}"),
        ],
    }
    return entity | members


def nested(path: str, **members: object) -> Document:
    """An entity that is read below another, at `/church/v1/<path>`."""
    entity: Document = {
        "attributes": {"name": "string"},
        "endpoints": [endpoint("list", f"/church/v1/{path}", collection=True)],
    }
    return entity | members


def owned(path: str, below: str, **members: object) -> Document:
    """An entity with a collection of its own that is created at `/church/v1/<below>`."""
    entity = listed(path, **members)
    endpoints = entity["endpoints"]
    assert isinstance(endpoints, list)
    endpoints.append(endpoint("create", f"/church/v1/{below}", method="POST"))
    return entity


def document(entities: Mapping[str, object], **members: object) -> Document:
    whole: Document = {
        "product": "church",
        "base_path": "/church/v1",
        "version": "2025-01-01",
        "max_page_size": 100,
        "entities": dict(entities),
    }
    return whole | members


def load(entities: Mapping[str, object], **members: object) -> Manifest:
    return load_manifest(
        {"church.json": document(entities, **members)}, adapter="sample", default_product="church"
    )


def church() -> dict[str, object]:
    """Rooms, people, and addresses that belong to people."""
    return {
        "Room": listed("rooms"),
        "Person": listed(
            "people",
            relationships={"room": {"to": "Room"}},
            includes={"room": "Room", "addresses": "Address"},
            order_by=["name", "updated_at"],
            query_by=["id", "room_id", "updated_at", "search"],
            computed_keys=["search"],
        ),
        "Address": owned(
            "addresses", "people/{person_id}/addresses", relationships={"person": {"to": "Person"}}
        ),
    }
