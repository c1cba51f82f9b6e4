"""Who may ask, which version answers, the limit, the headers, the log: everything around a document."""

from __future__ import annotations

import base64
import json
from email.utils import parsedate_to_datetime

import pytest

from openfaith.simulator.changes import Delete, Update
from support.asking import BASIC, START, Ask, Asker

LIMIT, PERIOD, COUNT = (f"X-PCO-API-Request-Rate-{name}" for name in ("Limit", "Period", "Count"))


def basic(token: str) -> str:
    return "Basic " + base64.b64encode(token.encode()).decode()


# Credentials


@pytest.mark.parametrize("authorization", [BASIC, BASIC.replace("Basic", "basic"), "Bearer simulator:secret"])
def test_an_accepted_token_may_come_as_basic_or_bearer(reader: Asker, authorization: str) -> None:
    answer = reader.raw("/people/v2/people", authorization=authorization)
    assert answer.status == 200
    assert answer.headers["X-PCO-API-Auth-Method"] == (
        "HTTPBasic" if authorization.lower().startswith("basic") else "OAuth2"
    )


@pytest.mark.parametrize(
    ("authorization", "hint"),
    [
        (basic("simulator:wrong"), "CHINCHILLA"),
        (basic("nobody:secret"), "CHINCHILLA"),
        ("Basic !!!", "CHINCHILLA"),
        ("Basic /w==", "CHINCHILLA"),
        ("Bearer nonsense", "BABOON"),
        (basic("gone:secret"), "CAPUCHIN"),
        ("Bearer no-people", "TRASH_PANDA"),
    ],
)
def test_a_refused_token_gets_a_hint(ask: Ask, authorization: str, hint: str) -> None:
    asker = ask(refused_tokens={"gone:secret": "CAPUCHIN", "no-people": "TRASH_PANDA"})
    answer = asker.raw("/people/v2/people", authorization=authorization)
    error = json.loads(answer.body)["errors"][0]
    assert answer.status == 401
    assert error["code"] == "unauthorized"
    assert error["detail"].endswith(f"Error Code Hint: ({hint})")
    assert answer.content_type == "application/json; charset=utf-8"


@pytest.mark.parametrize("authorization", ["", "Digest abc", "simulator:secret"])
def test_without_credentials_there_is_no_hint(reader: Asker, authorization: str) -> None:
    answer = reader.raw("/people/v2/people", authorization=authorization)
    assert answer.status == 401
    assert b"Hint" not in answer.body


# Versions


@pytest.mark.parametrize(
    ("asked", "processed"),
    [
        ("", "2025-03-20"),
        ("2025-03-20", "2025-03-20"),
        ("2025-03-19", "2024-09-12"),
        ("2018-08-01", "2018-08-01"),
        ("2099-01-01", "2026-06-04"),
        ("LATEST", "2026-06-04"),
    ],
)
def test_the_newest_version_not_after_the_date_answers(reader: Asker, asked: str, processed: str) -> None:
    answer = reader.raw("/people/v2/people", version=asked)
    assert answer.status == 200
    assert answer.headers["X-PCO-API-Processed-As-Version"] == processed


@pytest.mark.parametrize("asked", ["2018-07-31", "1999-01-01", "newest", "2025-13-01"])
def test_a_version_before_the_first_or_no_date_is_refused(reader: Asker, asked: str) -> None:
    answer = reader.raw("/people/v2/people", version=asked)
    assert answer.status == 400
    assert json.loads(answer.body)["errors"][0]["code"] == "unsupported_version_error"


# Paths and methods


def test_an_unrouted_path_is_json_with_the_period_in_words(reader: Asker) -> None:
    """Recorded: `20 seconds` there, `20` on everything else."""
    unrouted = reader.raw("/bogus")
    missing = reader.raw("/people/v2/people/1")
    assert json.loads(unrouted.body) == json.loads(missing.body)
    assert (unrouted.status, unrouted.headers[PERIOD]) == (404, "20 seconds")
    assert (missing.status, missing.headers[PERIOD]) == (404, "20")


@pytest.mark.parametrize("path", ["/people/v2", "/people/v2/people", "/people/v2/people/80", "/bogus"])
def test_a_method_that_is_not_routed_is_an_html_page(reader: Asker, path: str) -> None:
    answer = reader.raw(path, method="PUT")
    assert (answer.status, answer.content_type) == (404, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")
    assert LIMIT not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/people/v2/people"), ("PATCH", "/people/v2/people/80"), ("DELETE", "/people/v2/emails/80")],
)
def test_the_simulated_user_may_write_nothing(reader: Asker, method: str, path: str) -> None:
    assert reader.raw(path, method=method).status == 403


# Headers


def test_dates_are_of_the_simulators_own_clock(ask: Ask) -> None:
    answer = ask(clock_offset_seconds=600).raw("/people/v2/people")
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == START + 600


def test_documents_and_errors_have_different_types(reader: Asker) -> None:
    assert (
        reader.raw("/people/v2/people").headers["Content-Type"] == "application/vnd.api+json; charset=utf-8"
    )
    assert reader.raw("/people/v2/people/1").headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("text", "usual", "unrouted"),
    [("number", "20", "20"), ("words", "20 seconds", "20 seconds"), ("mixed", "20", "20 seconds")],
)
def test_how_the_period_is_written_can_be_chosen(ask: Ask, text: str, usual: str, unrouted: str) -> None:
    asker = ask(rate_period_text=text)
    assert asker.raw("/people/v2/people").headers[PERIOD] == usual
    assert asker.raw("/bogus").headers[PERIOD] == unrouted


# The limit


def test_requests_beyond_the_limit_are_refused_and_counted(ask: Ask) -> None:
    asker = ask(rate_limit=3)
    answers = [asker.raw("/people/v2/people") for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers[COUNT] for answer in answers] == ["1", "2", "3", "4", "5"]
    assert {answer.headers[LIMIT] for answer in answers} == {"3"}
    assert [answer.headers[PERIOD] for answer in answers] == ["20", "20", "20", "20 seconds", "20 seconds"]
    error = json.loads(answers[-1].body)["errors"][0]
    assert error["detail"] == "Rate limit exceeded: 5 of 3 requests per 20 seconds"
    assert (error["code"], "status" in error) == ("429", False)


def test_whoever_waits_as_told_is_served(ask: Ask) -> None:
    for rate_window in ("sliding", "fixed"):
        asker = ask(rate_limit=2, rate_window=rate_window)
        refused = [asker.raw("/people/v2/people") for _ in range(4)][-1]
        asker.clock.now += int(refused.headers["Retry-After"])
        assert asker.raw("/people/v2/people").status == 200


def test_each_credential_has_its_own_budget(ask: Ask) -> None:
    asker = ask(rate_limit=1, tokens=("a:1", "b:2"))
    assert [
        asker.raw("/people/v2/people", authorization=basic(one)).status for one in ("a:1", "b:2", "a:1")
    ] == [200, 200, 429]


def test_errors_use_the_budget_too(ask: Ask) -> None:
    asker = ask(rate_limit=2)
    assert [asker.raw(path).status for path in ("/people/v2/people/1", "/bogus", "/people/v2/people")] == [
        404,
        404,
        429,
    ]


def test_deep_offsets_are_limited_harder(ask: Ask) -> None:
    """Documented: beyond 30,000, 75 of 100."""
    asker = ask(rate_limit=100)
    assert asker.raw("/people/v2/people", {"offset": 30_000}).headers[LIMIT] == "100"
    assert asker.raw("/people/v2/people", {"offset": 30_001}).headers[LIMIT] == "75"
    assert (
        ask(rate_limit=100, deep_offset_share=0.1).raw("/people/v2/people", {"offset": 32_000}).headers[LIMIT]
        == "10"
    )


# The log


def test_the_log_says_what_was_asked_and_never_a_secret(ask: Ask) -> None:
    asker = ask()
    asker.raw("/people/v2/people", {"per_page": 3})
    asker.raw("/bogus", authorization="Bearer hidden-token")
    report = asker.simulator.journal.report()
    first, second = report["requests"]
    assert (first["sequence"], first["path"], first["query"], first["status"], first["rows"]) == (
        1,
        "/people/v2/people",
        "per_page=3",
        200,
        3,
    )
    assert (first["credential"], first["method"], first["time"]) == ("simulator", "GET", START)
    assert second["status"] == 401
    assert "hidden-token" not in json.dumps(report)
    assert "secret" not in json.dumps(report)
    assert (report["total"], report["rows"], report["by_status"]) == (2, 3, {"200": 1, "401": 1})


def test_the_log_forgets_its_oldest_entries_but_counts_all(ask: Ask) -> None:
    asker = ask(logged_requests=2)
    for _ in range(5):
        asker.raw("/people/v2/apps")
    report = asker.simulator.journal.report()
    assert [entry["sequence"] for entry in report["requests"]] == [4, 5]
    assert report["total"] == 5


def test_the_log_can_be_read_in_parts_and_reset(ask: Ask) -> None:
    asker = ask()
    for _ in range(5):
        asker.raw("/people/v2/apps")
    journal = asker.simulator.journal
    assert [entry["sequence"] for entry in journal.report(after=3)["requests"]] == [4, 5]
    assert [entry["sequence"] for entry in journal.report(limit=1)["requests"]] == [5]
    assert journal.report(limit=0)["requests"] == []
    journal.reset()
    asker.raw("/people/v2/apps")
    assert [entry["sequence"] for entry in journal.report()["requests"]] == [6]
    assert journal.report()["total"] == 1


# Changes on schedule


def test_a_scheduled_change_falls_between_two_requests(ask: Ask) -> None:
    asker = ask()
    first = asker.ids("people")[0]
    asker.simulator.schedule(Delete(entity="Person", ids=(str(first),)), 2)
    path = f"/people/v2/people/{first}"
    assert [asker.raw(path).status for _ in range(4)] == [200, 200, 404, 404]
    assert asker.simulator.waiting == 0


def test_a_scheduled_change_that_became_impossible_is_told_and_harms_nothing(ask: Ask) -> None:
    asker = ask()
    first = asker.ids("people")[0]
    change = Delete(entity="Person", ids=(str(first),))
    asker.simulator.schedule(change, 0)
    asker.simulator.schedule(change, 1)
    assert [asker.raw("/people/v2/people").status for _ in range(2)] == [200, 200]
    done, failed = asker.simulator.changes
    assert done["account"].deleted["Person"] == [str(first)]
    assert "there is no record" in failed["error"]


def test_the_same_requests_give_the_same_bytes(ask: Ask) -> None:
    """Also over changes and faults: everything comes from the seed and the order of requests."""

    def run() -> list[tuple[int, bytes, str]]:
        asker = ask(faults="error=500:0.2,truncate:0.2,poison=Person:5")
        asker.simulator.schedule(Update(entity="Person", count=20), 3)
        asker.simulator.schedule(Delete(entity="Email", count=20), 5)
        paths = ["/people/v2/people", "/people/v2/emails", "/people/v2/households"] * 4
        answers = [asker.raw(path, {"include": "people,emails", "order": "-updated_at"}) for path in paths]
        return [(answer.status, answer.body, answer.ending) for answer in answers]

    assert run() == run()


def test_the_answer_to_a_changed_church_is_new_although_records_are_kept(ask: Ask) -> None:
    asker = ask()
    person = asker.ids("people")[0]
    asker.get("people", include="emails")
    asker.simulator.change(Update(entity="Person", ids=(str(person),), attributes={"nickname": "New"}))
    assert asker.get("people", include="emails")["data"][0]["attributes"]["nickname"] == "New"


def test_a_record_that_moved_is_shown_by_its_new_owner_and_no_more_by_the_old(ask: Ask) -> None:
    asker = ask()

    def owners(email: str) -> list[str]:
        people = asker.get("people", include="emails", per_page=100)["data"]
        return [
            one["id"] for one in people if email in [e["id"] for e in one["relationships"]["emails"]["data"]]
        ]

    email = asker.get("emails")["data"][0]["id"]
    (old,) = owners(email)
    new = next(str(one) for one in asker.ids("people") if str(one) != old)
    asker.simulator.change(Update(entity="Email", ids=(email,), links={"person": new}, blind=True))
    assert owners(email) == [new]


def test_kept_records_are_bounded_and_answers_the_same_without_them(ask: Ask) -> None:
    bounded, usual = ask(cache_bytes=3000), ask()
    for _ in range(2):
        assert bounded.raw("/people/v2/people").body == usual.raw("/people/v2/people").body
