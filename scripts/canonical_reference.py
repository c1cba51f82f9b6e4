"""Write docs/reference/canonical-model.md from Planning Center's mapping.

    .venv/bin/python scripts/canonical_reference.py

For maintainers, after a change of the mapping. A test compares the page with what this would write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from openfaith.adapters.planning_center import load_planning_center, load_planning_center_mapping
from openfaith.manifest import (
    Amount,
    CanonicalEntity,
    CanonicalMapping,
    Choice,
    ColumnSource,
    Expression,
    First,
    Joined,
    Lowered,
    Manifest,
    PhoneE164,
    Plain,
    Reference,
    linked_entities,
    table_name,
)
from openfaith.manifest.canonical import OWN_COLUMNS
from openfaith.store.canonical_values import TYPES
from openfaith.store.canonical_views import EDGE, EXTERNAL_LINK

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "canonical-model.md"

TITLES = {
    "directory": "Directory",
    "groups": "Groups",
    "giving": "Giving",
    "services": "Services",
    "check_ins": "Check-ins",
    "calendar": "Calendar",
}

INTRODUCTION = """\
# The canonical model

What the mirror tables mean, in words that are no API's: the views of the schema `canonical`. [Ten questions](../how-to/ten-questions.md) show how to use them.
They are made when openfaith opens the database, they need no request, and they show at every moment what the mirror tables hold. Every view and every column says in the database what it means (`\\d+ canonical.person`).

This page is written by `scripts/canonical_reference.py`.

## What all views have in common

- **Living records.** A view has one row for each record that lives. What is deleted at the source, or was merged into another record, is not shown; `external_link` still knows it. A record whose parent is gone stays until the source says that it is gone itself, so a join can find nothing.
- **Organizations.** Every view has `org_id`. Ids are unique across organizations: join by ids, filter by `org_id`.
- **Ids.** `person_` and 26 hexadecimal digits, made of organization, adapter, entity and the id at the source by SHA-256. The same record has the same id in every view, before and after it is synced, and in every database that calls the organization by the same name: `canonical.record_id('person', 'grace', 'pco/people.Person', '123')`.
- **One person.** Planning Center shows its people in every product, under the same ids. Every reference to a person leads to `canonical.person`, whichever product made it. With campuses it is so as well, as far as we know.
- **Merges.** Where a person was merged into another, references lead to the survivor, to the end of the chain.
- **Money** is an amount in units of its currency (`12.50`, numeric) beside a `currency`. How many decimals a currency has, ISO 4217 says.
- **Words** such as a status are in small letters, and one for each idea. A word that nobody foresaw is shown in small letters too.
- **Times** are `timestamptz`.
- **Two kinds of events, and a third.** `check_in_event` is what people check in to, `calendar_event` stands in the calendar, `group_event` is one meeting of a group. There is no plain `event`. `location` belongs to the check-ins.
- `group` is a word of SQL's own: write `canonical.group`, with the schema, or `"group"`.

Looking up one record by its canonical id reads the whole view; by `org_id` and `external_id` it uses the mirror table's key.

Who may only read the model needs no right on the mirror tables:

```sql
GRANT USAGE ON SCHEMA canonical TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA canonical TO reader;
```
"""

FORMAT = """\
## The mapping

The views are declared as data beside the adapter, in `src/openfaith/adapters/planning_center/canonical/`, one file a domain. Loading checks everything against the manifest, and reports all faults at once:

```text
directory.json: person.columns.nickname.from: no column 'nickname'; expected nick_name
giving.json: donation.columns.fund_id.to: fund, whose records are those of giving.Fund; expected the canonical entity of giving.Person, to which person_id leads
```

```json
{
  "domain": "giving",
  "entities": {
    "pledge": {
      "source": "giving.Pledge",
      "meaning": "What somebody promised to give in a campaign.",
      "joins": {"campaign": {"entity": "giving.PledgeCampaign", "by": "pledge_campaign_id"}},
      "columns": {
        "person_id": {"kind": "reference", "from": "person_id", "to": "person", "meaning": "Who promised."},
        "fund_id": {"kind": "reference", "from": "campaign.fund_id", "to": "fund", "meaning": "The campaign's fund."}
      }
    }
  }
}
```

| member of an entity | | meaning |
|---|---|---|
| `source` | required | The entity of the manifest whose records these are. Entities that are the same by the manifest (`same_as`) share their ids. |
| `meaning` | required | One line; the view's comment. |
| `columns` | required | Name → column, in the view's order. New ones go to the end: a view that only gets more columns keeps its grants. |
| `joins` | optional | Name → `entity` and `by`: another record, found by the id in the column `by`. Its columns are named `<join>.<column>`. |
| `merges` | optional | `true` where the source merges such records. |
| `deleted_at` | optional | The column by which the source itself says since when a record counts as deleted. |

Every column has a `kind` and a `meaning`, and these members:

| `kind` | members | shows |
|---|---|---|
| `column` | `from`, `type` | the value as it is |
| `lower` | `from` | the text, trimmed and in small letters; an empty one is null |
| `concat` | `from` (a list), `separator` | the texts that are there, joined; null where none is |
| `first` | `from` (a list), `type` | the first value that is not null |
| `enum` | `from`, `values` (word → its other spellings) | one word for each idea, whatever the case |
| `money` | `from`, `currency` | a whole number of the currency's smallest units as an amount |
| `e164` | `from`, `number`, `country` | a phone number as +12125550123, where that is no guess |
| `reference` | `from`, `to` (a canonical entity) | the canonical id of the record it leads to; its column, and no other, ends in `_id` |

`type` is `text`, `integer`, `number`, `boolean`, `date`, `time` or `json`, and must be what the mirror column holds.
"""


def main() -> None:
    PAGE.write_text(render(load_planning_center(), load_planning_center_mapping()), "utf-8")
    print(f"wrote {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}")


def render(manifest: Manifest, mapping: CanonicalMapping) -> str:
    """The whole page."""
    sections = [INTRODUCTION, _own_columns(), _diagram(mapping)]
    for domain, entities in groupby(mapping.entities.values(), key=lambda entity: entity.domain):
        sections.append(f"## {TITLES[domain]}\n")
        sections += [_entity(manifest, mapping, entity) for entity in entities]
    sections += [
        "## Links and edges\n",
        _own_view(
            "external_link",
            "Every record that was ever seen, the deleted and the merged too, and the canonical record it stands for. "
            "Ask it what became of an id that you kept: `SELECT canonical_id FROM canonical.external_link WHERE own_id = 'person_…'`.",
            EXTERNAL_LINK,
        ),
        _own_view(
            "edge",
            "Every reference between records as one list, for graphs. The record it leads to may not be here: deleted, "
            "not synced, or hidden from the token.",
            EDGE,
        ),
        FORMAT,
    ]
    return "\n".join(sections)


def _own_columns() -> str:
    rows = [(f"`{name}`", "text", meaning) for name, meaning in OWN_COLUMNS.items()]
    return (
        f"Every view of an entity begins with these columns:\n\n{_table(('column', 'type', 'meaning'), rows)}"
    )


def _diagram(mapping: CanonicalMapping) -> str:
    lines = [
        f"    {reference.entity} }}o--o| {reference.to} : {reference.column.removesuffix('_id')}"
        for reference in mapping.references
    ]
    return "\n".join(["## The diagram\n", "```mermaid", "erDiagram", *lines, "```", ""])


def _entity(manifest: Manifest, mapping: CanonicalMapping, entity: CanonicalEntity) -> str:
    rows = [
        (f"`{c.name}`", _short(TYPES[c.type]), c.meaning, _origin(mapping, c.expression))
        for c in entity.columns.values()
    ]
    return "\n".join(
        [
            f"### {entity.name}\n",
            f"{entity.meaning} {_source(manifest, entity)}\n",
            _table(("column", "type", "meaning", "from"), rows),
        ]
    )


def _source(manifest: Manifest, entity: CanonicalEntity) -> str:
    text = f"From `{_mirror(manifest, entity)}`."
    others = [f"`{name}`" for name in linked_entities(manifest, entity) if name != entity.source]
    if others:
        text += f" The same records: {', '.join(others)}."
    if entity.merges:
        text += " References to records that were merged away lead to the survivor."
    if entity.deleted_at:
        text += f" Records with a `{entity.deleted_at}` count as deleted."
    for join in entity.joins.values():
        table = f"{manifest.adapter}.{table_name(manifest.entities[join.entity])}"
        text += f" `{join.name}` is the record of `{table}` that `{join.by}` names."
    return text


def _mirror(manifest: Manifest, entity: CanonicalEntity) -> str:
    return f"{manifest.adapter}.{table_name(manifest.entities[entity.source])}"


def _origin(mapping: CanonicalMapping, expression: Expression) -> str:
    match expression:
        case Plain(source=source):
            return _code(source)
        case Lowered(source=source):
            return f"{_code(source)}, in small letters"
        case Joined(sources=sources, separator=separator):
            return f"{_codes(sources)}, joined by `{separator}`"
        case First(sources=sources):
            return f"the first of {_codes(sources)}"
        case Choice(source=source, values=values):
            spelt = [f"{', '.join(others)} → {word}" for word, others in values.items() if others]
            return f"{_code(source)}, in small letters" + (f"; {'; '.join(spelt)}" if spelt else "")
        case Amount(source=source, currency=currency):
            return f"{_code(source)}, in units of {_code(currency)}"
        case PhoneE164(source=source, number=number, country=country):
            return f"{_code(source)}, else {_code(number)} in {_code(country)}"
        case Reference(source=source, to=to):
            return f"{_code(source)} → [{to}](#{mapping.entities[to].name})"


def _code(source: ColumnSource) -> str:
    return f"`{source}`"


def _codes(sources: Iterable[ColumnSource]) -> str:
    return ", ".join(map(_code, sources))


def _own_view(name: str, about: str, columns: Iterable[tuple[str, str, str]]) -> str:
    rows = [(f"`{column}`", _short(kind), meaning) for column, kind, meaning in columns]
    return f"### {name}\n\n{about}\n\n{_table(('column', 'type', 'meaning'), rows)}"


def _short(kind: str) -> str:
    return "timestamptz" if kind == "timestamp with time zone" else kind


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    main()
