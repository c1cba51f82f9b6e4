"""The simulator's answers have the form of recorded ones. The recordings are not part of the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from openfaith.simulator.documents import link
from openfaith.simulator.query import parse_parameters
from support.asking import Asker

RECORDED = Path(__file__).parents[4] / "shared" / "pco" / "recorded"

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recorded answers are not beside the repository"
)

ORIGIN = "https://api.planningcenteronline.com"


def interactions(*names: str) -> list[dict[str, Any]]:
    found = [json.loads((RECORDED / f"{name}.json").read_text())["interactions"] for name in names]
    return [one for interaction in found for one in interaction if one["request"]["method"] == "GET"]


def answered(name: str, number: int) -> Any:
    return interactions(name)[number]["response"]["body"]


def test_links_are_written_as_recorded() -> None:
    """`self` repeats the request, in the API's own order and encoding."""
    seen = 0
    for one in interactions("test_list", "test_iterate", "test_get"):
        links = (one["response"]["body"] or {}).get("links", {})
        if "self" in links:
            asked = urlsplit(one["request"]["url"])
            assert link(ORIGIN, asked.path, parse_parameters(asked.query)) == links["self"]
            seen += 1
    assert seen > 10


def test_a_page_of_people_has_the_recorded_members_in_their_order(reader: Asker) -> None:
    recorded, simulated = answered("test_iterate", 1), reader.get("people", offset=25, per_page=25)
    assert list(simulated) == list(recorded)
    assert set(simulated["links"]) == set(recorded["links"])
    assert set(simulated["meta"]) == set(recorded["meta"]) - {"can_filter"}  # the manifest has no scopes
    assert simulated["meta"]["next"] == recorded["meta"]["next"]
    assert simulated["meta"]["prev"] == recorded["meta"]["prev"]


def test_a_person_has_the_recorded_members(reader: Asker) -> None:
    recorded, simulated = answered("test_list", 0)["data"][0], reader.get("people")["data"][0]
    assert list(simulated) == list(recorded)
    assert set(recorded["attributes"]) <= set(simulated["attributes"])
    assert list(simulated["relationships"]) == list(recorded["relationships"])
    assert list(simulated["links"]) == list(recorded["links"])


def test_a_single_person_with_includes_has_the_recorded_members(reader: Asker) -> None:
    recorded = answered("test_get", 1)
    simulated = reader.get("people/80", include="emails,organization")
    assert list(simulated) == list(recorded)
    assert set(simulated["meta"]) == set(recorded["meta"])
    assert set(recorded["data"]["links"]) - {""} <= set(simulated["data"]["links"])
    for name in ("emails", "organization"):
        assert set(simulated["data"]["relationships"][name]) == set(recorded["data"]["relationships"][name])
    assert list(simulated["included"][0]) == list(recorded["included"][0])


def test_errors_and_headers_are_the_recorded_ones(reader: Asker) -> None:
    (recorded,) = [
        one["response"]
        for one in interactions("test_request_json")
        if one["response"]["status"]["code"] == 404
    ]
    simulated = reader.raw("/bogus")
    assert json.loads(simulated.body) == recorded["body"]
    for name in ("Content-Type", "X-PCO-API-Request-Rate-Period"):
        assert [simulated.headers[name]] == recorded["headers"][name]
