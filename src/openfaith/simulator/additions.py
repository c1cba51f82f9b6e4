"""Making a record that was never there: what it belongs to, what it refers to, and under which id it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from openfaith.simulator.contents import PRODUCT_PEOPLE
from openfaith.simulator.data import Church
from openfaith.simulator.dice import Dice
from openfaith.simulator.kinds import Row, make_record
from openfaith.simulator.relations import Beside, Children, Link, Outside, Pick, Told, Via
from openfaith.simulator.rows import Record, Reference

Found = dict[str, Reference | None]
"""What a new record refers to, as far as that is decided."""


def new_record(
    church: Church, entity_type: str, links: Mapping[str, Reference | None], *, now: str, dice: Dice
) -> Record:
    """A record of now; nothing in it refers to records that are gone.

    Args:
        church: where it will be; it is not stored here.
        entity_type: its type.
        links: what is decided already.
        now: its stamps.
        dice: choose what is not.
    """
    table = church.tables[entity_type]
    found = _Targets(church, dice).find(entity_type, links)
    record_id = _new_id(church, entity_type, found)
    row = Row(
        id=record_id,
        index=table.index_of(record_id),
        rank=_rank(church, entity_type, found),
        dice=church.world.dice(entity_type, record_id, "added"),
        created_at=now,
        updated_at=now,
        links=found,
    )
    record = make_record(table.entity, church.kinds[entity_type], row, church.world)
    for link in church.relations.links_of(entity_type):
        target = record.links.get(link.name)
        if target is not None and not link.kept and not church.has(target):
            record = record.with_link(link.name, None)
    return record


def is_product_person(entity_type: str) -> bool:
    """Whether the records are people as one product knows them, under the ids of the people they are."""
    return entity_type in PRODUCT_PEOPLE


def _new_id(church: Church, entity_type: str, links: Mapping[str, Reference | None]) -> int:
    """An id of its own, or that of the person that a product's person is."""
    person = links.get("person") if is_product_person(entity_type) else None
    return person.id if person is not None else church.tables[entity_type].new_id()


def _rank(church: Church, entity_type: str, links: Mapping[str, Reference | None]) -> int:
    """How many siblings a new record finds."""
    for link in church.relations.links_of(entity_type):
        owner = links.get(link.name) if is_needed(link) else None
        if owner is not None:
            return len(church.reach(owner, Children(type=entity_type, link=link.name)))
    return 0


def is_needed(link: Link) -> bool:
    """What a new record cannot do without: its owners, and a household its contact."""
    return link.owned or (link.type, link.name) == ("Household", "primary_contact")


class _Targets:
    """Finds what new records refer to, among those that live."""

    def __init__(self, church: Church, dice: Dice) -> None:
        self._church = church
        self._dice = dice

    def find(self, entity_type: str, links: Mapping[str, Reference | None]) -> Found:
        """All links that can be found without the record; later ones may build on earlier ones."""
        found = dict(links)
        for link in self._church.relations.links_of(entity_type):
            self._find(link, found)
        return found

    def _find(self, link: Link, found: Found) -> None:
        if link.name in found:
            return
        match link.rule:
            case Via() as rule:
                found[link.name] = self._by_way_of(link.type, rule, found)
            case Outside() | Beside():
                found[link.name] = None
            case Pick() as rule if is_product_person(link.type) and rule.to == "Person":
                found[link.name] = self._somebody_unknown(link.type)
            case Pick() as rule:
                found[link.name] = self._picked(rule, found)
            case Told() | None:
                if is_needed(link):
                    found[link.name] = self._any(link.to, self._church.tables[link.to].ids)

    def _by_way_of(self, entity_type: str, rule: Via, found: Found) -> Reference | None:
        nearer = self._church.relations.link_named(entity_type, rule.link)
        if nearer is not None:
            self._find(nearer, found)
        between = found.get(rule.link)
        record = self._church.find(between) if between and rule.onward else None
        return record.links.get(rule.onward) if record else None if rule.onward else between

    def _picked(self, rule: Pick, found: Found) -> Reference | None:
        """One of the live records that the rule allows."""
        if rule.to not in self._church.tables or rule.turn or not self._dice.percent(rule.percent):
            return None
        table = self._church.tables[rule.to]
        if rule.matching is None:
            return self._any(rule.to, table.ids[: rule.first])
        common = found.get(rule.matching[0])
        return self._any(rule.to, table.referring(rule.matching[1]).get(common.id, ()) if common else ())

    def _somebody_unknown(self, entity_type: str) -> Reference | None:
        """A person whom the product does not know yet."""
        if "Person" not in self._church.tables:
            return None
        known = self._church.tables[entity_type]
        return self._any("Person", [one for one in self._church.tables["Person"].ids if one not in known])

    def _any(self, entity_type: str, ids: Sequence[int]) -> Reference | None:
        return Reference(entity_type, self._dice.pick(ids)) if ids else None
