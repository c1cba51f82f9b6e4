"""One entity of a manifest file, read member by member."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from openfaith.manifest.entity import (
    Attribute,
    AttributeType,
    Endpoint,
    Entity,
    Method,
    Product,
    Relationship,
)
from openfaith.manifest.problems import Place
from openfaith.records import EntityName
from openfaith.retries import REQUEST, RetryPolicy

ENTITY_MEMBERS = (
    "type",
    "same_as",
    "note",
    "only_when_asked",
    "relationships",
    "includes",
    "order_by",
    "query_by",
    "computed_keys",
    "create_fields",
    "update_fields",
    "retries",
)


@dataclass(frozen=True, slots=True)
class EntityReader:
    """Reads one entity. What every endpoint of a kind shares is written once, at the entity."""

    place: Place
    value: object
    product: Product
    names: Collection[EntityName]
    retries: RetryPolicy | None
    """The adapter's."""

    def entity(self, name: str) -> Entity:
        members = self.place.members(
            self.value, required=("attributes", "endpoints"), optional=ENTITY_MEMBERS
        )
        includes = self._includes(members.get("includes", {}))
        return Entity(
            name=EntityName(f"{self.product.name}.{name}"),
            type=(self.place / "type").text(members.get("type", name)),
            product=self.product.name,
            attributes=self._attributes(members.get("attributes", {}), members.get("only_when_asked", [])),
            relationships=self._relationships(members.get("relationships", {})),
            endpoints=self._endpoints(members, tuple(includes)),
            include_targets=includes,
            computed_keys=self._list(members, "computed_keys"),
            same_as=self._same_as(EntityName(f"{self.product.name}.{name}"), members.get("same_as")),
            retries=self._retries(members["retries"]) if "retries" in members else self.retries,
            note=(self.place / "note").text(members.get("note", "")),
        )

    def _retries(self, value: object) -> RetryPolicy:
        place, policy = self.place / "retries", self.retries or REQUEST
        members = place.members(value, required=(), optional=("attempts", "base_seconds", "cap_seconds"))
        attempts = (place / "attempts").number(members.get("attempts", policy.attempts), most=20)
        base, cap = (
            (place / f"{name}_seconds").number(
                members.get(f"{name}_seconds", getattr(policy, name).total_seconds()),
                most=3600,
                whole=False,
            )
            for name in ("base", "cap")
        )
        return replace(
            policy, attempts=int(attempts), base=timedelta(seconds=base), cap=timedelta(seconds=cap)
        )

    def _list(self, members: Mapping[str, object], member: str) -> tuple[str, ...]:
        return (self.place / member).names(members.get(member, []))

    def _attributes(self, value: object, only_when_asked: object) -> dict[str, Attribute]:
        place = self.place / "attributes"
        types = place.mapping(value)
        asked = (self.place / "only_when_asked").names(only_when_asked)
        for name in asked:
            (self.place / "only_when_asked").known(name, types, "no attribute")
        return {
            name: Attribute(
                name=name, type=_attribute_type(place / name, kind), only_when_asked=name in asked
            )
            for name, kind in types.items()
        }

    def _relationships(self, value: object) -> dict[str, Relationship]:
        place = self.place / "relationships"
        return {name: self._relationship(place / name, name, v) for name, v in place.mapping(value).items()}

    def _relationship(self, place: Place, name: str, value: object) -> Relationship:
        members = place.members(value, required=("to",), optional=("many", "polymorphic"))
        polymorphic = (place / "polymorphic").truth(members.get("polymorphic", False))
        target = self._target(place / "to", members.get("to"))
        if polymorphic and target is not None:
            place.wrong(f"polymorphic, yet to {target}", "null as the target of a polymorphic relationship")
        many = (place / "many").truth(members.get("many", False))
        return Relationship(name=name, to=target, many=many, polymorphic=polymorphic)

    def _same_as(self, own: EntityName, value: object) -> EntityName | None:
        place = self.place / "same_as"
        target = self._target(place, value)
        if target == own:
            place.wrong("itself", "another entity")
        return target

    def _includes(self, value: object) -> dict[str, EntityName | None]:
        place = self.place / "includes"
        return {name: self._target(place / name, target) for name, target in place.mapping(value).items()}

    def _target(self, place: Place, value: object) -> EntityName | None:
        """Another entity, or null where the source's documentation does not say which."""
        if value is None:
            return None
        name = place.text(value)
        return entity_reference(place, name, self.product, self.names) if name else None

    def _endpoints(self, members: Mapping[str, object], includes: tuple[str, ...]) -> tuple[Endpoint, ...]:
        shared = _Shared(
            includes=includes,
            order_by=self._list(members, "order_by"),
            query_by=self._list(members, "query_by"),
            create_fields=self._list(members, "create_fields"),
            update_fields=self._list(members, "update_fields"),
        )
        rows = (self.place / "endpoints").rows(members.get("endpoints", []))
        endpoints = tuple((place, _endpoint(place, value, shared)) for place, value in rows)
        for place, endpoint in endpoints:
            self._check_edge(place / "name", endpoint.name)
        return tuple(endpoint for _, endpoint in endpoints)

    def _check_edge(self, place: Place, name: str) -> None:
        """`Form.campus`, an endpoint of Campus, belongs to a Form."""
        origin, dot, _ = name.rpartition(".")
        if dot:
            entity_reference(place, origin, self.product, self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shared:
    """What an entity says once for all its endpoints."""

    includes: tuple[str, ...]
    order_by: tuple[str, ...]
    query_by: tuple[str, ...]
    create_fields: tuple[str, ...]
    update_fields: tuple[str, ...]


def _endpoint(place: Place, value: object, shared: _Shared) -> Endpoint:
    """Includes hold for every GET, keys for every collection, fields for the one method that writes them."""
    members = place.members(value, required=("name", "method", "path"), optional=("collection",))
    method = _method(place / "method", members.get("method", "GET"))
    collection = (place / "collection").truth(members.get("collection", False))
    if collection and method is not Method.GET:
        place.wrong(f"{method} of a collection", "GET: only reading answers a list")
    written = {Method.POST: shared.create_fields, Method.PATCH: shared.update_fields}
    return Endpoint(
        name=(place / "name").text(members.get("name", "")),
        method=method,
        path=(place / "path").text(members.get("path", "")),
        collection=collection,
        includes=shared.includes if method is Method.GET else (),
        order_by=shared.order_by if collection else (),
        query_by=shared.query_by if collection else (),
        fields=written.get(method, ()),
    )


def _method(place: Place, value: object) -> Method:
    name = place.text(value)
    return Method(name) if place.known(name, list(Method), "the method") else Method.GET


def _attribute_type(place: Place, value: object) -> AttributeType:
    name = place.text(value)
    known = bool(name) and place.known(name, list(AttributeType), "the type")
    return AttributeType(name) if known else AttributeType.STRING


def entity_reference(place: Place, name: str, product: Product, names: Collection[EntityName]) -> EntityName:
    """Another entity by `Person` (of the same product) or `giving.Donation`."""
    full = EntityName(name if "." in name else f"{product.name}.{name}")
    place.known(full, names, "no entity")
    return full
