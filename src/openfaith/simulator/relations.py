"""How the records of a church hang together: which references there are, and what a path or an include reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from openfaith.simulator.rows import DEFAULT_PRODUCT, Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """The reference of a record is chosen by chance."""

    to: str
    percent: int = 100
    """How many of a hundred records refer to something."""
    matching: tuple[str, str] | None = None
    """A link of the record (`id`: itself) and one of its target that must lead to the same: a plan's people are of
    the teams of its service type."""
    first: int | None = None
    """Choose among so many of the first records only: a church has a few who do everything."""
    owned: bool = False
    """Whether the record goes when its target goes."""
    earlier: bool = False
    """Whether only a record with a smaller id will do: nobody is their own parent."""
    turn: tuple[int, int] | None = None
    """(place, of): of so many records in a row only the one at this place refers: attachments of songs, of plans, …"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Via:
    """The reference is that of another record, which this one refers to: a check-in is of its period's event."""

    link: str
    onward: str = ""
    """Empty: that record itself, under another name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """The record before (-1) or behind (1) this one, of those with the same owner: the next plan."""

    to: str
    step: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outside:
    """The reference leads to a record that the API names and never shows."""

    to: str
    percent: int = 30


@dataclass(frozen=True, slots=True)
class Told:
    """What fills the record says it: the target's type differs from record to record."""


Rule = Pick | Via | Beside | Outside | Told


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One kind of reference from record to record."""

    type: str
    """Whose records refer."""
    name: str
    to: str
    """To records of which type; empty where that differs from record to record, and follows from other links."""
    owned: bool = False
    """True: the record goes when its target goes. False: it stays, and refers to nothing."""
    kept: bool = False
    """True for a reference that stays as it is even when its target is gone: history."""
    rule: Rule | None = None
    """How the target is found; None where what fills the record says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToOne:
    """What the record itself refers to."""

    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Children:
    """The records of another type that refer to this one."""

    type: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Only:
    """The one record of another type that refers to this one, if there is one: the enrollment of a group."""

    type: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Through:
    """The targets of the records that refer to this one: people of a household, through its memberships."""

    type: str
    link: str
    onward: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """What several edges reach one after the other, by their names: a person's groups are `memberships`, `group`."""

    edges: tuple[str, ...]


Edge = ToOne | Children | Only | Through | Chain


def links_for(product: str, rules: Mapping[str, Mapping[str, Rule]]) -> tuple[Link, ...]:
    """The links of one product's entities as its contents write them: entity → link → rule, in the product's own names."""
    return tuple(
        link_by_rule(_in(product, entity), name, _qualified(product, rule))
        for entity, named in rules.items()
        for name, rule in named.items()
    )


def edges_for(product: str, edges: Mapping[str, Mapping[str, Edge]]) -> dict[tuple[str, str], Edge]:
    """The same of edges."""
    return {
        (_in(product, entity), name): replace(edge, type=_in(product, edge.type))
        if isinstance(edge, Children | Only | Through)
        else edge
        for entity, named in edges.items()
        for name, edge in named.items()
    }


def link_by_rule(entity_type: str, name: str, rule: Rule) -> Link:
    """A link whose rule says everything; what a link via another leads to is found out when all are known."""
    match rule:
        case Via():
            return Link(type=entity_type, name=name, to="", rule=rule)
        case Outside():
            return Link(type=entity_type, name=name, to=rule.to, kept=True, rule=rule)
        case Told():
            return Link(type=entity_type, name=name, to="")
        case Beside():
            return Link(type=entity_type, name=name, to=rule.to, rule=rule)
        case Pick():
            return Link(type=entity_type, name=name, to=rule.to, owned=rule.owned, rule=rule)


def _in(product: str, entity: str) -> str:
    """The type of a product's entity; one of another product is named with it."""
    return entity if product == DEFAULT_PRODUCT or "." in entity else f"{product}.{entity}"


def _qualified(product: str, rule: Rule) -> Rule:
    return rule if isinstance(rule, Via | Told) else replace(rule, to=_in(product, rule.to))


class Relations:
    """All references and edges of one church."""

    def __init__(self, links: Iterable[Link], edges: Mapping[tuple[str, str], Edge]) -> None:
        """``edges`` are beside those that follow from a link of the same name."""
        self.links = tuple(links)
        self._edges = edges
        self._by_name = {(link.type, link.name): link for link in self.links}
        self._of: dict[str, list[Link]] = {}
        self._to: dict[str, list[Link]] = {}
        self._following: dict[tuple[str, str], list[Link]] = {}
        for link in self.links:
            self._of.setdefault(link.type, []).append(link)
            self._to.setdefault(link.to, []).append(link)
        for link in self.links:
            if isinstance(link.rule, Via):
                leads = self._by_name[link.type, link.rule.link].to
                self._following.setdefault((leads, link.rule.onward), []).append(link)

    def edge(self, entity_type: str, name: str) -> Edge | None:
        """What an include or the last part of a path reaches from a record; None where the church has nothing of it."""
        if (entity_type, name) in self._edges:
            return self._edges[entity_type, name]
        return ToOne(link=name) if (entity_type, name) in self._by_name else None

    def links_to(self, entity_type: str) -> Iterator[Link]:
        """The references that may point at records of this type."""
        return iter(self._to.get(entity_type, ()))

    def links_of(self, entity_type: str) -> Iterator[Link]:
        """The references that records of this type may hold."""
        return iter(self._of.get(entity_type, ()))

    def following(self, entity_type: str, name: str) -> Iterator[Link]:
        """The references of other records that repeat this one."""
        return iter(self._following.get((entity_type, name), ()))

    def link_named(self, entity_type: str, name: str) -> Link | None:
        return self._by_name.get((entity_type, name))

    def target_type(self, entity_type: str, link: str) -> str:
        """What a reference points at."""
        return self._by_name[entity_type, link].to


def pointed_at(links: Mapping[str, Reference | None]) -> Iterator[Reference]:
    """The targets of a record's references."""
    return (target for target in links.values() if target is not None)
