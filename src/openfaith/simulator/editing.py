"""Carrying out a change, with all that follows from it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from openfaith.errors import ConfigurationError, UnknownNameError
from openfaith.simulator.additions import is_product_person, new_record
from openfaith.simulator.changes import Account, Add, Change, Delete, Merge, Restore, Update
from openfaith.simulator.contents import PRODUCT_PEOPLE
from openfaith.simulator.data import Church
from openfaith.simulator.dice import Dice
from openfaith.simulator.relations import Children, Link, Pick, Told, Via
from openfaith.simulator.returns import returning
from openfaith.simulator.rows import Record, Reference
from openfaith.simulator.stamps import stamp
from openfaith.simulator.variations import name_of, names_of, other_values, referring_to, with_full_name

TOUCHING_THEIR_PERSON = frozenset({"Address", "Email", "PhoneNumber"})
"""A change of these moves the person's `updated_at` too (said by staff of Planning Center in 2017)."""


def apply(church: Church, change: Change, *, at: int, ordinal: int) -> Account:
    """Carry out one change.

    Args:
        church: whose records change.
        change: what to do.
        at: the moment by the simulator's clock, a Unix time.
        ordinal: the number of the change; with the church's seed it decides what is chosen by chance.

    Raises:
        UnknownNameError: an entity, attribute or record that does not exist. Nothing was changed.
        ConfigurationError: a change that contradicts itself. Nothing was changed.
    """
    editor = _Editor(
        church,
        at + change.stamp_offset_seconds,
        ordinal,
        blind=not isinstance(change, Add) and change.blind,
        late=change.stamp_offset_seconds < 0,
    )
    match change:
        case Update():
            editor.update(change)
        case Add():
            editor.add(change)
        case Delete():
            editor.delete(change)
        case Merge():
            editor.merge(change)
        case Restore():
            editor.restore(change)
    return editor.account


class _Editor:
    """One change at work."""

    def __init__(self, church: Church, at: int, ordinal: int, *, blind: bool, late: bool) -> None:
        self.account = Account()
        self._church = church
        self._relations = church.relations
        self._ordinal = ordinal
        self._now = stamp(at)
        self._blind = blind
        self._late = late
        self._dice = Dice(church.seed, "change", ordinal)
        self._noted: set[Reference] = set()
        self._doomed: set[Reference] = set()
        """Being deleted, with those they belong to: not worth a new stamp."""

    def update(self, change: Update) -> None:
        table = self._church.table(change.entity)
        links = self._targets(table.type, change.links)
        self._check_attributes(table.type, change.attributes)
        for record_id in self._chosen(table.type, change.ids, change.count):
            record = table.record(record_id)
            attributes = change.attributes or ({} if links else self._variation(table.type, record))
            for name, target in links.items():
                record = record.with_link(name, target)
            self._save(table.type, record.with_attributes(with_full_name(record, attributes)))

    def add(self, change: Add) -> None:
        table = self._church.table(change.entity)
        links = self._targets(table.type, change.links)
        self._check_attributes(table.type, change.attributes)
        for _ in range(change.count):
            record = self._new_record(table.type, links)
            if not self._has_owners(table.type, record):
                return  # it could not be reached
            if is_product_person(table.type):
                if record.links["person"] is None:
                    return  # whoever the church knows, the product knows already
                record = self._named_like_the_person(record)
            self._save(table.type, record.with_attributes(with_full_name(record, change.attributes)))

    def _has_owners(self, entity_type: str, record: Record) -> bool:
        """Whether there was one of each kind that it belongs to."""
        links = self._church.relations.links_of(entity_type)
        owners = [link.name for link in links if link.owned and isinstance(link.rule, Pick | Told | None)]
        return all(record.links.get(name) is not None for name in owners)

    def delete(self, change: Delete) -> None:
        table = self._church.table(change.entity)
        for record_id in self._chosen(table.type, change.ids, change.count):
            if record_id in table:  # it may have gone with one deleted before
                self._delete(Reference(table.type, record_id))

    def merge(self, change: Merge) -> None:
        if (change.loser is None) != (change.keeper is None):
            raise ConfigurationError("merge", "only one of loser and keeper", "both, or neither")
        if change.loser is not None and change.loser == change.keeper:
            raise ConfigurationError("merge", f"person {change.loser} into itself", "two people")
        if change.loser is not None and change.keeper is not None:
            loser, keeper = self._chosen("Person", (change.loser, change.keeper), 0)
            self._merge(loser, keeper)
            return
        chosen = self._chosen("Person", (), 2 * change.count)
        for loser, keeper in zip(chosen[::2], chosen[1::2], strict=False):
            self._merge(loser, keeper)

    def restore(self, change: Restore) -> None:
        table = self._church.table(change.entity)
        for record in returning(self._church, table.type, change.ids, change.count, self._dice):
            self._restore(table.type, record)

    # What these are made of.

    def _restore(self, entity_type: str, record: Record) -> None:
        if entity_type == "HouseholdMembership" and self._is_member(
            record.links["person"], record.links["household"]
        ):
            return  # a household that came back has its contact as a member already
        if is_product_person(entity_type):
            record = self._named_like_the_person(record)
        if not self._blind and "updated_at" in record.attributes:
            record = record.with_attributes({"updated_at": self._new_stamp(record)})
        self._save(entity_type, record)

    def _save(self, entity_type: str, record: Record) -> None:
        """Store a record, new or changed, with all that follows from it."""
        reference = Reference(entity_type, record.id)
        before = self._church.find(reference)
        if before is not None and not self._blind and "updated_at" in record.attributes:
            record = record.with_attributes({"updated_at": self._new_stamp(before)})
        self._put(reference, record)
        self._follow(entity_type, record, before)

    def _new_stamp(self, before: Record) -> str:
        """What is seen late was still done in order: it does not set a stamp back."""
        known = before.attributes["updated_at"]
        return max(self._now, known) if self._late and isinstance(known, str) else self._now

    def _put(self, reference: Reference, record: Record) -> None:
        """Store a record as it is given, and let those that repeat its references follow."""
        before = self._church.find(reference)
        self._church.put(reference.type, record)
        if reference not in self._noted:
            self._note(self.account.added if before is None else self.account.updated, reference)
        for name, target in record.links.items():
            if before is not None and before.links.get(name) != target:
                self._pass_on(reference, name, target)

    def _pass_on(self, reference: Reference, name: str, target: Reference | None) -> None:
        """Records that refer to what this one refers to, because it does, refer to the new target."""
        for link in self._relations.following(reference.type, name):
            assert isinstance(link.rule, Via)
            near = Children(type=link.type, link=link.rule.link)
            for one in self._church.reach(reference, near):
                record = self._church.find(one)
                if record is not None and record.links.get(link.name) != target:
                    self._put(one, record.with_link(link.name, target))

    def _note(self, records: dict[str, list[str]], reference: Reference) -> None:
        self._noted.add(reference)
        records.setdefault(reference.type, []).append(str(reference.id))

    def _follow(self, entity_type: str, record: Record, before: Record | None) -> None:
        """Keep the neighbours of a changed record right."""
        match entity_type:
            case "HouseholdMembership":
                homes = [side.links["household"] for side in (before, record) if side is not None]
                for home in dict.fromkeys(homes):
                    self._recount(home)
            case "Household" if before is None:
                self._move_in(record)
            case "Person" if before is not None and _is_renamed(before, record):
                self._rename(record)
            case _:
                self._touch_person(entity_type, record)

    def _touch_person(self, entity_type: str, record: Record) -> None:
        if entity_type in TOUCHING_THEIR_PERSON and not self._blind:
            self._touch(record.links["person"])

    def _touch(self, reference: Reference | None) -> None:
        """Move a stamp and nothing else."""
        record = self._church.find(reference) if reference and reference not in self._doomed else None
        if reference is not None and record is not None:
            self._save(reference.type, record)

    def _delete(self, reference: Reference) -> None:
        """Take a record away: first what belongs to it, then what only referred to it is told."""
        self._doomed.add(reference)
        for link in sorted(self._relations.links_to(reference.type), key=lambda link: not link.owned):
            for child in self._pointing(link, reference):
                if link.owned:
                    self._delete(child)
                else:
                    self._point(child, link.name, None)
        record = self._church.find(reference)
        if record is not None:
            self._church.remove(reference.type, reference.id)
            self._note(self.account.deleted, reference)
            self._follow_removal(reference.type, record)

    def _follow_removal(self, entity_type: str, record: Record) -> None:
        if entity_type == "HouseholdMembership":
            self._recount(record.links["household"])
        self._touch_person(entity_type, record)

    def _merge(self, loser_id: int, keeper_id: int) -> None:
        loser, keeper = Reference("Person", loser_id), Reference("Person", keeper_id)
        for product_person in sorted(PRODUCT_PEOPLE):
            self._merge_in_product(product_person, loser_id, keeper_id)
        self._hand_over_all(loser, keeper)
        self._delete(loser)
        self._church.gone["Person"].pop(loser_id)  # merged for good
        self._touch(keeper)
        links: dict[str, Reference | None] = {"person_to_keep": keeper, "person_to_remove": loser}
        self._save("PersonMerger", self._new_record("PersonMerger", links))
        self.account.merged.append((str(loser_id), str(keeper_id)))

    def _merge_in_product(self, entity_type: str, loser_id: int, keeper_id: int) -> None:
        """What a product knows of the loser goes to the keeper, whom it knows from now on."""
        loser, keeper = Reference(entity_type, loser_id), Reference(entity_type, keeper_id)
        record = self._church.find(loser)
        if record is None:
            return
        if not self._church.has(keeper):
            links = {**record.links, "person": Reference("Person", keeper_id)}
            kept = Record(keeper_id, record.attributes, links)
            self._save(entity_type, self._named_like_the_person(kept))
        self._hand_over_all(loser, keeper)
        self._delete(loser)

    def _named_like_the_person(self, record: Record) -> Record:
        person = self._church.find(Reference("Person", record.id))
        return record.with_attributes(names_of(person, record)) if person is not None else record

    def _hand_over_all(self, loser: Reference, keeper: Reference) -> None:
        links = [link for link in self._relations.links_to(loser.type) if link.type not in PRODUCT_PEOPLE]
        for link in sorted(links, key=lambda link: link.owned):
            for child in self._pointing(link, loser):
                self._hand_over(child, link, keeper)

    def _hand_over(self, child: Reference, link: Link, keeper: Reference) -> None:
        """Let what was the loser's be the keeper's; nobody is twice in one household, or has two primary addresses."""
        record = self._church.find(child)
        if record is None:
            return
        if child.type == "HouseholdMembership" and self._is_member(keeper, record.links["household"]):
            self._delete(child)
            return
        siblings = self._church.reach(keeper, Children(type=child.type, link=link.name)) if link.owned else ()
        if siblings and record.attributes.get("primary"):
            self._put(child, record.with_attributes({"primary": False}))
        self._point(child, link.name, keeper)

    def _point(self, child: Reference, link: str, target: Reference | None) -> None:
        """Let a record refer to another; what only an include shows moves no stamp."""
        record = self._church.find(child)
        if record is None:
            return
        record = referring_to(self._church, record, link, target)
        if link in self._church.entities[child.type].relationships:
            self._save(child.type, record)
        else:
            self._put(child, record)

    def _recount(self, home: Reference | None) -> None:
        """A household knows how many it has and has one of them as primary contact; an empty one is gone."""
        before = self._church.find(home) if home and home not in self._doomed else None
        if home is None or before is None:
            return
        memberships = self._church.reach(home, Children(type="HouseholdMembership", link="household"))
        members = [self._church.tables[one.type].record(one.id).links["person"] for one in memberships]
        if not members:
            self._delete(home)
            return
        contact = before.links["primary_contact"]
        contact = contact if contact in members else members[0]
        facts = {"member_count": len(members), "primary_contact_name": name_of(self._church, contact)}
        after = before.with_link("primary_contact", contact).with_attributes(facts)
        if after != before:
            self._save("Household", after)

    def _move_in(self, household: Record) -> None:
        """A new household has its primary contact as its member."""
        links = {
            "person": household.links["primary_contact"],
            "household": Reference("Household", household.id),
        }
        self._save("HouseholdMembership", self._new_record("HouseholdMembership", links))

    def _rename(self, person: Record) -> None:
        """Some records repeat a person's name."""
        reference = Reference("Person", person.id)
        name = person.attributes["name"]
        for entity_type, link in (("HouseholdMembership", "person"), ("Household", "primary_contact")):
            for child in self._church.reach(reference, Children(type=entity_type, link=link)):
                record = self._church.tables[entity_type].record(child.id)
                self._save(entity_type, record.with_attributes({f"{link}_name": name}))
        for one in self._known_as(person.id):
            record = self._church.tables[one.type].record(one.id)
            self._save(one.type, record.with_attributes(names_of(person, record)))

    def _known_as(self, person_id: int) -> Iterator[Reference]:
        """A person as each product knows them."""
        known = (Reference(entity_type, person_id) for entity_type in sorted(PRODUCT_PEOPLE))
        return filter(self._church.has, known)

    def _new_record(self, entity_type: str, links: Mapping[str, Reference | None]) -> Record:
        return new_record(self._church, entity_type, links, now=self._now, dice=self._dice)

    def _variation(self, entity_type: str, record: Record) -> Mapping[str, object]:
        return other_values(
            self._church, entity_type, record, now=self._now, ordinal=self._ordinal, dice=self._dice
        )

    def _chosen(self, entity_type: str, ids: Sequence[str], count: int) -> list[int]:
        """The records that are meant, all of them live."""
        table = self._church.tables[entity_type]
        unknown = [record_id for record_id in ids if not record_id.isdecimal() or int(record_id) not in table]
        if unknown:
            raise UnknownNameError(
                "record",
                f"{entity_type} {unknown[0]}",
                (),
                "in the simulated church; it may be deleted or merged",
            )
        if ids:
            return [int(record_id) for record_id in ids]
        chance = random.Random(self._dice.below(1 << 48))
        return chance.sample(table.ids, min(count, len(table.ids)))

    def _check_attributes(self, entity_type: str, attributes: Iterable[str]) -> None:
        for name in attributes:
            if name not in self._church.entities[entity_type].attributes:
                raise UnknownNameError("attribute", f"{entity_type}.{name}")

    def _targets(self, entity_type: str, links: Mapping[str, str | None]) -> dict[str, Reference | None]:
        targets: dict[str, Reference | None] = {}
        for name, target in links.items():
            link = self._relations.link_named(entity_type, name)
            if link is None:
                raise UnknownNameError("relationship", f"{entity_type}.{name}")
            chosen = [] if target is None else self._chosen(link.to, (target,), 0)
            targets[name] = Reference(link.to, chosen[0]) if chosen else None
        return targets

    def _pointing(self, link: Link, reference: Reference) -> list[Reference]:
        """The records whose ``link`` refers to this one, but for those that only tell of the past."""
        reached = self._church.reach(reference, Children(type=link.type, link=link.name))
        return [] if link.kept else list(reached)

    def _is_member(self, person: Reference | None, home: Reference | None) -> bool:
        if person is None:
            return False
        memberships = self._church.reach(person, Children(type="HouseholdMembership", link="person"))
        households = self._church.tables["HouseholdMembership"].column("household_id")
        return home is not None and any(households[one.id] == home.id for one in memberships)


def _is_renamed(before: Record, after: Record) -> bool:
    return before.attributes["name"] != after.attributes["name"]
