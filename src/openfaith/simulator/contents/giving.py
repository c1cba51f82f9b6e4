"""Giving: donations and what they are for, promised and repeated gifts, batches and refunds."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.contents.settings import listed
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned, paired, sampled, subset
from openfaith.simulator.relations import Children, Pick, Through, Via, edges_for, links_for
from openfaith.simulator.stamps import later

DONATIONS_OF_A_PERSON = (38, 12, 8, 6, 5, 4, 3, 2, 2, 2, 2, 2, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0,
                         0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1)  # fmt: skip
"""How many people of a hundred give so often: most a few times, some monthly, a few weekly."""

METHODS = ("card", "card", "card", "ach", "ach", "check", "cash")

LINKS = links_for(
    "giving",
    {
        "Person": {"primary_campus": Pick(to="Campus", percent=70)},
        "BatchGroup": {"owner": Pick(to="Person", first=5)},
        "Batch": {"batch_group": Pick(to="BatchGroup", percent=60), "owner": Pick(to="Person", first=5)},
        "PledgeCampaign": {"fund": Pick(to="Fund")},
        "Pledge": {
            "pledge_campaign": Pick(to="PledgeCampaign", owned=True),
            "person": Pick(to="Person", owned=True),
            "joint_giver": Pick(to="Person", percent=15),
        },
        "PaymentMethod": {"person": Pick(to="Person", owned=True)},
        "RecurringDonation": {
            "person": Pick(to="Person", owned=True),
            "payment_method": Pick(to="PaymentMethod", matching=("person", "person")),
        },
        "RecurringDonationDesignation": {
            "recurring_donation": Pick(to="RecurringDonation", owned=True),
            "fund": Pick(to="Fund"),
        },
        "Donation": {
            "person": Pick(to="Person"),
            "batch": Pick(to="Batch", percent=55),
            "campus": Pick(to="Campus", percent=80),
            "payment_source": Pick(to="PaymentSource"),
            "recurring_donation": Pick(to="RecurringDonation", matching=("person", "person"), percent=60),
        },
        "Designation": {"donation": Pick(to="Donation", owned=True), "fund": Pick(to="Fund")},
        "DonationLabel": {"donation": Pick(to="Donation", owned=True), "label": Pick(to="Label", owned=True)},
        "Note": {"donation": Pick(to="Donation", owned=True)},
        "Refund": {"donation": Pick(to="Donation", owned=True)},
        "DesignationRefund": {
            "refund": Pick(to="Refund", owned=True),
            "donation": Via(link="refund", onward="donation"),
            "designation": Pick(to="Designation", matching=("donation", "donation"), owned=True),
        },
        "InKindDonation": {
            "person": Pick(to="Person", owned=True),
            "fund": Pick(to="Fund"),
            "campus": Pick(to="Campus", percent=70),
        },
    },
)

EDGES = edges_for(
    "giving",
    {
        "Donation": {"labels": Through(type="DonationLabel", link="donation", onward="label")},
        "Person": {
            "batches": Children(type="Batch", link="owner"),
            "batch_groups": Children(type="BatchGroup", link="owner"),
        },
    },
)


def designated_cents(world: World, designation_id: int) -> int:
    """What a designation amounts to: from its id alone, so that its donation need not look it up."""
    dice = world.dice("giving.Designation", designation_id, "amount")
    return 100 * (1 + dice.below(20)) if dice.one_in(3) else 2500 * (1 + dice.below(40))


def _donated_cents(world: World, donation_id: int) -> int:
    return sum(designated_cents(world, one) for one in world.owned_ids("giving.Designation", donation_id))


def _donation(row: Row, world: World) -> Mapping[str, object]:
    dice = row.dice
    method = dice.pick(METHODS)
    amount = _donated_cents(world, row.id) or 5000
    by_card = method == "card"
    refunded = bool(len(world.owned_ids("giving.Refund", row.id)))
    return {
        "amount_cents": amount,
        "amount_currency": "USD",
        "fee_cents": -(30 + amount * 215 // 10_000) if by_card else 0,
        "fee_currency": "USD",
        "fee_covered": by_card and dice.one_in(4),
        "payment_method": method,
        "payment_method_sub": dice.pick(("credit", "debit")) if by_card else None,
        "payment_last4": f"{dice.below(10_000):04}" if method in {"card", "ach"} else None,
        "payment_brand": dice.pick(("Visa", "Mastercard", "American Express")) if by_card else None,
        "payment_check_number": 100 + dice.below(9000) if method == "check" else None,
        "payment_check_dated_at": row.created_at[:10] if method == "check" else None,
        "payment_status": "succeeded",
        "payment_channel": dice.pick(("web", "mobile", "batch", "text")),
        "received_at": row.created_at,
        "completed_at": row.created_at,
        "refunded": refunded,
        "refundable": not refunded,
        "memo": dice.pick(words.SENTENCES) if dice.percent(3) else None,
    }


def _designation(row: Row, world: World) -> Mapping[str, object]:
    amount = designated_cents(world, row.id)
    return {"amount_cents": amount, "amount_currency": "USD", "fee_cents": -(amount * 215 // 10_000)}


def _refund(row: Row, world: World) -> Mapping[str, object]:
    donation = row.links["donation"]
    return {
        "amount_cents": _donated_cents(world, donation.id) if donation else 5000,
        "amount_currency": "USD",
        "fee_cents": 0,
        "fee_currency": "USD",
        "refunded_at": row.created_at,
    }


def _designation_refund(row: Row, world: World) -> Mapping[str, object]:
    designation = row.links["designation"]
    amount = designated_cents(world, designation.id) if designation else 5000
    return {"amount_cents": amount, "amount_currency": "USD", "fee_cents": "0"}


def _fund(row: Row, _world: World) -> Mapping[str, object]:
    name = listed(words.FUNDS, row)
    return {
        "name": name,
        "ledger_code": f"4{row.index:03}",
        "description": f"Gifts for {name}",
        "visibility": row.dice.pick(("everywhere", "hidden", "nowhere")),
        "default": row.index == 0,
        "deletable": row.index > 0,
        "slug": name.lower().replace(" ", "-"),
    }


def _batch(row: Row, _world: World) -> Mapping[str, object]:
    committed = row.dice.percent(80)
    return {
        "committed_at": later(row.created_at, 3600) if committed else None,
        "committed": committed,
        "status": "committed" if committed else "in_progress",
        "description": f"Offering {row.created_at[:10]}",
        "total_cents": 500 * row.dice.below(4000),
        "total_currency": "USD",
    }


def _campaign(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "name": listed(("New building", "Missions 2025", "Debt free"), row),
        "starts_at": row.created_at,
        "ends_at": later(row.created_at, 86_400 * 700),
        "goal_cents": 10_000_00 * (1 + row.dice.below(50)),
        "goal_currency": "USD",
    }


def _pledge(row: Row, _world: World) -> Mapping[str, object]:
    amount = 100_00 * (1 + row.dice.below(100))
    has_joint = row.links["joint_giver"] is not None
    return {
        "amount_cents": amount,
        "amount_currency": "USD",
        "donated_total_cents": amount * row.dice.below(100) // 100,
        "joint_giver_amount_cents": amount // 2 if has_joint else 0,
        "joint_giver_donated_total_cents": 0,
    }


def _recurring(row: Row, world: World) -> Mapping[str, object]:
    frequency = row.dice.pick(("weekly", "monthly", "twice_monthly"))
    held = row.dice.percent(10)
    parts = world.owned_ids("giving.RecurringDonationDesignation", row.id)
    return {
        "amount_cents": sum(_repeated_cents(world, one) for one in parts) or 5000,
        "amount_currency": "USD",
        "status": "temporary_hold" if held else "active",
        "release_hold_at": later(row.updated_at, 86_400 * 60) if held else None,
        "schedule": {"frequency": frequency, "day_in_month": {"day": 1 + row.dice.below(28)}},
        "last_donation_received_at": row.updated_at,
        "next_occurrence": later(row.updated_at, 86_400 * 30),
    }


def _repeated_cents(world: World, designation_id: int) -> int:
    dice = world.dice("giving.RecurringDonationDesignation", designation_id, "amount")
    return 2500 * (1 + dice.below(20))


def _recurring_designation(row: Row, world: World) -> Mapping[str, object]:
    return {"amount_cents": _repeated_cents(world, row.id), "amount_currency": "USD"}


def _payment_method(row: Row, _world: World) -> Mapping[str, object]:
    by_card = row.dice.percent(70)
    return {
        "method_type": "card" if by_card else "bank_account",
        "method_subtype": row.dice.pick(("credit", "debit") if by_card else ("checking", "savings")),
        "last4": f"{row.dice.below(10_000):04}",
        "brand": row.dice.pick(("Visa", "Mastercard")) if by_card else None,
        "expiration": f"20{26 + row.dice.below(5)}-{1 + row.dice.below(12):02}-01" if by_card else None,
    }


def _source(row: Row, _world: World) -> Mapping[str, object]:
    name = listed(("Planning Center", "Cash app", "Stock broker"), row)
    return {
        "name": name,
        "payment_source_type": "custom" if row.index else "planning_center",
        "status": "active",
    }


def _campus(row: Row, _world: World) -> Mapping[str, object]:
    city, state, code, _, _ = row.dice.pick(words.PLACES)
    return {"name": listed(words.CAMPUSES, row), "address": {"city": city, "state": state, "zip": code}}


def _label(row: Row, _world: World) -> Mapping[str, object]:
    return {"slug": listed(("anonymous", "tax-exempt", "memorial", "año-nuevo"), row)}


def _in_kind(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "fair_market_value_cents": 100_00 * (1 + row.dice.below(90)),
        "fair_market_value_currency": "USD",
        "received_on": row.created_at[:10],
        "description": row.dice.pick(("A piano", "Folding chairs", "A used van 🚐")),
    }


KINDS = (
    Kind(type="giving.Campus", plan=subset("Campus", 100), fill=_campus),
    Kind(type="giving.Fund", plan=counted(lambda _people: len(words.FUNDS)), fill=_fund),
    Kind(type="giving.Label", plan=counted(lambda _people: 4), fill=_label),
    Kind(type="giving.PaymentSource", plan=counted(lambda _people: 3), fill=_source),
    Kind(type="giving.BatchGroup", plan=counted(lambda people: 2 + people // 500), fill=_batch),
    Kind(type="giving.Batch", plan=counted(lambda people: 4 + people // 40), fill=_batch),
    Kind(type="giving.PledgeCampaign", plan=counted(lambda _people: 3), fill=_campaign),
    Kind(
        type="giving.Pledge",
        plan=sampled(
            ("pledge_campaign", "giving.PledgeCampaign"), ("person", "giving.Person"), (1, 2), percent=6
        ),
        fill=_pledge,
    ),
    Kind(type="giving.PaymentMethod", plan=owned("person", "giving.Person", (65, 30, 5)), fill=_payment_method),
    Kind(
        type="giving.RecurringDonation",
        plan=owned("person", "giving.Person", (85, 13, 2)),
        fill=_recurring,
        together=(("status", "release_hold_at"),),
        fixed=("amount_cents",),
    ),
    Kind(
        type="giving.RecurringDonationDesignation",
        plan=owned("recurring_donation", "giving.RecurringDonation", (0, 90, 10)),
        fill=_recurring_designation,
    ),
    Kind(
        type="giving.Donation",
        plan=owned("person", "giving.Person", DONATIONS_OF_A_PERSON, spread=True),
        fill=_donation,
        together=(
            ("payment_method", "payment_method_sub", "payment_last4", "payment_brand", "payment_check_number"),
        ),
        fixed=("amount_cents", "refunded", "refundable"),
    ),
    Kind(
        type="giving.Designation", plan=owned("donation", "giving.Donation", (0, 85, 12, 3)), fill=_designation
    ),
    Kind(
        type="giving.DonationLabel",
        plan=sampled(("donation", "giving.Donation"), ("label", "giving.Label"), (0, 0, 0, 0, 0, 0, 1)),
        is_joint=True,
    ),
    Kind(type="giving.Note", plan=owned("donation", "giving.Donation", (97, 3))),
    Kind(type="giving.Refund", plan=owned("donation", "giving.Donation", (985, 15)), fill=_refund),
    Kind(
        type="giving.DesignationRefund",
        plan=paired(
            ("refund", "giving.Refund", "donation"), ("designation", "giving.Designation", "donation")
        ),
        fill=_designation_refund,
    ),
    Kind(type="giving.InKindDonation", plan=counted(lambda people: (people > 0) * (1 + people // 150)), fill=_in_kind),
)  # fmt: skip
"""In the order in which they build on each other."""
