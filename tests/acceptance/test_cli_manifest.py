"""`openfaith manifest check` beside a simulated church."""

from __future__ import annotations

import re

from openfaith.simulator import RunningSimulator, SimulatorOptions
from support.terminal import Terminal


def test_a_check_says_what_differs_and_how_many_requests_it_took(grace: Terminal) -> None:
    text = grace.succeed("manifest", "check", "grace")
    last = text.splitlines()[-1]
    assert re.fullmatch(
        r"Checked \d+ entities with \d+ requests; (none|\d+) of them differs? from the manifest\.", last
    ), text


def test_the_same_as_json(grace: Terminal) -> None:
    document = grace.json("manifest", "check", "grace")
    person = next(e for e in document["entities"] if e["name"] == "people.Person")
    assert (person["outcome"], person["reason"]) == ("checked", None)
    assert document["requests"] > 0


def test_a_source_that_is_gone_cannot_be_checked(grace: Terminal) -> None:
    with RunningSimulator(SimulatorOptions(people=1)) as short_lived:
        grace.connect("gone", short_lived.base_url)
    ended = grace.run("manifest", "check", "gone")
    assert ended.returncode == 1
    assert "was not checked" in ended.stdout


def test_an_unknown_organization_is_wrong_usage(grace: Terminal) -> None:
    ended = grace.run("manifest", "check", "grcae")
    assert ended.returncode == 2
    assert "did you mean grace?" in ended.stderr
