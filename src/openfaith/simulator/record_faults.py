"""How records can come out wrong, one small function each.

A fault of *records* harms some of them whenever they are sent. A fault of *attributes* does the same to one attribute
of all records of a type. Adding one is a function and a line in its family's table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from openfaith.manifest import AttributeType, Entity
from openfaith.simulator.dice import Dice
from openfaith.simulator.rendering import encode

# Faults of records: each is given the record as it would be sent, and returns it spoilt.

Spoil = Callable[[dict[str, Any], Entity, Dice], dict[str, Any]]

_WRONG_VALUES: Mapping[AttributeType, object] = {
    AttributeType.STRING: {"unexpected": ["object"]},
    AttributeType.INTEGER: "twelve",
    AttributeType.FLOAT: "12,5",
    AttributeType.BOOLEAN: "maybe",
    AttributeType.DATE: 20_250_131,
    AttributeType.DATE_TIME: "yesterday",
    AttributeType.JSON: "not an object",
    AttributeType.ARRAY: "not a list",
}
_TIMES = frozenset({AttributeType.DATE, AttributeType.DATE_TIME})
_ABSURD_TIMES = ("0000-00-00", "2025-02-30T25:61:61Z", "275760-09-13T00:00:00Z", "-4713-11-24T00:00:00Z")


def _wrong_type(record: dict[str, Any], entity: Entity, dice: Dice) -> dict[str, Any]:
    """A value that is not of its attribute's type. The stamps stay right: other faults are for those."""
    names = [name for name in _documented(record, entity) if name not in {"created_at", "updated_at"}]
    typed = [name for name in names if entity.attributes[name].type is not AttributeType.STRING]
    return _with_value(record, typed or names, lambda name: _WRONG_VALUES[entity.attributes[name].type], dice)


def _nul(record: dict[str, Any], entity: Entity, dice: Dice) -> dict[str, Any]:
    """A NUL character in a text: good JSON that PostgreSQL cannot store."""
    texts = (AttributeType.STRING,)
    names = [name for name in _documented(record, entity) if entity.attributes[name].type in texts]
    return _with_value(record, names, lambda _name: "before\u0000after", dice)


def _absurd_date(record: dict[str, Any], entity: Entity, dice: Dice) -> dict[str, Any]:
    """A date that no calendar has, where the entity has dates at all; not the stamps."""
    names = [
        name
        for name in _documented(record, entity)
        if entity.attributes[name].type in _TIMES and name not in {"created_at", "updated_at"}
    ]
    return _with_value(record, names, lambda _name: dice.pick(_ABSURD_TIMES), dice)


def _absurd_stamp(record: dict[str, Any], _entity: Entity, dice: Dice) -> dict[str, Any]:
    """An `updated_at` that cannot be one."""
    return _with_value(
        record,
        [name for name in record["attributes"] if name == "updated_at"],
        lambda _name: dice.pick(_ABSURD_TIMES),
        dice,
    )


def _missing_id(record: dict[str, Any], _entity: Entity, _dice: Dice) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "id"}


_POISONS: tuple[Spoil, ...] = (_wrong_type, _nul, _absurd_date, _absurd_stamp, _missing_id)


def _poison(record: dict[str, Any], entity: Entity, dice: Dice) -> dict[str, Any]:
    """Any of these that can harm the record."""
    first = dice.below(len(_POISONS))
    spoilt = (spoil(record, entity, dice) for spoil in (*_POISONS[first:], *_POISONS[:first]))
    return next(one for one in spoilt if one is not record)


def _new_attribute(record: dict[str, Any], _entity: Entity, dice: Dice) -> dict[str, Any]:
    """An attribute that no documentation has."""
    return {
        **record,
        "attributes": {
            **record["attributes"],
            "new_attribute": dice.pick(("red", "blue", 7, None, {"shade": "teal"})),
        },
    }


RECORD_FAULTS: Mapping[str, Spoil] = {
    "absurd_date": _absurd_date,
    "absurd_stamp": _absurd_stamp,
    "missing_id": _missing_id,
    "new_attribute": _new_attribute,
    "nul": _nul,
    "poison": _poison,
    "wrong_type": _wrong_type,
}

# Faults of attributes: each is given the name of one, and does the same to every record that it strikes.


def _missing_attribute(name: str) -> Spoil:
    """An attribute that the documentation has and no record."""

    def spoil(record: dict[str, Any], _entity: Entity, _dice: Dice) -> dict[str, Any]:
        if name not in record["attributes"]:
            return record
        rest = {key: value for key, value in record["attributes"].items() if key != name}
        return {**record, "attributes": rest}

    return spoil


def _retyped_attribute(name: str) -> Spoil:
    """An attribute whose values say the same in another type: numbers and truths as text, text in an object."""

    def spoil(record: dict[str, Any], entity: Entity, _dice: Dice) -> dict[str, Any]:
        if name not in record["attributes"]:
            return record
        value = _retyped(record["attributes"][name], entity.attributes[name].type)
        return {**record, "attributes": {**record["attributes"], name: value}}

    return spoil


ATTRIBUTE_FAULTS: Mapping[str, Callable[[str], Spoil]] = {
    "missing_attribute": _missing_attribute,
    "retyped_attribute": _retyped_attribute,
}


FAULTS_OF_ALL_RECORDS = frozenset({"new_attribute", *ATTRIBUTE_FAULTS})
"""These strike all records of a type if no number is given; the others strike one."""


def _documented(record: dict[str, Any], entity: Entity) -> list[str]:
    """The attributes that the manifest knows; another fault may have added some."""
    return [name for name in record["attributes"] if name in entity.attributes]


def _retyped(value: object, usual: AttributeType) -> object:
    if value is None:
        return None
    is_text = usual in {AttributeType.STRING, *_TIMES}
    return {"value": value} if is_text else encode(value).decode()


def _with_value(
    record: dict[str, Any], names: list[str], value: Callable[[str], object], dice: Dice
) -> dict[str, Any]:
    """The record with one attribute replaced; unchanged if there is none to choose."""
    if not names:
        return record
    name = dice.pick(names)
    return {**record, "attributes": {**record["attributes"], name: value(name)}}
