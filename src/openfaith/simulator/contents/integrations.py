"""What other software is told and may do: webhooks and connected applications."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from openfaith.simulator import words
from openfaith.simulator.contents.settings import listed
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned
from openfaith.simulator.relations import Outside, Pick, links_for

EVENTS = tuple(
    f"{app}.v2.events.{resource}.{action}"
    for app, resource in (("people", "person"), ("people", "email"), ("giving", "donation"), ("groups", "group"))
    for action in ("created", "updated", "destroyed")
)  # fmt: skip

LINKS = (
    *links_for(
        "webhooks",
        {
            "Event": {
                "subscription": Pick(to="WebhookSubscription", owned=True),
                "person": Outside(to="Person", percent=50),
            },
            "Delivery": {"event": Pick(to="Event", owned=True)},
        },
    ),
    *links_for(
        "api",
        {
            "ConnectedApplicationPerson": {
                "connected_application": Pick(to="ConnectedApplication", owned=True)
            },
            "OauthApplicationMau": {"oauth_application": Pick(to="OauthApplication", owned=True)},
        },
    ),
)


def _available(row: Row, _world: World) -> Mapping[str, object]:
    name = EVENTS[row.index % len(EVENTS)]
    app, _, _, resource, action = name.split(".")
    return {
        "name": name,
        "app": app,
        "version": "v2",
        "type": "event",
        "resource": resource,
        "action": action,
    }


def _subscription(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "name": EVENTS[row.index % len(EVENTS)],
        "url": "https://hooks.church.example/pco",
        "active": row.dice.percent(80),
        "authenticity_secret": f"{row.dice.below(1 << 48):012x}",
    }


def _event(row: Row, _world: World) -> Mapping[str, object]:
    dice = row.dice
    return {
        "uuid": str(UUID(int=dice.below(1 << 48) << 64 | dice.below(1 << 48))),
        "status": dice.pick(("delivered", "pending", "failed")),
        "payload": json.dumps({"data": {"type": "Person", "id": "80"}}),
    }


def _delivery(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "status": row.dice.pick((200, 200, 500)),
        "timing": row.dice.below(3000) / 1000,
        "request_headers": json.dumps({"Content-Type": "application/json"}),
        "request_body": json.dumps({"data": []}),
        "response_headers": "{}",
        "response_body": "",
    }


def _month(row: Row, _world: World) -> Mapping[str, object]:
    return {"count": row.dice.below(500), "month": 1 + row.rank % 12, "year": 2025}


def _person(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "first_name": row.dice.pick(words.FEMALE_NAMES),
        "last_name": row.dice.pick(words.SURNAMES),
        "connected_at": row.created_at,
    }


def _application(row: Row, _world: World) -> Mapping[str, object]:
    return {"name": listed(("Church app", "Directory", "Zapier"), row), "url": "https://app.church.example"}


KINDS = (
    Kind(type="webhooks.AvailableEvent", plan=counted(lambda _people: len(EVENTS)), fill=_available),
    Kind(type="webhooks.WebhookSubscription", plan=counted(lambda _people: 3), fill=_subscription),
    Kind(
        type="webhooks.Event",
        plan=owned("subscription", "webhooks.WebhookSubscription", (0, 0, 0, 1, 1, 1), spread=True),
        fill=_event,
    ),
    Kind(type="webhooks.Delivery", plan=owned("event", "webhooks.Event", (0, 3, 1)), fill=_delivery),
    Kind(type="api.ConnectedApplication", plan=counted(lambda _people: 3), fill=_application),
    Kind(
        type="api.ConnectedApplicationPerson",
        plan=owned("connected_application", "api.ConnectedApplication", (0, 0, 1, 1)),
        fill=_person,
    ),
    Kind(type="api.OauthApplication", plan=counted(lambda _people: 2), fill=_application),
    Kind(
        type="api.OauthApplicationMau",
        plan=owned("oauth_application", "api.OauthApplication", (0, 0, 0, 1, 1)),
        fill=_month,
    ),
)
"""In the order in which they build on each other."""
