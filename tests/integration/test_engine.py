"""The engine's verbs, with the durable engine in this process and a scripted source."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from aiohttp import web
from dbos import DBOS
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from openfaith import Engine, EntityStatus, RunStatus, RunView, Settings
from openfaith.adapters import find_adapter
from openfaith.errors import (
    ConfigurationError,
    CredentialsRejectedError,
    DatabaseRefusedError,
    DatabaseUnavailableError,
    ManifestError,
    RunConflictError,
    UnknownNameError,
)
from openfaith.manifest import CanonicalMapping, load_canonical_mapping
from openfaith.records import EntityName
from openfaith.retries import RetryPolicy
from openfaith.store import EntityRunRecord, install_canonical_model, open_database
from openfaith.workflows import cancelling, segments, steps
from openfaith.workflows.assignments import Assignment, Progress
from openfaith.workflows.durable import forget_old_workflows
from openfaith.workflows.reading import process_segment
from openfaith.workflows.runtime import Runtime
from support.church import MAPPING
from support.mirror import ask
from support.postgres import Databases
from support.source import Gate, ScriptedSource, connected, refuse
from support.truth import differences

PCO = find_adapter("pco").load_manifest()


def entity(view: RunView, name: str) -> EntityRunRecord:
    return next(e for e in view.entities if e.entity == f"people.{name}")


def grow(source: ScriptedSource, type_name: str, records: int) -> None:
    first = source.records[type_name][0]
    source.records[type_name] = [first | {"id": str(n)} for n in range(1, records + 1)]


async def test_a_full_sync_brings_every_entity_that_lists_at_the_top(
    settings: Settings, source: ScriptedSource, opened_url: str
) -> None:
    async with connected(settings, source) as engine:
        view = await engine.sync("church")
        state = await engine.status("church")
    assert view.status is RunStatus.COMPLETED
    listed = {e.name for e in PCO.entities.values() if e.listing and e.product == "people"}
    for name in listed:
        assert entity(view, name.removeprefix("people.")).status is EntityStatus.COMPLETED
        truth = source.records[PCO.entities[name].type]
        assert differences(opened_url, PCO, PCO.entities[name], "church", truth) == []
    known = {s.entity: s for s in state}
    assert all(known[name].watermark is not None and known[name].live_rows == 3 for name in listed)


async def test_products_that_the_token_may_not_see_are_told_once_and_fail_nothing(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        view = await engine.sync(
            "church", entities=["giving.Donation", "giving.Fund", "giving.Refund", "Campus"]
        )
        events = await engine.events(view.run.run_id)
    told = [e for e in events if e.name == "ProductNotAccessible"]
    statuses = {e.entity: e.status for e in view.entities}
    assert view.status is RunStatus.COMPLETED
    assert statuses.pop(EntityName("people.Campus")) is EntityStatus.COMPLETED
    assert set(statuses.values()) == {EntityStatus.NOT_ACCESSIBLE}
    assert {e.reason for e in view.entities if e.entity in statuses} == {
        "the product giving is not accessible"
    }
    assert len(told) == 1
    assert [e.entity for e in events if e.name == "EntityRunFinished"] == ["people.Campus"]


async def test_a_product_that_was_asked_for_and_may_not_be_seen_is_no_failure(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        view = await engine.sync("church", products=["giving"])
    assert view.status is RunStatus.COMPLETED
    assert {e.status for e in view.entities} == {EntityStatus.NOT_ACCESSIBLE}


async def test_one_failing_entity_does_not_stop_the_others_and_its_dependents_are_skipped_with_the_reason(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        source.scripts["Person"] = refuse(422, "unprocessable")
        view = await engine.sync("church")
        events = {e.name for e in await engine.events(view.run.run_id)}
        state = {s.entity: s for s in await engine.status("church")}
    assert view.status is RunStatus.PARTIAL
    person, email, campus = (entity(view, name) for name in ("Person", "Email", "Campus"))
    assert person.status is EntityStatus.FAILED
    assert person.reason is not None
    assert "/people/v2/people" in person.reason
    assert (email.status, email.reason) == (
        EntityStatus.SKIPPED,
        "it needs people.Person, which did not complete",
    )
    assert campus.status is EntityStatus.COMPLETED
    assert {"RunStarted", "EntitySkipped", "EntityRunFinished", "RunFinished"} <= events
    assert state[EntityName("people.Person")].watermark is None


async def test_what_went_wrong_in_a_run_is_told_by_kind(settings: Settings, source: ScriptedSource) -> None:
    async with connected(settings, source) as engine:
        source.scripts["Campus"] = source.scripts["Form"] = refuse(422, "unprocessable")
        source.scripts["Tab"] = refuse(403, "forbidden")
        view = await engine.sync("church", entities=["Campus", "Form", "Tab", "Email"])
        refused, *others = await engine.troubles(view.run.run_id)
    assert (refused.kind, refused.severity, refused.times) == ("RequestRejectedError", "error", 2)
    assert refused.entities == ["people.Campus", "people.Form"]
    assert refused.first_at <= refused.last_at
    assert "the source refused it with 422" in refused.example
    assert {each.kind for each in others} == {"AccessDeniedError", "PermissionsUnknown"}


async def test_one_layer_retries_and_the_others_do_not_multiply_it(
    settings: Settings, source: ScriptedSource
) -> None:
    """Not the segment, not the step, not the workflow: what a request's policy allows is all that is sent."""
    policy = RetryPolicy(attempts=3, base=timedelta(milliseconds=1))
    impatient = {name: replace(entity, retries=policy) for name, entity in PCO.entities.items()}
    async with connected(settings, source) as engine:
        engine._manifests["pco"] = replace(PCO, entities=impatient)
        source.scripts["Campus"] = refuse(503, "overloaded")
        source.requests.clear()
        view = await engine.sync("church", entities=["Campus"])
    assert "the source is unavailable (status 503)" in str(entity(view, "Campus").reason)
    assert source.requests == [("Campus", 0)] * 3


async def test_a_run_in_which_nothing_completed_has_failed(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        source.scripts["Campus"] = refuse(422, "unprocessable")
        view = await engine.sync("church", entities=["Campus"])
    assert view.status is RunStatus.FAILED


async def test_only_the_named_entities_are_synced_in_the_order_of_their_dependencies(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        source.requests.clear()
        view = await engine.sync("church", entities=["Email", "Person", "Campus", "Household"])
    names = [e.entity for e in view.entities]
    assert names == ["people.Campus", "people.Household", "people.Person", "people.Email"]
    assert {t for t, _ in source.requests} == {"Campus", "Household", "Person"}


async def test_the_same_sync_asked_for_twice_at_once_is_done_once(
    settings: Settings, source: ScriptedSource
) -> None:
    grow(source, "Person", 250)
    async with connected(settings, source) as engine:
        source.requests.clear()
        async with engine.working():
            first, second = await asyncio.gather(
                engine.sync("church", entities=["Person"]), engine.sync("church", entities=["people.Person"])
            )
        events = [e.name for e in await engine.events(first.run.run_id)]
    assert first.run.run_id == second.run.run_id
    assert sorted(source.requests) == [("Person", 0), ("Person", 99), ("Person", 198)]
    assert events.count("RunJoined") == 1


async def test_two_different_syncs_of_one_organization_run_one_after_the_other(
    settings: Settings, source: ScriptedSource
) -> None:
    gate = Gate(offset=0)
    async with connected(settings, source) as engine:
        source.scripts["Person"] = gate
        async with engine.working():
            people = await engine.start("church", entities=["Person"])
            await gate.reached.wait()
            campuses = await engine.start("church", entities=["Campus"])
            gate.open()
            done = [await engine.wait(people.run_id), await engine.wait(campuses.run_id)]
    assert [view.status for view in done] == [RunStatus.COMPLETED, RunStatus.COMPLETED]
    first, second = done[0].run, done[1].run
    assert first.finished_at is not None
    assert second.started_at is not None
    assert first.finished_at <= second.started_at


async def test_cancel_is_heard_while_the_source_has_everybody_wait(
    settings: Settings, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may ask for ten minutes."""
    monkeypatch.setattr(cancelling, "LOOK_WHILE_WAITING", timedelta(milliseconds=50))
    gate = Gate(offset=0)
    async with connected(settings, source) as engine, engine.working(), asyncio.timeout(60):
        source.scripts["Person"] = gate
        run = await engine.start("church", entities=["Person"])
        await gate.reached.wait()
        await engine.cancel(run.run_id)
        cancelled = await engine.wait(run.run_id)
        gate.open()
    assert cancelled.status is RunStatus.CANCELLED
    assert entity(cancelled, "Person").status is EntityStatus.CANCELLED


async def test_cancel_stops_within_a_page_and_retry_goes_on_after_it(
    settings: Settings, source: ScriptedSource, opened_url: str
) -> None:
    grow(source, "Person", 450)
    gate = Gate(offset=198)
    async with connected(settings, source) as engine:
        source.scripts["Person"] = gate
        async with engine.working():
            run = await engine.start("church", entities=["Person", "Email"])
            await gate.reached.wait()
            await engine.cancel(run.run_id)
            gate.open()
            cancelled = await engine.wait(run.run_id)
            source.requests.clear()
            again = await engine.retry(run.run_id)
            retried = await engine.wait(again.run_id)
    assert cancelled.status is RunStatus.CANCELLED
    assert (entity(cancelled, "Person").status, entity(cancelled, "Person").pages) == (
        EntityStatus.CANCELLED,
        3,
    )
    assert entity(cancelled, "Email").status is EntityStatus.CANCELLED
    assert retried.status is RunStatus.COMPLETED
    assert source.requests == [("Person", 297), ("Person", 396)]
    people = PCO.entities[EntityName("people.Person")]
    assert differences(opened_url, PCO, people, "church", source.records["Person"]) == []


async def test_retry_repeats_only_what_did_not_complete(settings: Settings, source: ScriptedSource) -> None:
    async with connected(settings, source) as engine:
        source.scripts["Person"] = refuse(422, "unprocessable")
        failed = await engine.sync("church", entities=["Campus", "Person", "Email"])
        source.scripts.clear()
        source.requests.clear()
        await engine.retry(failed.run.run_id)
        async with engine.working():
            view = await engine.wait(failed.run.run_id)
    assert view.status is RunStatus.COMPLETED
    assert source.requests == [("Person", 0)]


async def test_a_stopped_process_leaves_a_run_that_the_next_one_continues_after_its_last_page(
    settings: Settings, source: ScriptedSource, opened_url: str
) -> None:
    """The process stops as at Ctrl-C: the pages that were committed are not read again."""
    grow(source, "Person", 950)
    gate = Gate(offset=495)
    async with connected(settings, source) as engine:
        source.scripts["Person"] = gate
        run = await engine.start("church", entities=["Person"])
        async with engine.working():
            await gate.reached.wait()
        stopped = await engine.run(run.run_id)
        source.scripts.clear()
        source.requests.clear()
        view = await engine.sync("church", entities=["Person"])
    assert stopped.status is RunStatus.RUNNING
    committed = entity(stopped, "Person").pages
    assert view.run.run_id == run.run_id
    assert view.status is RunStatus.COMPLETED
    assert source.requests == [("Person", offset) for offset in range(committed * 99, 949, 99)]
    people = PCO.entities[EntityName("people.Person")]
    assert differences(opened_url, PCO, people, "church", source.records["Person"]) == []


async def test_bad_values_and_bad_records_are_set_aside_and_the_run_goes_on(
    settings: Settings, source: ScriptedSource, opened_url: str
) -> None:
    people = source.records["Person"]
    people[0] = people[0] | {
        "attributes": people[0]["attributes"] | {"birthdate": "long ago", "shoe_size": 44}
    }
    people[1] = people[1] | {"attributes": people[1]["attributes"] | {"first_name": "nul \x00 inside"}}
    async with connected(settings, source) as engine:
        view = await engine.sync("church", entities=["Person"])
        events = {e.name: e.message for e in await engine.events(view.run.run_id)}
    assert view.status is RunStatus.COMPLETED
    assert (entity(view, "Person").inserted, entity(view, "Person").dead_letters) == (2, 1)
    assert "birthdate (1)" in events["ValuesSetAside"]
    assert "U+0000" in events["RecordsSetAside"]
    with psycopg.connect(opened_url) as connection:
        kept = connection.execute("SELECT _extra FROM pco.people_person WHERE id = '1'").fetchone()
        letter = connection.execute("SELECT record_key, status FROM openfaith.dead_letter").fetchall()
    assert kept == ({"birthdate": "long ago", "shoe_size": 44},)
    assert letter == [("2", "open")]


@pytest.mark.parametrize("name", ["a\x00b", "\ud83d"])
async def test_an_id_that_no_table_can_hold_is_set_aside_and_the_list_is_read_to_its_end(
    settings: Settings, source: ScriptedSource, name: str
) -> None:
    """Also where a page ends with it, so that it is kept in the checkpoint as where the next one begins."""
    grow(source, "Person", 250)
    people = source.records["Person"]
    people[99] = people[99] | {"id": name}
    async with connected(settings, source) as engine:
        source.requests.clear()
        view = await engine.sync("church", entities=["Person"])
    person = entity(view, "Person")
    assert (view.status, person.inserted, person.dead_letters) == (RunStatus.COMPLETED, 249, 1)
    assert [offset for _, offset in source.requests] == [0, 99, 198]


async def test_too_many_bad_records_stop_the_entity(settings: Settings, source: ScriptedSource) -> None:
    grow(source, "Person", 100)
    source.records["Person"] = [{"id": r["id"], "type": "Person"} for r in source.records["Person"]]
    async with connected(settings, source) as engine:
        view = await engine.sync("church", entities=["Person"])
    assert entity(view, "Person").status is EntityStatus.FAILED
    assert "100 of 100 records cannot be stored" in str(entity(view, "Person").reason)


async def test_bad_records_are_counted_over_segments_and_a_retry_begins_anew(
    settings: Settings, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each segment's a fifth: too few to stop that one, and too many for the entity."""
    monkeypatch.setattr(segments, "MOST_PAGES", 1)
    grow(source, "Person", 500)
    people = source.records["Person"]
    source.records["Person"] = [
        {"id": r["id"], "type": "Person"} if n % 5 == 0 else r for n, r in enumerate(people)
    ]
    async with connected(settings, source) as engine:
        view = await engine.sync("church", entities=["Person"])
        assert entity(view, "Person").status is EntityStatus.FAILED
        assert "records cannot be stored" in str(entity(view, "Person").reason)
        read = entity(view, "Person").records
        assert read < 500
        source.records["Person"] = people
        async with engine.working():
            run = await engine.retry(view.run.run_id)
            view = await engine.wait(run.run_id)
    assert view.status is RunStatus.COMPLETED, view


async def test_a_rejected_token_is_refused_and_nothing_is_stored(
    settings: Settings, source: ScriptedSource
) -> None:
    for type_name in source.records:
        source.scripts[type_name] = refuse(401, "unauthorized", "Error Code Hint: (CHINCHILLA)")
    async with Engine.open(settings) as engine:
        with pytest.raises(CredentialsRejectedError):
            await engine.connect("church", "app:wrong", base_url=source.base_url)
        assert await engine.organizations() == []


@pytest.mark.parametrize("org", ["", "Grace Church", "../etc", "-x", "x" * 64, "ümlaut"])
async def test_an_organization_needs_a_plain_name(
    settings: Settings, source: ScriptedSource, org: str
) -> None:
    async with Engine.open(settings) as engine:
        with pytest.raises(ConfigurationError, match="organization"):
            await engine.connect(org, "app:secret", base_url=source.base_url)


async def test_what_does_not_exist_is_refused_with_near_names(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        with pytest.raises(UnknownNameError, match="Person"):
            await engine.start("church", entities=["Persn"])
        with pytest.raises(UnknownNameError, match="church"):
            await engine.start("chuch")
        with pytest.raises(UnknownNameError, match="runs list"):
            await engine.run(4711)  # type: ignore[arg-type]  # a plain number, as a person types it
        with pytest.raises(ConfigurationError, match="entities"):
            await engine.start("church", entities=[])


async def test_what_is_over_cannot_be_cancelled_and_what_completed_cannot_be_retried(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine:
        view = await engine.sync("church", entities=["Campus"])
        with pytest.raises(RunConflictError, match="completed"):
            await engine.cancel(view.run.run_id)
        with pytest.raises(RunConflictError, match="completed"):
            await engine.retry(view.run.run_id)


async def test_a_queued_run_is_cancelled_at_once(settings: Settings, source: ScriptedSource) -> None:
    async with connected(settings, source) as engine:
        run = await engine.start("church")
        cancelled = await engine.cancel(run.run_id)
    assert cancelled.status is RunStatus.CANCELLED


async def test_a_source_that_moves_while_a_run_is_under_way_is_refused(
    settings: Settings, source: ScriptedSource
) -> None:
    """Otherwise the run would read half of one church and half of another."""
    async with connected(settings, source) as engine, ScriptedSource(PCO) as other:
        await engine.start("church")
        with pytest.raises(RunConflictError, match="still reads"):
            await engine.connect("church", "app:secret", base_url=other.base_url)
        await engine.connect("church", "app:renewed", base_url=source.base_url)


async def test_a_token_of_another_organization_is_refused(settings: Settings, source: ScriptedSource) -> None:
    source.organization = "1"
    async with connected(settings, source) as engine:
        source.organization = "2"
        with pytest.raises(ConfigurationError, match="another organization"):
            await engine.connect("church", "app:other", base_url=source.base_url)


async def test_keys_that_do_not_open_the_token_are_told_before_a_run_is_made(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source):
        (settings.home / "secret.keys").unlink()
    async with Engine.open(settings) as engine:
        with pytest.raises(ConfigurationError, match="does not open"):
            await engine.start("church")
        assert await engine.runs("church") == []


async def test_a_process_works_once_at_a_time(settings: Settings, source: ScriptedSource) -> None:
    async with connected(settings, source) as engine, engine.working():
        with pytest.raises(ConfigurationError, match="working already"):
            async with engine.working():
                pass


async def test_a_text_is_no_list_of_entities(settings: Settings, source: ScriptedSource) -> None:
    async with connected(settings, source) as engine:
        with pytest.raises(ConfigurationError, match="a list"):
            await engine.start("church", entities="Person")


async def test_one_organizations_failure_leaves_another_alone(
    settings: Settings, source: ScriptedSource, opened_url: str
) -> None:
    """Each reads with its own token from its own source, and the rows of each are its own."""
    async with connected(settings, source) as engine, ScriptedSource(PCO) as other:
        await engine.connect("chapel", "chapel:secret", base_url=other.base_url)
        other.scripts["Person"] = refuse(401, "unauthorized", "Error Code Hint: (CAPUCHIN)")
        grow(source, "Person", 120)
        async with engine.working():
            runs = [await engine.start(org, entities=["Person", "Campus"]) for org in ("church", "chapel")]
            church, chapel = [await engine.wait(run.run_id) for run in runs]
    assert church.status is RunStatus.COMPLETED
    assert entity(chapel, "Person").status is EntityStatus.FAILED
    with psycopg.connect(opened_url) as connection:
        people = connection.execute("SELECT org_id, count(*) FROM pco.people_person GROUP BY 1").fetchall()
    assert people == [("church", 120)]


async def test_workflows_that_ended_long_ago_are_forgotten_and_what_they_did_is_kept(
    settings: Settings, source: ScriptedSource
) -> None:
    async with connected(settings, source) as engine, engine.working():
        run = await engine.start("church", entities=["Campus", "Household"])
        before = await engine.wait(run.run_id)
        while ask(engine.database_url, "SELECT FROM dbos.workflow_status WHERE status = 'PENDING'"):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)  # the run is over a moment before its workflow
        forgotten = await forget_old_workflows(datetime.now(UTC) + timedelta(days=1))
        again = await forget_old_workflows(datetime.now(UTC) + timedelta(days=1))
        after = await engine.run(run.run_id)
    assert (forgotten >= 2, again) == (True, 0)
    assert after == before


async def test_what_the_client_notices_is_among_the_events_of_the_run(
    settings: Settings, source: ScriptedSource
) -> None:
    """A 429 without a body of any use, once: the run goes on, and says why it paused."""
    refused = iter([refuse(429, "429")])

    async def once(request: web.Request) -> web.Response | None:
        script = next(refused, None)
        answer = await script(request) if script else None
        if answer is not None:
            answer.headers["Retry-After"] = "1"
        return answer

    async with connected(settings, source) as engine:
        source.scripts["Campus"] = once
        view = await engine.sync("church", entities=["Campus"])
        messages = [e.message for e in await engine.events(view.run.run_id) if e.name == "SourceNotice"]
    assert view.status is RunStatus.COMPLETED
    assert any("refused GET /people/v2/campuses" in message for message in messages)
    assert entity(view, "Campus").requests == 2


async def test_a_source_that_tells_no_time_gives_no_watermark(
    settings: Settings, source: ScriptedSource
) -> None:
    """The records are stored, dated by this machine's clock; what the next delta may rest on is not."""
    source.date = "some day"
    async with connected(settings, source) as engine:
        view = await engine.sync("church", entities=["Campus"])
        [state] = await engine.status("church")
    assert view.status is RunStatus.COMPLETED
    assert (state.watermark, state.live_rows) == (None, 3)


async def test_an_entity_whose_workflow_dies_unsettled_fails_and_its_siblings_go_on(
    settings: Settings, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error of ours: what no code expected ends the child, and the orchestrator settles its entity."""
    process = process_segment

    async def fail_for_campuses(runtime: Runtime, assignment: Assignment) -> Progress:
        if assignment.entity.name == "people.Campus":
            raise ZeroDivisionError
        return await process(runtime, assignment)

    monkeypatch.setattr(steps, "process_segment", fail_for_campuses)
    async with connected(settings, source) as engine:
        view = await engine.sync("church", entities=["Campus", "App"])
    assert view.status is RunStatus.PARTIAL
    assert entity(view, "App").status is EntityStatus.COMPLETED
    assert entity(view, "Campus").status is EntityStatus.FAILED
    assert "its workflow ended with" in (entity(view, "Campus").reason or "")


# Opening


async def relations(url: str) -> set[str]:
    """The schemas that hold a table or a view of ours."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables UNION SELECT DISTINCT schemaname FROM pg_views"
        )
        return {name for (name,) in await rows.fetchall()} - {"pg_catalog", "information_schema"}


async def test_a_mapping_that_is_refused_leaves_the_database_as_it_was(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> CanonicalMapping:
        documents = {"a.json": {"domain": "all", "entities": {"person": {"source": "people.Nobody"}}}}
        return load_canonical_mapping(documents, PCO)

    adapter = replace(find_adapter("pco"), load_mapping=refused)
    monkeypatch.setattr("openfaith.engine.verbs.ADAPTERS", {"pco": adapter})
    settings = Settings(database_url=SecretStr(empty_database_url), home=tmp_path)
    with pytest.raises(ManifestError, match=r"people\.Nobody"):
        async with Engine.open(settings):
            pass
    assert await relations(empty_database_url) == set()


async def test_a_view_on_a_newer_column_stops_no_older_program_but_its_migrate(
    settings: Settings, opened_url: str
) -> None:
    """What `status` and `sync` do is done beside it; `migrate` asks for this very model, and is told."""
    person = MAPPING.entities["person"]
    more = replace(person.columns["name"], name="another_name")
    newer = replace(
        MAPPING,
        entities={
            **MAPPING.entities,
            "person": replace(person, columns={**person.columns, "another_name": more}),
        },
    )
    async with Engine.open(settings):
        pass
    async with open_database(opened_url, connections=2) as database:
        await install_canonical_model(database, PCO, newer)
        async with database.connection() as connection:
            await connection.execute("CREATE VIEW public.mine AS SELECT another_name FROM canonical.person")
    async with Engine.open(settings) as engine:
        assert await engine.status() == []
        with pytest.raises(DatabaseRefusedError, match=r"view mine depends on view canonical\.person"):
            await engine.prepare_working()
    async with await psycopg.AsyncConnection.connect(opened_url) as reader:
        await reader.execute("SELECT another_name FROM public.mine")


async def test_a_database_that_goes_away_as_the_work_begins_is_told_as_ever(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch() -> None:
        raise OperationalError("SELECT 1", {}, psycopg.OperationalError("server closed the connection"))

    async with Engine.open(settings) as engine:
        monkeypatch.setattr(DBOS, "launch", launch)
        with pytest.raises(DatabaseUnavailableError, match="server closed the connection"):
            async with engine.working():
                pass  # pragma: no cover
        monkeypatch.undo()
        async with engine.working():
            assert await engine.executors() != []


async def test_a_dead_process_is_known_to_those_of_its_own_database_only(
    settings: Settings, databases: Databases, opened: str
) -> None:
    """Others in the same home would take its lock for one that nobody needs: its lease is not in their database."""
    with databases.fresh(template=opened) as url:
        other = settings.model_copy(update={"database_url": SecretStr(url)})
        async with Engine.open(settings) as engine, Engine.open(other) as elsewhere:
            locks = engine._locks()
            locks.hold("host:1:dead")
            file, locks._held = locks._held, None
            assert file is not None
            file.close()  # as the kernel does
            assert len(engine._locks().abandoned()) == 1
            assert elsewhere._locks().abandoned() == frozenset()
