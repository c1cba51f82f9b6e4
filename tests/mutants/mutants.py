"""The bank of planted bugs: the classical mistakes of programs that copy records from an API, each as one change of ours.

A mutant is a text that occurs exactly once in a file of the program, what stands there instead, and the tests that must
notice. `make mutants` makes them one at a time; `tests/unit/test_mutants.py` sees to it that each still applies. Whoever
finds a bug that the tests let through adds it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = Path("src/openfaith")

DELTA = "strategies/delta.py"
FULL = "strategies/full.py"
OFFSETS = "strategies/offsets.py"
PROOF = "strategies/proof.py"
GUARD = "strategies/reconciliation.py"
NESTED = "strategies/nested.py"
DOCUMENTS = "source/documents.py"
UPSERTS = "store/upserts.py"
WRITING = "store/writing.py"
READINGS = "store/readings.py"
PAGES = "store/pages.py"
PLAIN_RECORDS = "store/plain_records.py"
DIFFERENCES = "store/differences.py"
DELETIONS = "store/deletions.py"
LISTINGS = "store/listings.py"
LISTING_STATEMENTS = "store/sql/listings.sql"
NAMING = "store/naming.py"
MERGES = "store/merges.py"
RUNS = "store/sql/runs.sql"
SYNC_STATE = "store/sql/sync_outcomes.sql"
SUSPECTS = "store/sql/suspects.sql"
LETTERS = "store/dead_letters.py"
LETTER_STATEMENTS = "store/sql/dead_letters.sql"
ALERT_STATEMENTS = "store/sql/alerts.sql"
PAUSING = "workflows/pausing.py"
BREAKER_STATEMENTS = "store/sql/breakers.sql"

WALKS = "unit/strategies/test_walks_properties.py::"
OFFSET_TESTS = "unit/strategies/test_offsets.py::"
PROOF_TESTS = "unit/strategies/test_proof.py::"
GUARD_TESTS = "unit/strategies/test_reconciliation.py::"
NESTED_TESTS = "unit/strategies/test_nested.py::"
STORE = "integration/store/"
LISTING_TESTS = STORE + "test_listings.py::"
SIGHTS = STORE + "test_sights.py::"
NESTED_LISTINGS = STORE + "test_nested_listings.py::"
LETTER_TESTS = STORE + "test_dead_letters.py::"
DOCUMENT_TESTS = "unit/source/test_documents.py::"
DELTA_TESTS = "integration/test_delta.py::"
CONFIRMING_TESTS = "unit/workflows/test_confirming.py::"
RECONCILIATION_TESTS = "integration/test_reconciliation.py::"
ALERT_TESTS = STORE + "test_alerts.py::"
ALERT_DELIVERY_TESTS = "integration/test_alert_delivery.py::"
BREAKERS = "integration/test_breakers.py::"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """One mistake."""

    name: str
    file: str
    """Below `PACKAGE`."""
    before: str
    """Occurs exactly once in the file."""
    after: str
    tests: tuple[str, ...]
    """What must fail: pytest's selectors, below `tests/`. As narrow as possible."""
    why: str
    """What the mistake does in the field."""


MUTANTS: Final = (
    # Delta: what is asked for, and what is believed of the answer
    Mutant(
        name="delta-strictly-later",
        file=DELTA,
        before='[gte]": asked(low)',
        after='[gte]": asked(low + timedelta(seconds=1))',
        tests=(WALKS + "test_a_delta_sees_all_that_changed_since",),
        why="a record of the very second of the mark is never read",
    ),
    Mutant(
        name="delta-without-overlap",
        file=DELTA,
        before="(mark - OVERLAP)",
        after="mark",
        tests=(DELTA_TESTS + "test_records_that_are_written_late_are_not_missed",),
        why="what was stamped before the last run and shown only after it is lost",
    ),
    Mutant(
        name="delta-by-answers-clock-alone",
        file=DELTA,
        before="min(watermark, newest or watermark)",
        after="watermark",
        tests=(DELTA_TESTS + "test_stamps_by_a_slow_clock_are_not_missed",),
        why="where the source stamps by a slower clock than it answers by, every change is missed",
    ),
    Mutant(
        name="delta-however-old-the-mark",
        file=DELTA,
        before="if page.dated_by_source and page.requested_at - state.watermark > OLDEST_MARK:",
        after="if False:",
        tests=(DELTA_TESTS + "test_a_watermark_that_is_too_old_reads_everything",),
        why="after months of silence a delta pretends that nothing was deleted meanwhile",
    ),
    Mutant(
        name="delta-leaves-a-second-early",
        file=DELTA,
        before="return replace(state, low=stamps[-1],",
        after="return replace(state, low=stamps[-1] + timedelta(seconds=1),",
        tests=(WALKS + "test_a_delta_sees_all_that_changed_since",),
        why="of many records stamped in one second, those on the next page are skipped",
    ),
    Mutant(
        name="delta-stops-at-a-tie",
        file=DELTA,
        before="min(stamps) < state.since:",
        after="min(stamps) <= state.since:",
        tests=(WALKS + "test_a_delta_sees_all_that_changed_since",),
        why="newest first, those that share the mark's second with the last of a page are skipped",
    ),
    Mutant(
        name="delta-believes-filter",
        file=DELTA,
        before="if _must_filter(state) and known and min(known) < state.low:",
        after="if False:",
        tests=(WALKS + "test_a_source_that_ignores_what_it_is_asked_is_found_out",),
        why="a filter that is ignored with 200 is taken for one that holds",
    ),
    Mutant(
        name="delta-believes-order",
        file=DELTA,
        before="return all(a >= b if descending else a <= b for a, b in pairwise(stamps))",
        after="return True",
        tests=(WALKS + "test_a_source_that_ignores_what_it_is_asked_is_found_out",),
        why="newest first, an order that is ignored ends the walk before it found what changed",
    ),
    Mutant(
        name="delta-goes-on-over-shifted-ground",
        file=DELTA,
        before="on_firm_ground = inner.shifts == state.inner.shifts",
        after="on_firm_ground = True",
        tests=(WALKS + "test_a_delta_sees_what_it_should_while_records_change",),
        why="what slipped past because something before it was deleted is not gone back for",
    ),
    Mutant(
        name="delta-although-rider-was-never-read",
        file="workflows/beginnings.py",
        before="unread = [name for name in entities if name not in states]",
        after="unread: list[EntityName] = []",
        tests=(DELTA_TESTS + "test_what_rides_for_the_first_time_is_read_whole",),
        why="an entity that is new here gets only what changed, and counts as complete",
    ),
    Mutant(
        name="delta-of-what-showed-nothing",
        file="workflows/beginnings.py",
        before="if empty := [name for name, state in states.items() if not state.shown]:",
        after="if empty := [name for name in states if not states]:",
        tests=(DELTA_TESTS + "test_what_showed_nothing_is_read_whole_again_until_it_shows_something",),
        why="a list that one wrong answer made look empty stays so until it is reconciled",
    ),
    # The watermark
    Mutant(
        name="watermark-when-completed",
        file=SYNC_STATE,
        before="CASE WHEN whole.seen THEN e.source_started_at END,",
        after="CASE WHEN whole.seen THEN now() END,",
        tests=(
            STORE
            + "test_sync_state.py::test_a_completed_run_sets_the_watermark_to_the_sources_clock_before_it",
        ),
        why="whatever changes while a run reads is never read",
    ),
    Mutant(
        name="watermark-by-local-clock",
        file="workflows/segments.py",
        before="if page.dated_by_source:",
        after="if True:",
        tests=("integration/test_engine.py::test_a_source_that_tells_no_time_gives_no_watermark",),
        why="a clock of this machine that runs ahead skips the changes of that time",
    ),
    Mutant(
        name="watermark-by-failed-run",
        file=SYNC_STATE,
        before="SELECT e.status = 'completed' AND c.checkpoint ->> 'delta' IS NULL",
        after="SELECT c.checkpoint ->> 'delta' IS NULL",
        tests=(STORE + "test_sync_state.py::test_no_other_outcome_moves_the_watermark",),
        why="what a run that failed half-way did not read is never read",
    ),
    *(
        Mutant(
            name=f"watermark-by-stopped-{whose}",
            file=SYNC_STATE,
            before="'stopped' IN (COALESCE(l.guard, ''), COALESCE(cl.guard, '')) AS stopped",
            after=f"'stopped' IN (COALESCE({other}.guard, '')) AS stopped",
            tests=(
                STORE
                + "test_sync_state.py::test_a_listing_whose_deletions_wait_for_a_person_moves_no_watermark",
            ),
            why="two empty answers in a row hide what has changed since the run before from every delta",
        )
        for whose, other in (("listing", "cl"), ("carrier", "l"))
    ),
    Mutant(
        name="watermark-goes-back",
        file=SYNC_STATE,
        before="SET watermark = GREATEST(s.watermark, excluded.watermark),",
        after="SET watermark = COALESCE(excluded.watermark, s.watermark),",
        tests=(STORE + "test_sync_state.py::test_the_watermark_never_goes_back",),
        why="a run that began earlier and ended later has everything read again",
    ),
    Mutant(
        name="watermark-of-last-attempt",
        file=RUNS,
        before="AND fence = %(fence)s AND source_started_at IS NULL;",
        after="AND fence = %(fence)s;",
        tests=(STORE + "test_runs.py::test_the_first_note_of_the_sources_clock_stays",),
        why="what changed on pages that were read before a crash is never read",
    ),
    Mutant(
        name="watermark-of-rider-by-partial-delta",
        file=SYNC_STATE,
        before="SELECT e.status = 'completed' AND c.checkpoint ->> 'delta' IS NULL",
        after="SELECT e.status = 'completed'",
        tests=(
            STORE + "test_sync_state.py::test_what_rode_on_a_part_of_its_carriers_records_has_no_watermark",
        ),
        why="a record that changed below one that did not is never read",
    ),
    Mutant(
        name="watermark-by-unproven-listing",
        file=SYNC_STATE,
        before="WHEN 'reconciliation' THEN l.proven",
        after="WHEN 'reconciliation' THEN true",
        tests=(
            STORE
            + "test_sync_state.py::test_a_reconciliation_moves_the_watermark_only_where_its_listing_is_proven",
        ),
        why="what a listing with a hole did not show counts as known",
    ),
    Mutant(
        name="watermark-by-reading-with-doubts",
        file=SYNC_STATE,
        before="ELSE known.watermark IS NULL OR COALESCE(cardinality(e.doubts), 0) = 0",
        after="ELSE true",
        tests=(STORE + "test_sync_state.py::test_what_was_read_with_doubts_does_not_move_the_watermark",),
        why="what changed, and a full sync with a hole did not show, is never read",
    ),
    Mutant(
        name="no-watermark-by-reading-with-doubts",
        file=SYNC_STATE,
        before="ELSE known.watermark IS NULL OR COALESCE",
        after="ELSE COALESCE",
        tests=(STORE + "test_sync_state.py::test_the_first_watermark_is_set_whatever_the_doubts",),
        why="of a source that counts nothing every delta reads everything, for ever",
    ),
    Mutant(
        name="mark-for-ever",
        file=SYNC_STATE,
        before="OR e.source_started_at - known.watermark > %(mark_lasts)s::interval",
        after="OR %(mark_lasts)s::interval IS NULL AND false",
        tests=(STORE + "test_sync_state.py::test_doubts_do_not_hold_a_watermark_that_no_delta_goes_by",),
        why="of a source that counts wrongly every delta reads everything, once thirty days have passed",
    ),
    Mutant(
        name="listing-by-another-clock",
        file="store/sql/listings.sql",
        before="    WHERE (SELECT pages FROM held) = 0\n",
        after="    WHERE false\n",
        tests=(
            STORE
            + "test_listings.py::test_a_listing_without_a_page_begins_when_its_first_page_was_asked_for",
        ),
        why="a listing that a process without the source's clock began is compared by that process's",
    ),
    # Pages: one transaction, one holder, the newest version
    Mutant(
        name="fence-unchecked",
        file=UPSERTS,
        before="AND fence = %(fence)s AND status = 'running' AND pages = %(page)s - 1",
        after="AND %(fence)s > 0 AND status = 'running' AND pages = %(page)s - 1",
        tests=(STORE + "test_page_fencing.py::test_a_superseded_token_writes_nothing",),
        why="a process that slept for five minutes writes over whoever took its work",
    ),
    Mutant(
        name="fence-unchecked-for-listing",
        file=LISTING_STATEMENTS,
        before="AND e.fence = %(fence)s AND e.status = 'running'\n      AND e.pages = %(page)s - 1",
        after="AND e.status = 'running'\n      AND e.pages = %(page)s - 1",
        tests=(STORE + "test_listings.py::test_a_superseded_token_writes_nothing",),
        why="a process that slept for five minutes lists what another one lists anew",
    ),
    Mutant(
        name="fence-unchecked-for-deletion",
        file=DELETIONS,
        before="if own is None or not own[4]:",
        after="if own is None:",
        tests=(STORE + "test_deletions.py::test_only_the_holder_deletes",),
        why="a process that slept for five minutes deletes what came back meanwhile",
    ),
    Mutant(
        name="fence-not-raised",
        file=RUNS,
        before="SET fence = fence + 1, status = 'running',",
        after="SET status = 'running',",
        tests=(STORE + "test_runs.py::test_taking_raises_the_token",),
        why="two processes hold one entity run and both may write",
    ),
    Mutant(
        name="page-twice",
        file=UPSERTS,
        before="AND fence = %(fence)s AND status = 'running' AND pages = %(page)s - 1",
        after="AND fence = %(fence)s AND status = 'running'",
        tests=(STORE + "test_page_fencing.py::test_a_page_that_is_not_the_next_writes_nothing",),
        why="a page whose commit was not heard of is committed again and counted twice",
    ),
    Mutant(
        name="page-after-the-end",
        file=UPSERTS,
        before="AND fence = %(fence)s AND status = 'running' AND pages = %(page)s - 1",
        after="AND fence = %(fence)s AND pages = %(page)s - 1",
        tests=(STORE + "test_page_fencing.py::test_a_settled_entity_run_takes_no_page",),
        why="a run that was cancelled goes on writing",
    ),
    Mutant(
        name="plain-with-something-left-over",
        file=PLAIN_RECORDS,
        before='"forbid_unknown_fields": True',
        after='"forbid_unknown_fields": False',
        tests=(
            STORE + "test_pages.py::test_unknown_attributes_and_unknown_to_one_relationships_are_in_extra",
        ),
        why="what the source added since the manifest was written is thrown away",
    ),
    Mutant(
        name="plain-whatever-the-date",
        file=PLAIN_RECORDS,
        before="AttributeType.DATE: date | None",
        after="AttributeType.DATE: str | None",
        tests=("unit/store/test_plain_records.py::test_what_does_not_fit_or_is_not_known_is_not_plain",),
        why="today and infinity become dates, which the source never said",
    ),
    Mutant(
        name="plain-though-thin",
        file=PLAIN_RECORDS,
        before="sent = rides and not entity.attributes[column.source].only_when_asked",
        after="sent = False",
        tests=(STORE + "test_riders.py::test_a_thin_copy_never_replaces_a_thick_one",),
        why="a copy that came along empties the columns that it does not speak of",
    ),
    Mutant(
        name="plain-though-silent",
        file=PLAIN_RECORDS,
        before="one = (_ToOne | None,) if rides else",
        after="one = (_ToOne | None, None) if rides else",
        tests=(
            "unit/store/test_plain_records.py::test_a_copy_that_does_not_speak_of_a_relationship_is_not_plain",
        ),
        why="a copy that came along without a word of whose it is makes it nobody's",
    ),
    Mutant(
        name="ids-with-quotes",
        file=PLAIN_RECORDS,
        before="if '\"' in whole or",
        after="if False or",
        tests=("unit/store/test_plain_records.py::test_what_does_not_fit_or_is_not_known_is_not_plain",),
        why="an id with a quotation mark becomes two, and each record after it points where its neighbour does",
    ),
    Mutant(
        name="checkpoint-before-page",
        file=PAGES,
        before="            try:\n                return await self._commit(connection",
        after=(
            "            early = 'UPDATE openfaith.entity_run SET checkpoint = %s::jsonb WHERE entity_run_id = %s'\n"
            "            await connection.execute(early, [place.checkpoint, place.entity_run_id])\n"
            "            try:\n                return await self._commit(connection"
        ),
        tests=(STORE + "test_pages.py::test_where_one_part_of_a_page_fails_nothing_of_it_is_written",),
        why="a crash between the two skips a page for ever",
    ),
    Mutant(
        name="checkpoint-not-kept",
        file=UPSERTS,
        before="SET checkpoint = %(checkpoint)s::jsonb,\n    pages",
        after="SET pages",
        tests=(STORE + "test_pages.py::test_checkpoint_counts_and_ledger_come_with_the_page",),
        why="a crash costs everything that was read, again and again",
    ),
    Mutant(
        name="checkpoint-thrown-away-by-retry",
        file=RUNS,
        before="""checkpoint = checkpoint || '{"retried": true}', reason = NULL""",
        after="checkpoint = NULL, reason = NULL",
        tests=(STORE + "test_run_outcomes.py::test_a_retry_continues_at_the_last_committed_page",),
        why="every retry of a large church begins at its first page",
    ),
    Mutant(
        name="riders-apart-from-page",
        file=PAGES,
        before="over needs.\n            async with connection.transaction():",
        after="over needs.\n            if True:",
        tests=(STORE + "test_riders.py::test_where_one_table_refuses_nothing_of_the_page_is_written",),
        why="a crash between two statements loses the e-mails of a page of people",
    ),
    Mutant(
        name="guard-without-request-time",
        file=WRITING,
        before="t._requested_at)\n    END",
        after="excluded._requested_at)\n    END",
        tests=(STORE + "test_page_guard.py::test_of_equal_stamps_the_later_request_wins",),
        why="of two versions with one stamp an older answer that comes late replaces the newer",
    ),
    Mutant(
        name="guard-without-stamp",
        file=WRITING,
        before=">= (COALESCE(t._source_updated_at, '-infinity'), t._requested_at)",
        after=">= (COALESCE(excluded._source_updated_at, '-infinity'), t._requested_at)",
        tests=(STORE + "test_page_guard.py::test_an_older_version_that_is_read_later_replaces_nothing",),
        why="a cache that serves an old record replaces the new one",
    ),
    Mutant(
        name="guard-only-strictly-newer",
        file=WRITING,
        before="              >= (COALESCE(",
        after="              > (COALESCE(",
        tests=(STORE + "test_page_guard.py::test_of_equal_versions_the_one_that_is_written_later_wins",),
        why="what was stored wrongly under the same version can never be mended",
    ),
    Mutant(
        name="guard-only-by-stamp",
        file=WRITING,
        before="(COALESCE(excluded._source_updated_at, '-infinity'), excluded._requested_at)\n              >= (COALESCE(t._source_updated_at, '-infinity'), t._requested_at)",
        after="COALESCE(excluded._source_updated_at, '-infinity') > COALESCE(t._source_updated_at, '-infinity')",
        tests=(STORE + "test_page_guard.py::test_of_equal_stamps_the_later_request_wins",),
        why="changes that move no stamp, and the second change within one second, are never stored",
    ),
    Mutant(
        name="unchanged-rows-rewritten",
        file=WRITING,
        before="ELSE t._hash <> excluded._hash\n             AND (",
        after="ELSE (",
        tests=(STORE + "test_pages.py::test_the_same_page_again_rewrites_no_row",),
        why="every sync rewrites every row: dead tuples, triggers, and counts that mean nothing",
    ),
    Mutant(
        name="tombstone-gives-way-to-older-page",
        file=WRITING,
        before="WHEN t._deleted_at IS NOT NULL THEN excluded._requested_at >= t._requested_at",
        after="WHEN t._deleted_at IS NOT NULL THEN true",
        tests=(STORE + "test_page_guard.py::test_a_tombstone_stays_against_a_listing_from_before_the_proof",),
        why="a page that was under way brings back what was deleted",
    ),
    Mutant(
        name="tombstone-for-ever",
        file=WRITING,
        before="WHEN t._deleted_at IS NOT NULL THEN excluded._requested_at >= t._requested_at",
        after="WHEN t._deleted_at IS NOT NULL THEN excluded._source_updated_at > t._source_updated_at",
        tests=(
            STORE + "test_page_guard.py::test_a_tombstone_gives_way_to_a_later_listing_whatever_its_stamp",
        ),
        why="a record that was restored at the source keeps its stamp, and stays deleted here",
    ),
    Mutant(
        name="removed-row-comes-back",
        file="store/removals.py",
        before='await deletion.connection.execute(query("deletions", "note_removals"), about)',
        after="pass",
        tests=(STORE + "test_deletions.py::test_an_older_page_does_not_bring_it_back_and_a_newer_one_does",),
        why="without a tombstone anywhere, a page that was under way brings a removed row back",
    ),
    Mutant(
        name="thin-copy-over-thick",
        file=READINGS,
        before=" WHERE page._attributes ?& {sent} IS NOT FALSE OR",
        after=" WHERE true OR page._attributes ?& {sent} IS NOT FALSE OR",
        tests=(STORE + "test_riders.py::test_a_thin_copy_never_replaces_a_thick_one",),
        why="an include that sends half of a record empties the other half of its row",
    ),
    Mutant(
        name="rider-wipes-ids",
        file=READINGS,
        before="if not self.rides:\n            return\n        stored",
        after="return\n        stored",
        tests=(STORE + "test_riders.py::test_what_a_rider_does_not_say_stays_and_what_it_says_counts",),
        why="a copy without linkage cuts an e-mail off from its person",
    ),
    Mutant(
        name="sparse-page-stored",
        file="workflows/segments.py",
        before="return await writer.commit(page, place, self._findings)",
        after="return await super()._store(page, place)",
        tests=(RECONCILIATION_TESTS + "test_where_nothing_has_changed_nothing_is_written",),
        why="a listing of ids and stamps empties every row that it lists",
    ),
    Mutant(
        name="unknown-attributes-dropped",
        file=READINGS,
        before="""unknown=sql.SQL("(_attributes - {})")""",
        after="""unknown=sql.SQL("('{{}}'::jsonb - {})")""",
        tests=(
            STORE + "test_pages.py::test_unknown_attributes_and_unknown_to_one_relationships_are_in_extra",
        ),
        why="a field that the API gained last week is lost until the program knows it",
    ),
    Mutant(
        name="bad-record-forgotten",
        file=PAGES,
        before="    await _set_aside(connection, place, part, examined.letters)\n",
        after="",
        tests=(
            STORE + "test_page_faults.py::test_a_bad_record_is_set_aside_whole_and_the_others_are_stored",
        ),
        why="a record that cannot be stored is skipped, and nobody ever hears of it",
    ),
    Mutant(
        name="bad-records-not-counted",
        file=PAGES,
        before='"dead_letters": len(examined.letters),',
        after='"dead_letters": 0,',
        tests=(
            STORE + "test_page_faults.py::test_a_bad_record_is_set_aside_whole_and_the_others_are_stored",
        ),
        why="a run that lost records looks like one that did not",
    ),
    Mutant(
        name="bad-records-never-too-many",
        file="strategies/dead_letters.py",
        before="return dead > max(_TOLERATED, _TOLERATED_SHARE * seen)",
        after="return False",
        tests=("unit/strategies/test_pacing.py",),
        why="a source that changed its format sets a whole church aside, and the run completes",
    ),
    Mutant(
        name="letters-resolved-unseen",
        file=RUNS,
        before="AND d.requested_at < e.source_started_at\n",
        after="\n",
        tests=(STORE + "test_sync_state.py::test_letters_from_after_the_runs_first_request_stay_open",),
        why="a record that went bad while a run was under way counts as mended",
    ),
    # Walks by offset, through a list that changes meanwhile
    Mutant(
        name="offset-without-anchor",
        file=OFFSETS,
        before="    anchors = _anchors(page.rows)\n",
        after="    anchors: tuple[str, ...] = ()\n",
        tests=(WALKS + "test_what_stays_while_others_come_and_go_is_seen",),
        why="offset = page * size: something is deleted further back, and a record slips past",
    ),
    Mutant(
        name="lost-anchor-shrugged-off",
        file=OFFSETS,
        before="for anchor in state.anchors if anchor in places), None)",
        after="for anchor in state.anchors if anchor in places), 0)",
        tests=(OFFSET_TESTS + "test_where_the_anchor_is_missing_the_walk_goes_back_and_finds_it",),
        why="the walk sees that the ground shifted, and goes on as if it had not",
    ),
    Mutant(
        name="empty-page-is-the-end",
        file=OFFSETS,
        before="if total is not None and request.offset < total:",
        after="if False:",
        tests=(OFFSET_TESTS + "test_an_empty_page_where_the_source_knows_of_more_is_refused",),
        why="one empty answer with 200 ends a list in its middle",
    ),
    Mutant(
        name="missing-link-is-the-end",
        file=OFFSETS,
        before="    return state.most is not None and end >= state.most",
        after="    return True",
        tests=(OFFSET_TESTS + "test_a_walk_ends_when_nothing_speaks_for_more",),
        why="one answer without `next` ends a list in its middle",
    ),
    Mutant(
        name="lower-count-believed",
        file=OFFSETS,
        before="    return state.most is not None and end >= state.most",
        after="    return state.total is not None and end >= state.total",
        tests=(
            OFFSET_TESTS + "test_a_count_that_is_lower_than_before_is_believed_only_when_nothing_more_comes",
        ),
        why="one answer that counts too little ends a list in its middle",
    ),
    Mutant(
        name="repeated-page-accepted",
        file=OFFSETS,
        before="if state.stuck + 1 >= _MOST_STUCK:",
        after="if False:",
        tests=(OFFSET_TESTS + "test_the_same_page_again_and_again_is_refused",),
        why="a `next` that leads in a circle is followed for ever",
    ),
    Mutant(
        name="repeats-counted-as-new",
        file=OFFSETS,
        before="    return not state.anchors or (0 < known",
        after="    return True or (0 < known",
        tests=(
            OFFSET_TESTS
            + "test_where_the_anchor_itself_is_gone_a_row_further_back_tells_the_place_but_not_the_count",
        ),
        why="records that came twice make up for records that never came, and the count agrees",
    ),
    Mutant(
        name="goes-back-for-ever",
        file=OFFSETS,
        before="if state.shifts < MOST_SHIFTS else min(1, len(page.records))",
        after="if state.shifts >= 0 else min(1, len(page.records))",
        tests=(OFFSET_TESTS + "test_a_collection_that_shifts_faster_than_it_is_read_is_read_to_its_end",),
        why="a list that changes all the time is never read to its end",
    ),
    Mutant(
        name="window-skips-a-second",
        file=FULL,
        before="inner=OffsetState(), low=state.high,",
        after="inner=OffsetState(), low=state.high + _SECOND,",
        tests=(WALKS + "test_a_full_walk_of_a_quiet_collection_sees_everything",),
        why="records made in the second at which two windows meet are in neither",
    ),
    Mutant(
        name="windows-believed",
        file=FULL,
        before="if state.windows and not _is_honoured(state, page):",
        after="if False:",
        tests=(WALKS + "test_windows_that_the_source_ignores_are_given_up",),
        why="a filter by `created_at` that is ignored reads the first window again and again",
    ),
    # The proof of a listing
    Mutant(
        name="shift-proven",
        file=OFFSETS,
        before="and state.read == state.most and not state.shifts",
        after="and state.read == state.most",
        tests=(PROOF_TESTS + "test_a_walk_that_lacks_one_thing_proves_nothing",),
        why="a listing under which the ground moved decides what is deleted",
    ),
    Mutant(
        name="count-not-compared",
        file=PROOF,
        before="differs = state.total is not None and state.read != state.total",
        after="differs = False",
        tests=(PROOF_TESTS + "test_a_listing_that_lacks_one_thing_is_not",),
        why="a listing that shows fewer than the source counts decides what is deleted",
    ),
    Mutant(
        name="count-of-window-not-compared",
        file=OFFSETS,
        before="and state.read == state.most and not state.shifts",
        after="and not state.shifts",
        tests=(PROOF_TESTS + "test_a_walk_that_lacks_one_thing_proves_nothing",),
        why="a window that shows fewer than the source counts is closed",
    ),
    Mutant(
        name="unproven-window-counted",
        file=FULL,
        before="sure = proves(state.inner) and state.read",
        after="sure = state.read",
        tests=(PROOF_TESTS + "test_the_sum_of_all_windows_proves_nothing_where_one_of_them_does_not",),
        why="one window with a hole is forgotten over the sum of all",
    ),
    Mutant(
        name="cap-taken-for-count",
        file=PROOF,
        before="KNOWN_CAPS = frozenset({10_000})",
        after="KNOWN_CAPS: frozenset[int] = frozenset()",
        tests=(PROOF_TESTS + "test_a_listing_that_lacks_one_thing_is_not",),
        why="a source that counts to 10,000 and no further has the rest deleted",
    ),
    Mutant(
        name="shown-twice-counted-twice",
        file="workflows/segments.py",
        before="shown=walk.shown() if walk.done else None,",
        after="",
        tests=(RECONCILIATION_TESTS + "test_what_stands_twice_may_stand_for_what_is_not_shown",),
        why="a record that stands in two places makes up for one that stands in none",
    ),
    Mutant(
        name="garbage-links-merges",
        file="store/merges.py",
        before="for key, survivor, _ in found if is_plain(survivor)}",
        after="for key, survivor, _ in found}",
        tests=(
            "integration/test_merging.py::test_what_cannot_be_an_id_is_nobodys_survivor_and_links_no_chain",
        ),
        why="what stands in the place of two ids makes one chain of two merges",
    ),
    Mutant(
        name="bad-records-per-segment",
        file="workflows/tallies.py",
        before="        self._dead[self._own] = held.dead_letters - held.forgiven_dead_letters\n",
        after="",
        tests=(
            "integration/test_engine.py::test_bad_records_are_counted_over_segments_and_a_retry_begins_anew",
        ),
        why="twenty bad records of every hundred pages are set aside for ever",
    ),
    Mutant(
        name="bad-records-never-forgiven",
        file="store/sql/runs.sql",
        before="forgiven_dead_letters = CASE WHEN carrier IS NULL THEN dead_letters ELSE 0 END",
        after="forgiven_dead_letters = 0",
        tests=(
            "integration/test_engine.py::test_bad_records_are_counted_over_segments_and_a_retry_begins_anew",
        ),
        why="what once had too many bad records can never complete again",
    ),
    Mutant(
        name="letters-outlive-their-record",
        file="store/endings.py",
        before="AND t._requested_at > d.requested_at",
        after="AND false",
        tests=(
            "integration/store/test_sync_state.py::test_whatever_run_has_stored_the_record_since_resolves_its_letter",
        ),
        why="a record that a delta has stored long ago is counted as one that cannot be stored",
    ),
    Mutant(
        name="refused-with-the-former-token",
        file=BREAKER_STATEMENTS,
        before=" IS NULL OR c.updated_at = %(saved_at)s)\nFOR SHARE",
        after=" IS NULL OR true)\nFOR SHARE",
        tests=(BREAKERS + "test_a_refusal_says_nothing_of_credentials_that_came_since",),
        why="the answer to the former token stops everything that the new one could read",
    ),
    Mutant(
        name="promise-to-go-on-forgotten",
        file="store/endings.py",
        before="    await keep_promise(database, run_id)\n",
        after="",
        tests=(
            BREAKERS + "test_credentials_that_come_while_a_run_is_still_at_it_have_it_go_on_once_it_is_over",
        ),
        why="what the former token has failed is read by nobody, because the new one came a little too soon",
    ),
    Mutant(
        name="asked-to-leave-alone",
        file="workflows/pausing.py",
        before="            wait=max(trouble.wait or timedelta(), probe_wait(0, runtime.breakers, runtime.random)),\n",
        after="            wait=probe_wait(0, runtime.breakers, runtime.random),\n",
        tests=(BREAKERS + "test_a_source_that_asks_for_an_hour_gets_it_and_nothing_is_lost",),
        why="a source that asks for an hour is asked again after five seconds",
    ),
    Mutant(
        name="trouble-long-past",
        file=BREAKER_STATEMENTS,
        before=" AND next_probe_at > now() - %(awaited)s::interval",
        after="",
        tests=(BREAKERS + "test_trouble_that_nobody_waits_for_any_more_is_not_counted",),
        why="two failures of last week and one of now stop everybody",
    ),
    Mutant(
        name="trouble-of-many-overlooked",
        file="store/breakers.py",
        before="            told = await _open_shared(connection, asked, policy)\n",
        after="            told = []\n",
        tests=(BREAKERS + "test_those_who_opened_theirs_at_the_same_moment_find_each_other_as_they_probe",),
        why="organizations that met an outage at the same moment each probe for themselves as long as it lasts",
    ),
    Mutant(
        name="outage-blamed-on-parents",
        file="workflows/nested_segments.py",
        before="        await refuse_away(self._runtime, self._assignment.org_id, self._assignment.adapter, error)\n",
        after="",
        tests=("integration/test_breakers.py::test_an_outage_below_few_parents_is_no_failure_of_these",),
        why="a source that is away for an hour fails what is read below few parents, and nobody goes on with it",
    ),
    Mutant(
        name="nothing-believed-at-once",
        file=PROOF,
        before="if _is_bare(state) and not state.repeats:",
        after="if False:",
        tests=(PROOF_TESTS + "test_a_listing_that_lacks_one_thing_is_not",),
        why="one answer without rows proves that everything is gone",
    ),
    Mutant(
        name="unfinished-listing-proven",
        file=PROOF,
        before="    if not state.done:",
        after="    if False:",
        tests=(PROOF_TESTS + "test_a_listing_that_lacks_one_thing_is_not",),
        why="a listing that broke off decides what is deleted",
    ),
    Mutant(
        name="ignored-windows-proven",
        file=PROOF,
        before="    if state.distrusted:",
        after="    if False:",
        tests=(PROOF_TESTS + "test_a_listing_that_lacks_one_thing_is_not",),
        why="a source that was caught at not doing what it is asked is believed all the same",
    ),
    Mutant(
        name="uncounted-listing-proven",
        file=PROOF,
        before='        doubts.append("the source counted nothing")',
        after="        pass",
        tests=(PROOF_TESTS + "test_a_listing_that_lacks_one_thing_is_not",),
        why="without a count nobody knows what was not shown",
    ),
    Mutant(
        name="unproven-parents-forgotten",
        file=NESTED,
        before="if inner.done and not proves(inner):",
        after="if False:",
        tests=(NESTED_TESTS + "test_a_parent_whose_count_is_not_reached_is_counted_and_left",),
        why="below one parent rows were hidden, and the listing counts as complete",
    ),
    Mutant(
        name="empty-below-parents-believed",
        file=NESTED,
        before="    elif inner.done and inner.read == 0:",
        after="    elif False:",
        tests=(NESTED_TESTS + "test_a_parent_with_nothing_below_it_is_one_page",),
        why="an empty answer with 200 that was no answer, and all that is below the parent counts as read",
    ),
    Mutant(
        name="vanished-parent-believed",
        file="workflows/nested_segments.py",
        before="empty=walk.state.empty + 1, failures=0",
        after="failures=0",
        tests=("integration/test_nested_walks.py::test_a_parent_that_is_gone_is_told_and_fails_nobody",),
        why="one wrong 404, and all that is below the parent counts as read",
    ),
    Mutant(
        name="letters-read-as-digits",
        file="store/migrations/0016_quicker_dates.sql",
        before="    SELECT value LIKE '____-__-__' AND value ~ '^([0-9][0-9]+-?)+$'\n",
        after="    SELECT value LIKE '____-__-__'\n",
        tests=("integration/store/test_page_faults.py::test_a_value_that_does_not_fit_is_kept_in_extra",),
        why="PostgreSQL reads 2020-11-1z as the first of November, and that is stored",
    ),
    Mutant(
        name="locks-of-any-database",
        file="engine/verbs.py",
        before='return ProcessLocks(self.settings.home / "executors" / self._identity)',
        after='return ProcessLocks(self.settings.home / "executors")',
        tests=("integration/test_engine.py::test_a_dead_process_is_known_to_those_of_its_own_database_only",),
        why="the lock file of a dead process is removed by who does not know its lease",
    ),
    Mutant(
        name="cancellation-unheard",
        file="workflows/cancelling.py",
        before="            return asking.result()\n",
        after="            return False\n",
        tests=("integration/test_engine.py::test_cancel_is_heard_while_the_source_has_everybody_wait",),
        why="a cancelled run waits for its source for as long as that asks for",
    ),
    Mutant(
        name="living-parent-vanished",
        file="workflows/nested_segments.py",
        before="        said = await self._ask_for(parent)\n",
        after="        said = error\n",
        tests=(
            "integration/test_nested_walks.py::test_a_parent_that_is_there_with_nothing_found_below_it_speaks_against_all_that_was_read",
        ),
        why="a wrong 404 below a parent that is there, and all that is below it counts as read",
    ),
    Mutant(
        name="rode-below-unread-parents",
        file="store/sql/runs.sql",
        before="            WHEN EXISTS (SELECT FROM openfaith.parent_failure AS f WHERE f.entity_run_id = e.entity_run_id)\n",
        after="            WHEN false\n",
        tests=(
            STORE + "test_sync_state.py::test_what_speaks_against_a_carrier_speaks_against_what_came_along",
        ),
        why="what would have come along with what was refused counts as read",
    ),
    Mutant(
        name="run-ends-untold",
        file="store/endings.py",
        before="    await insert_events(connection, told)\n    return ended, told\n",
        after='    await connection.execute("COMMIT")\n    await insert_events(connection, told)\n    return ended, told\n',
        tests=(
            STORE + "test_run_outcomes.py::test_a_run_and_its_entities_end_together_with_what_is_told_of_it",
        ),
        why="a process killed in between leaves a run that is over and of whose end nobody is told",
    ),
    Mutant(
        name="left-open-untold",
        file="store/endings.py",
        before="            if e.entity in were_open\n",
        after="            if False\n",
        tests=(STORE + "test_run_outcomes.py::test_what_is_still_open_of_a_run_that_ends_is_told_with_it",),
        why="an entity that failed with its run is missing in the run's story",
    ),
    Mutant(
        name="unread-parents-forgotten",
        file=LISTING_STATEMENTS,
        before="           AND COALESCE('below some parents nothing could be read' <> ALL(p.doubts), true) AS read\n",
        after="           AS read\n",
        tests=(NESTED_LISTINGS + "test_where_parents_may_be_lacking_nothing_is_suspected",),
        why="a run that is retried late takes what is below the refused for deleted",
    ),
    Mutant(
        name="mark-of-a-nested-carrier-kept",
        file="workflows/beginnings.py",
        before="    return OLDEST_MARK if keeps else timedelta()\n",
        after="    return OLDEST_MARK if keeps or reading is Reading.NESTED else timedelta()\n",
        tests=("unit/workflows/test_beginnings.py",),
        why="what is read whole by every delta is called a month behind",
    ),
    Mutant(
        name="read-below-doubted-parents",
        file="store/doubts.py",
        before="            every += standing.doubts()\n",
        after="",
        tests=(
            STORE
            + "test_nested_listings.py::test_what_was_read_below_parents_is_no_more_proven_than_they_are",
        ),
        why="half of the parents were missed, and all that is below them counts as read",
    ),
    Mutant(
        name="product-closed-meanwhile",
        file="workflows/runtime.py",
        before="            raise refusal\n",
        after="            raise closed[product]\n",
        tests=(
            "integration/test_runtime.py::test_a_product_that_is_closed_while_others_take_it_for_open_is_refused",
        ),
        why="an entity fails where it is only not accessible",
    ),
    Mutant(
        name="emptied-listing-closed",
        file=LISTINGS,
        before="if rows != listing.counted:",
        after="if False:",
        tests=(STORE + "test_listings.py::test_a_listing_that_lost_rows_proves_nothing",),
        why="a table that crash recovery emptied means: delete all",
    ),
    Mutant(
        name="emptied-listing-compared",
        file=DIFFERENCES,
        before="if rows == self.listing.rows:",
        after="if True:",
        tests=(
            STORE
            + "test_differences.py::test_a_listing_that_loses_rows_while_it_is_compared_leaves_no_suspect",
        ),
        why="a table that crash recovery emptied after it was closed means: delete all",
    ),
    Mutant(
        name="listing-unlogged",
        file="store/migrations/0002_truth.sql",
        before="CREATE TABLE openfaith.listing_row",
        after="CREATE UNLOGGED TABLE openfaith.listing_row",
        tests=(STORE + "test_listings.py::test_listings_and_what_they_found_are_never_unlogged",),
        why="PostgreSQL empties such a table when it recovers from a crash",
    ),
    Mutant(
        name="record-without-id-overlooked",
        file=LISTINGS,
        before="    if listing.unusable:",
        after="    if False:",
        tests=(
            STORE + "test_listings.py::test_where_nobody_knows_who_a_record_is_the_listing_proves_nothing",
        ),
        why="a record whose id cannot be read is taken for gone",
    ),
    # What was not listed: suspects, and the guard
    Mutant(
        name="suspects-of-unproven-listing",
        file=DIFFERENCES,
        before='done = ends and (self.listing.side == "stored" or not proven)',
        after='done = ends and self.listing.side == "stored"',
        tests=(STORE + "test_differences.py::test_a_listing_without_proof_makes_no_suspects",),
        why="one truncated answer makes half of a church suspects",
    ),
    Mutant(
        name="rider-proven-without-its-carrier",
        file="workflows/reading.py",
        before="doubts = held.carrier_doubts if held.carrier_doubts is not None else (_UNPROVEN_CARRIER,)",
        after="doubts: tuple[str, ...] = ()",
        tests=(
            RECONCILIATION_TESTS + "test_what_came_along_with_a_listing_that_proves_nothing_is_not_suspected",
        ),
        why="what rides on a listing with a hole is taken for gone",
    ),
    Mutant(
        name="rider-proven-by-a-listing-that-is-not",
        file=RUNS,
        before="ON l.entity_run_id = c.entity_run_id AND l.closed_at IS NOT NULL",
        after="ON l.entity_run_id = c.entity_run_id AND l.closed_at IS NULL",
        tests=(
            STORE + "test_listings.py::test_what_speaks_against_a_listing_speaks_against_what_came_along",
        ),
        why="what rides on a listing that lost rows, or has not all parents, is taken for gone",
    ),
    Mutant(
        name="written-since-suspected",
        file=DIFFERENCES,
        before="AND part._requested_at <= %(started_at)s{walked}",
        after="AND %(started_at)s::timestamptz IS NOT NULL{walked}",
        tests=(STORE + "test_differences.py::test_what_was_stored_after_the_listing_began_is_no_suspect",),
        why="whoever joined while the listing was read is taken for gone",
    ),
    Mutant(
        name="shrunken-count-believed",
        file=FULL,
        before="None if before is None or now is None else max(before, now)",
        after="now",
        tests=(WALKS + "test_what_goes_before_its_window_is_read_leaves_none",),
        why="a record that goes makes up for one that a window hid",
    ),
    Mutant(
        name="stamp-taken-for-one-change",
        file=DIFFERENCES,
        before="          AND part.updated_at > GREATEST(stored._requested_at, whole.read_at)",
        after="          AND false AND part.updated_at > GREATEST(stored._requested_at, whole.read_at)",
        tests=(
            STORE
            + "test_differences.py::test_what_was_read_in_the_second_of_its_stamp_is_stale_until_all_was_read_since",
        ),
        why="the second change within a second is lost once a reconciliation has moved the watermark past it",
    ),
    Mutant(
        name="stale-overlooked",
        file=DIFFERENCES,
        before="WHERE stored.id IS NULL OR part.updated_at > COALESCE(stored._source_updated_at, '-infinity')",
        after="WHERE stored.id IS NULL",
        tests=(STORE + "test_differences.py::test_what_is_listed_as_newer_than_it_is_stored_is_stale",),
        why="a reconciliation that sees that a row is old leaves it so",
    ),
    Mutant(
        name="unread-parent-counts-as-read",
        file=DIFFERENCES,
        before="WHERE f.entity_run_id = %(entity_run_id)s AND f.parent_id = part.parent",
        after="WHERE f.entity_run_id = %(entity_run_id)s AND f.parent_id IS NULL",
        tests=(
            NESTED_LISTINGS + "test_below_parents_that_could_not_be_read_nothing_is_suspected",
            RECONCILIATION_TESTS + "test_below_a_parent_that_may_not_be_seen_nothing_is_suspected",
        ),
        why="below a parent that answered with an error everything is taken for gone",
    ),
    Mutant(
        name="unread-parents-of-what-is-below-many",
        file=DIFFERENCES,
        before="AND NOT EXISTS (SELECT FROM openfaith.parent_failure WHERE entity_run_id = %(entity_run_id)s)",
        after="AND %(entity_run_id)s::bigint IS NOT NULL",
        tests=(
            NESTED_LISTINGS + "test_what_may_be_below_any_parent_is_suspected_only_where_all_could_be_read",
        ),
        why="what many parents have in common is taken for gone where the one that shows it did not answer",
    ),
    Mutant(
        name="parents-taken-for-all-there-are",
        file=LISTINGS,
        before="                *await doubts_of_parents(connection, held.entity_run_id),\n",
        after="",
        tests=(
            NESTED_LISTINGS + "test_where_parents_may_be_lacking_nothing_is_suspected",
            NESTED_LISTINGS + "test_without_its_parents_in_the_same_run_a_listing_proves_nothing",
        ),
        why="what moved to a parent that nobody has read is taken for gone",
    ),
    Mutant(
        name="parents-that-could-not-be-fetched-forgotten",
        file="store/sql/differences.sql",
        before="l.failed + (SELECT count(*) FROM failed)",
        after="l.failed",
        tests=(NESTED_LISTINGS + "test_what_could_not_be_fetched_is_counted_once",),
        why="what moved to a parent that was listed, and could not be fetched, is taken for gone",
    ),
    Mutant(
        name="forgotten-listing-counts-as-compared",
        file=DIFFERENCES,
        before="        if listing.forgotten_at is not None:\n",
        after="        if False:\n",
        tests=(
            STORE
            + "test_listings.py::test_a_run_that_is_retried_after_its_rows_were_forgotten_moves_neither_watermark_nor_proof",
        ),
        why="a run that is retried after a week finds nothing left to do, and calls that a proof",
    ),
    Mutant(
        name="forgotten-under-a-retry",
        file=LISTING_STATEMENTS,
        before="ORDER BY l.entity_run_id LIMIT 1 FOR UPDATE OF e, l SKIP LOCKED",
        after="ORDER BY l.entity_run_id LIMIT 1",
        tests=(STORE + "test_listings.py::test_what_is_being_retried_is_passed_over",),
        why="a run that is retried has its listing taken away while it goes on with it",
    ),
    Mutant(
        name="new-parent-counts-as-read",
        file=DIFFERENCES,
        before="            AND p._requested_at <= %(started_at)s\n          OFFSET 0) OR {gone})",
        after="          OFFSET 0) OR {gone})",
        tests=(NESTED_LISTINGS + "test_below_parents_that_were_not_there_to_be_walked_nothing_is_suspected",),
        why="below a parent that came after the walk everything is taken for gone",
    ),
    Mutant(
        name="below-the-gone-for-ever",
        file=DIFFERENCES,
        before="          OFFSET 0) OR {gone})",
        after="          OFFSET 0))",
        tests=(
            NESTED_LISTINGS
            + "test_below_a_parent_that_is_known_to_be_gone_what_was_listed_nowhere_is_suspected",
        ),
        why="what can only be reached below a deleted record stays for ever",
    ),
    Mutant(
        name="unknown-parent-counts-as-gone",
        file=DIFFERENCES,
        before="          OFFSET 0) OR {gone})",
        after="          OFFSET 0) OR part.parent IS NOT NULL)",
        tests=(NESTED_LISTINGS + "test_below_parents_that_were_not_there_to_be_walked_nothing_is_suspected",),
        why="below a parent that nobody knows, or that came after the walk, everything is taken for gone",
    ),
    Mutant(
        name="removed-parents-forgotten",
        file="store/removals.py",
        before="        SELECT FROM openfaith.removal AS gone\n        WHERE",
        after="        SELECT FROM openfaith.removal AS gone\n        WHERE false AND",
        tests=(
            NESTED_LISTINGS
            + "test_below_a_parent_that_is_known_to_be_gone_what_was_listed_nowhere_is_suspected",
        ),
        why="below a record whose row was removed everything stays for ever",
    ),
    Mutant(
        name="below-nobody-not-listed",
        file="workflows/nested_segments.py",
        before="            await self._list_nothing()\n",
        after="            pass\n",
        tests=(
            RECONCILIATION_TESTS
            + "test_where_no_parent_is_left_what_was_below_them_waits_for_a_person_and_is_then_deleted",
        ),
        why="what was below parents that are all gone stays for ever, and nobody is told",
    ),
    Mutant(
        name="dated-by-the-parents",
        file=RUNS,
        before="       OR e.pages = 0 AND p.source_started_at IS NOT NULL",
        after="       OR p.source_started_at IS NOT NULL",
        tests=(NESTED_LISTINGS + "test_who_has_asked_somebody_does_not_go_by_the_time_of_the_parents",),
        why="a listing that began by a clock of this machine is compared with the times of the source",
    ),
    Mutant(
        name="missed-once-counts-twice",
        file=DIFFERENCES,
        before="COALESCE(s.times_missed, 0) + 1 AS times_missed",
        after="COALESCE(s.times_missed, 0) + 2 AS times_missed",
        tests=(STORE + "test_differences.py::test_every_listing_that_misses_a_suspect_is_counted_once",),
        why="what the source cannot be asked for is deleted after one listing",
    ),
    Mutant(
        name="approval-outlives-permissions",
        file=DIFFERENCES,
        before="WHEN s.state = 'approved' AND s.permissions IS NOT DISTINCT FROM %(permissions)s THEN s.state",
        after="WHEN s.state = 'approved' THEN s.state",
        tests=(STORE + "test_differences.py::test_an_approval_ends_when_the_token_sees_something_else",),
        why="what was approved with one token is deleted with a weaker one, which sees nothing of it",
    ),
    Mutant(
        name="rejection-forgotten",
        file=DIFFERENCES,
        before="        WHEN s.state = 'rejected' THEN s.state\n",
        after="",
        tests=(
            STORE
            + "test_differences.py::test_what_was_rejected_is_not_asked_about_until_it_was_listed_again",
        ),
        why="a person says that a record is not gone, and the next listing asks again, or deletes",
    ),
    Mutant(
        name="approval-of-what-nobody-saw",
        file=SUSPECTS,
        before="IS NULL AND state = 'held' OR id = ANY(%(ids)s) AND state IN ('held', 'rejected'))",
        after="IS NULL OR id = ANY(%(ids)s)) AND state <> 'confirmed'",
        tests=(STORE + "test_differences.py::test_an_approval_concerns_what_waits_for_it_and_nothing_else",),
        why="to approve ten deletions approves those that nobody was shown",
    ),
    Mutant(
        name="sights-not-looked-at",
        file=SUSPECTS,
        before="AND seen.permissions <> COALESCE(l.permissions, '')) AS",
        after="AND false) AS",
        tests=(SIGHTS + "test_what_was_stored_under_another_sight_is_not_accepted_under_this",),
        why="what a full sync stored is deleted by the first listing of a token that lost a right",
    ),
    Mutant(
        name="unknown-sight-is-any",
        file=SUSPECTS,
        before="AND seen.permissions <> COALESCE(l.permissions, '')) AS",
        after="AND seen.permissions <> l.permissions) AS",
        tests=(SIGHTS + "test_a_sight_that_nobody_knew_is_another",),
        why="a source that does not tell once lets everything be deleted that it does not show",
    ),
    Mutant(
        name="every-sight-accepted",
        file="workflows/reconciling.py",
        before="permissions_changed=standing.permissions_changed,",
        after="permissions_changed=False,",
        tests=("integration/test_sights.py::test_what_rides_along_outlives_a_permission_that_is_lost",),
        why="what was noted is never held against the listing",
    ),
    Mutant(
        name="later-sights-accepted",
        file=SUSPECTS,
        before="\n      AND seen.noted_at < COALESCE(c.started_at, e.started_at)",
        after="",
        tests=(SIGHTS + "test_what_may_have_been_stored_after_a_listing_began_is_not_accepted_by_it",),
        why="a run that is retried accepts what another one stored after its listing, and the next deletes it",
    ),
    Mutant(
        name="rider-as-old-as-it-was-taken",
        file=SUSPECTS,
        before="COALESCE(c.started_at, e.started_at)",
        after="e.started_at",
        tests=(SIGHTS + "test_what_rides_began_with_what_it_rides_on",),
        why="likewise, of what came along with a listing and is settled much later",
    ),
    Mutant(
        name="sight-noted-once",
        file=RUNS,
        before="DO UPDATE SET noted_at = excluded.noted_at",
        after="DO NOTHING",
        tests=(SIGHTS + "test_what_was_seen_when_an_older_listing_began_counts_from_then_on",),
        why="what a stronger token stored during a listing counts as seen before it",
    ),
    Mutant(
        name="riders-sights-not-noted",
        file=RUNS,
        before="(stored.entity = taken.entity OR stored.carrier = taken.entity)",
        after="stored.entity = taken.entity",
        tests=(SIGHTS + "test_whoever_takes_an_entity_notes_what_rides_on_it",),
        why="what came along with a carrier that failed was stored under a sight that nobody noted",
    ),
    Mutant(
        name="sight-of-another-attempt",
        file=RUNS,
        before="WHERE run_id = %(run_id)s AND attempt = %(attempt)s AND status = 'running';",
        after="WHERE run_id = %(run_id)s AND status = 'running';",
        tests=(SIGHTS + "test_an_attempt_is_not_taken_for_the_next",),
        why="a process that hangs writes the sight of an attempt that is over into the next",
    ),
    Mutant(
        name="retried-under-the-old-sight",
        file=RUNS,
        before="closed_products = '{}', permissions = NULL",
        after="closed_products = '{}'",
        tests=(SIGHTS + "test_an_attempt_is_not_taken_for_the_next",),
        why="what is stored before a retried run has asked counts as seen by the token of the attempt before",
    ),
    Mutant(
        name="former-refusal-believed",
        file=PAUSING,
        before="if _is_rejected(error) and await runtime.connect(org_id, adapter) is not asked:",
        after="if False:",
        tests=(BREAKERS + "test_a_token_that_is_replaced_while_it_is_used_stops_nothing",),
        why="what a former token met in one process stops the organization that has a new one",
    ),
    Mutant(
        name="former-token-asked",
        file=PAUSING,
        before="    client = await runtime.connect(org_id, adapter)\n",
        after="    client = await runtime.client(org_id, adapter)\n",
        tests=(BREAKERS + "test_a_run_begins_with_the_newest_token",),
        why="a process that lives long begins every run with the token that it knew first",
    ),
    Mutant(
        name="one-refused-address-stops-all",
        file=PAUSING,
        before="    if not is_known and known is not None and known.identity is not None:",
        after="    if False:",
        tests=(BREAKERS + "test_a_refusal_of_one_address_alone_stops_nothing_else",),
        why="one address with a hint that nobody knows keeps an organization from all others",
    ),
    Mutant(
        name="own-breaker-left-open",
        file=PAUSING,
        before="    await _close_all(runtime, org_id, adapter, client)\n    return me",
        after="    await _close_shared(runtime, org_id, adapter)\n    return me",
        tests=(BREAKERS + "test_an_answer_at_the_beginning_of_a_run_closes_its_own_breaker_too",),
        why="a run fails for a breaker that the source has just disproved",
    ),
    Mutant(
        name="waits-for-ever",
        file=BREAKER_STATEMENTS,
        before="last.committed_at > now() - %(within)s::interval",
        after="true",
        tests=(BREAKERS + "test_a_source_that_is_well_only_when_asked_how_it_is_ends_the_wait",),
        why="a source that is well only when it is asked how it is keeps an entity for ever",
    ),
    Mutant(
        name="address-taken-for-an-outage",
        file=PAUSING,
        before="    seen = await _ask_cheaply(runtime, org_id, adapter)\n    if isinstance(seen, CredentialsRejectedError):\n        return _rejected(seen)\n    return opened_by",
        after="    seen = error\n    return opened_by",
        tests=(BREAKERS + "test_one_address_that_always_fails_is_no_outage",),
        why="one address that always fails stops its organization",
    ),
    Mutant(
        name="everybody-probes",
        file=BREAKER_STATEMENTS,
        before=" AND (probing_until > now()) IS NOT TRUE",
        after="",
        tests=(BREAKERS + "test_of_all_who_want_to_probe_one_may",),
        why="a source in trouble gets the probes of all processes at once",
    ),
    Mutant(
        name="dry-run-goes-on",
        file="workflows/permissions.py",
        before="stopped = None if is_copy(adapter) else run_id",
        after="stopped = run_id",
        tests=(BREAKERS + "test_a_dry_run_does_not_take_the_place_of_the_run_that_goes_on",),
        why="the run that credentials had stopped is forgotten over a dry run",
    ),
    Mutant(
        name="sight-unknown-after-a-wait",
        file="workflows/permissions.py",
        before="                return sleep\n",
        after="                return None\n",
        tests=(BREAKERS + "test_a_run_that_waited_before_it_began_stores_under_the_sight_that_it_has",),
        why="after an outage of everybody's each organization's next deletions wait for a person",
    ),
    Mutant(
        name="cancelled-run-revived",
        file="store/going_on.py",
        before="if (await get_run(database, run_id)).cancel_requested_at is not None:",
        after="if False:",
        tests=(BREAKERS + "test_a_run_that_a_person_has_stopped_stays_so_whoever_connects",),
        why="what a person has stopped begins again with the next token",
    ),
    Mutant(
        name="later-listing-asked-for",
        file=SUSPECTS,
        before="\n  AND s.entity_run_id = d.entity_run_id",
        after="",
        tests=(
            STORE
            + "test_differences.py::test_a_retried_reconciliation_leaves_what_a_later_one_has_missed_to_that",
        ),
        why="a retried reconciliation asks for the same record again and again",
    ),
    Mutant(
        name="own-pages-stale",
        file=DIFFERENCES,
        before="OR %(rereads)s AND part.updated_at",
        after="OR (%(rereads)s OR true) AND part.updated_at",
        tests=(
            STORE + "test_differences.py::test_what_its_own_pages_have_brought_is_not_stale_for_its_stamp",
        ),
        why="in a busy church everything below is doubted in most reconciliations",
    ),
    Mutant(
        name="delimiters-read-as-digits",
        file="store/migrations/0016_quicker_dates.sql",
        before="THEN value ~ '^([0-9][0-9]+[-T:Z])+$'",
        after="THEN value ~ '^[-0-9T:Z]+$'",
        tests=(STORE + "test_page_faults.py::test_a_value_that_does_not_fit_is_kept_in_extra",),
        why="PostgreSQL reads :020-11-12 as the year 20, and that is stored",
    ),
    Mutant(
        name="connections-in-turns",
        file="store/connection.py",
        before="self.appendleft(connection)",
        after="super().append(connection)",
        tests=(STORE + "test_connection.py::test_the_connection_that_came_back_last_is_used_next",),
        why="each of a process's connections prepares and plans every page statement",
    ),
    Mutant(
        name="rider-over-what-it-did-not-see",
        file=WRITING,
        before="seen=sql.SQL(_SEEN).format(table=own) if self.reading.suffix else",
        after="seen=sql.SQL('') if self.reading.suffix else",
        tests=(
            STORE
            + "test_riders.py::test_a_thin_copy_does_not_replace_a_whole_one_that_was_stored_while_it_waited",
            STORE
            + "test_riders.py::test_an_id_that_was_set_while_a_rider_waited_stays_where_the_rider_does_not_say_it",
        ),
        why="a page that waited for a replay takes attributes away from what that has stored",
    ),
    Mutant(
        name="riders-mixed-up",
        file=UPSERTS,
        before='FROM counts{of}"""\n"""What there is',
        after='FROM counts_1"""\n"""What there is',
        tests=(STORE + "test_riders.py::test_several_that_ride_are_told_apart",),
        why="one rider's rows are counted for another",
    ),
    Mutant(
        name="rider-of-any-run",
        file=UPSERTS,
        before="AND rider.run_id = entity_run.run_id))",
        after="))",
        tests=(STORE + "test_riders.py::test_what_rides_for_another_run_is_not_stored",),
        why="what rides on a page is counted for a run that has not read it",
    ),
    Mutant(
        name="one-that-came-along-forgotten",
        file=READINGS,
        before="                for include in asked\n            ),",
        after="                for include in asked[:0]\n            ),",
        tests=(
            STORE
            + "test_riders.py::test_by_whom_something_rides_is_kept_beside_the_carrier_only_where_no_table_says_it",
        ),
        why="that somebody has just this one is said nowhere else, and is lost",
    ),
    Mutant(
        name="cancellation-lost",
        file="store/connection.py",
        before="if _cancellations() > asked:",
        after="if False:",
        tests=(STORE + "test_connection.py::test_a_task_that_is_cancelled_as_it_gets_a_connection_ends",),
        why="a command that is stopped right after its start goes on for ever",
    ),
    Mutant(
        name="sight-not-asked",
        file="workflows/orchestrator.py",
        before="""    while (pause := await get_permissions(run_id, attempt)) is not None:
        await DBOS.sleep_async(pause)
""",
        after="",
        tests=(
            "integration/test_sights.py::test_what_a_full_sync_stored_outlives_a_permission_that_is_lost_before_the_first_reconciliation",
        ),
        why="all runs look as if the source did not tell, and a token that lost a right deletes",
    ),
    Mutant(
        name="guard-unproven",
        file=GUARD,
        before="    if not facts.proven:",
        after="    if False:",
        tests=(GUARD_TESTS + "test_a_listing_that_is_not_proven_stops_everything",),
        why="one truncated answer deletes half of a church",
    ),
    Mutant(
        name="guard-either-limit",
        file=GUARD,
        before="if suspects > TOLERATED and suspects * 100 >",
        after="if suspects > TOLERATED or suspects * 100 >",
        tests=(GUARD_TESTS + "test_the_limit_is_two_percent_but_at_least_fifty_and_at_most_five_hundred",),
        why="in a small church every deletion waits for a person, who learns to approve unseen",
    ),
    Mutant(
        name="guard-without-most",
        file=GUARD,
        before="    if suspects > MOST:",
        after="    if False:",
        tests=(GUARD_TESTS + "test_the_limit_is_two_percent_but_at_least_fifty_and_at_most_five_hundred",),
        why="in a large church two percent are thousands, and nobody is asked",
    ),
    Mutant(
        name="guard-of-an-empty-listing",
        file=GUARD,
        before="    if facts.listed == 0:",
        after="    if False:",
        tests=(GUARD_TESTS + "test_an_entity_that_vanished_stops_however_few_there_were",),
        why="a small entity that vanishes as a whole is deleted as a whole",
    ),
    Mutant(
        name="guard-whatever-the-token-sees",
        file=GUARD,
        before="    if facts.permissions_changed:",
        after="    if False:",
        tests=(GUARD_TESTS + "test_other_permissions_stop_a_single_deletion",),
        why="a token that lost a permission deletes what it does not see any more",
    ),
    Mutant(
        name="guard-after-any-approval",
        file=GUARD,
        before="    if undecided <= 0:",
        after="    if undecided <= 0 or facts.approved:",
        tests=(GUARD_TESTS + "test_who_decided_about_all_is_not_asked_again",),
        why="who approves ten deletions has approved ten thousand",
    ),
    Mutant(
        name="guard-counts-what-nobody-decided-about",
        file=GUARD,
        before="    suspects = facts.suspects\n    undecided = suspects - facts.approved - facts.rejected\n",
        after="    suspects = undecided = facts.suspects - facts.approved - facts.rejected\n",
        tests=(
            GUARD_TESTS + "test_what_was_decided_about_some_says_nothing_for_the_others",
            RECONCILIATION_TESTS + "test_who_approves_some_of_many_has_approved_no_others",
        ),
        why="of sixty that wait, ten are approved, and the fifty that nobody approved are deleted with them",
    ),
    Mutant(
        name="guard-over-a-rejection",
        file=GUARD,
        before="    if facts.rejected:",
        after="    if False:",
        tests=(GUARD_TESTS + "test_what_a_person_rejected_speaks_against_the_others",),
        why="a person says that a listing is wrong, and what else it did not show is deleted",
    ),
    Mutant(
        name="passed-over-let-go",
        file=DIFFERENCES,
        before="        WHEN s.must_wait THEN s.state\n",
        after="",
        tests=(
            STORE + "test_differences.py::test_what_was_passed_over_waits_on_however_few_are_left",
            RECONCILIATION_TESTS + "test_who_approves_some_of_many_has_approved_no_others",
        ),
        why="once those that were approved are gone, the others are few enough to go unasked",
    ),
    Mutant(
        name="passed-over-allowed",
        file=SUSPECTS,
        before="SELECT s.id, s.must_wait OR EXISTS (",
        after="SELECT s.id, EXISTS (",
        tests=(STORE + "test_differences.py::test_what_was_passed_over_waits_on_however_few_are_left",),
        why="likewise",
    ),
    Mutant(
        name="shown-unchanged-still-missed",
        file="workflows/segments.py",
        before="        if self._suspected:\n",
        after="        if False:\n",
        tests=("integration/test_sights.py::test_a_suspect_that_is_shown_unchanged_is_none",),
        why="a record that every sync shows, and two listings missed, is deleted without being asked for",
    ),
    Mutant(
        name="older-page-clears-a-suspect",
        file=SUSPECTS,
        before="  AND s.listing_started_at < %(requested_at)s\n",
        after="  AND %(requested_at)s::timestamptz IS NOT NULL\n",
        tests=(STORE + "test_differences.py::test_a_suspect_that_a_later_page_shows_unchanged_is_none",),
        why="a page from before the listing hides that a record is gone",
    ),
    Mutant(
        name="unlisted-forgotten",
        file=DIFFERENCES,
        before="        WHEN s.state = 'unlisted' THEN s.state\n",
        after="",
        tests=(
            STORE
            + "test_differences.py::test_what_is_known_to_be_left_out_keeps_no_listing_from_being_proven",
            RECONCILIATION_TESTS + "test_what_is_never_listed_keeps_nothing_else_from_being_deleted",
        ),
        why="one archived group keeps every other from being deleted, for ever and silently",
    ),
    Mutant(
        name="unlisted-asked-after-the-guard",
        file="workflows/reconciling.py",
        before="            and await self._look_again(committer)\n            and await self._judge()\n",
        after="            and await self._judge()\n            and await self._look_again(committer)\n",
        tests=(
            RECONCILIATION_TESTS + "test_many_that_were_never_listed_and_vanish_together_wait_for_a_person",
        ),
        why="a token that loses sight of what was archived deletes it all, past the guard",
    ),
    Mutant(
        name="left-out-like-others-deleted",
        file=GUARD,
        before="        if may_be_unlisted:\n",
        after="        if False:\n",
        tests=(
            GUARD_TESTS + "test_what_may_be_left_out_like_others_is_deleted_only_by_the_sources_word",
            CONFIRMING_TESTS + "test_beside_what_is_left_out_only_what_the_source_has_no_more_is_deleted",
        ),
        why="two listings that are known to leave records out prove that another one is gone",
    ),
    Mutant(
        name="left-out-counts-as-missed",
        file=SUSPECTS,
        before="UPDATE openfaith.suspect AS s SET times_missed = 0\n",
        after="UPDATE openfaith.suspect AS s SET times_missed = s.times_missed\n",
        tests=(
            STORE
            + "test_differences.py::test_listings_that_leave_out_what_is_there_do_not_count_for_the_others",
        ),
        why="likewise, of listings that the guard stopped",
    ),
    Mutant(
        name="approved-unknowing",
        file=SUSPECTS,
        before="      AND (s.state <> 'approved' OR u.found_at >= s.decided_at)) AS may_be_unlisted",
        after="      AND s.state <> 'approved') AS may_be_unlisted",
        tests=(
            STORE
            + "test_differences.py::test_what_cannot_be_asked_for_and_was_approved_unknowing_waits_again",
        ),
        why="who approved what was missing has approved what is left out, which nobody knew",
    ),
    Mutant(
        name="decisions-lost-with-a-listing",
        file="store/sql/differences.sql",
        before="AND s.state IN ('suspect', 'held') AND NOT s.must_wait;",
        after="AND s.state IN ('suspect', 'held', 'approved');",
        tests=(
            STORE + "test_differences.py::test_a_listing_that_is_distrusted_leaves_what_a_person_decided",
        ),
        why="one record that exists throws away what a person decided about the others",
    ),
    Mutant(
        name="guard-not-asked",
        file="workflows/reconciling.py",
        before="        if isinstance(verdict, Allowed):",
        after="        if verdict is not None:",
        tests=(
            RECONCILIATION_TESTS + "test_a_mass_deletion_waits_for_a_person_and_is_then_done_in_full[30]",
        ),
        why="the guard's word is computed, and nobody listens",
    ),
    Mutant(
        name="doubts-of-the-walk-dropped",
        file="workflows/reconciling.py",
        before="[*doubts, *untimed],",
        after="[*untimed],",
        tests=(RECONCILIATION_TESTS + "test_a_listing_that_proves_nothing_deletes_nothing",),
        why="what the walk has against a listing is forgotten when it is closed",
    ),
    # Confirming, and deleting
    Mutant(
        name="deleted-unasked",
        file="workflows/confirming.py",
        before="told = await self._ask_all(suspects)",
        after="told = [_Told(suspect=each, answer=Answer.GONE, requests=0) for each in suspects]",
        tests=(RECONCILIATION_TESTS + "test_what_is_not_listed_and_there_all_the_same_lives",),
        why="missing from a list = deleted",
    ),
    Mutant(
        name="confirmed-by-the-time-after",
        file="workflows/confirming.py",
        before="        asked_at = self.client.now\n        told = await self._ask_all(suspects)\n",
        after="        told = await self._ask_all(suspects)\n        asked_at = self.client.now\n",
        tests=(CONFIRMING_TESTS + "test_a_process_that_knows_no_time_asks_before_what_it_asks_to_confirm",),
        why="what was written while the source was asked is deleted by an answer from before",
    ),
    Mutant(
        name="time-of-the-process",
        file="workflows/reconciling.py",
        before="untimed = () if await is_dated(self.runtime.database, self.held) else (_UNTIMED,)",
        after="untimed = () if self.client.now is not None else (_UNTIMED,)",
        tests=(RECONCILIATION_TESTS + "test_where_the_first_page_told_no_time_nothing_is_proven",),
        why="a listing that began by a clock of this machine is compared with the times of the source",
    ),
    Mutant(
        name="deletes-after-a-cancel",
        file="workflows/reconciling.py",
        before="        if await is_cancelled(self.runtime.database, self.held):",
        after="        if False:",
        tests=(
            RECONCILIATION_TESTS
            + "test_a_run_that_is_cancelled_while_it_deletes_stops_before_the_next_suspects",
        ),
        why="whoever cancels a run that deletes too much watches it go on",
    ),
    Mutant(
        name="refuted-before-it-is-stored",
        file="workflows/confirming.py",
        before="        for alive in _alive(refuted):\n            await self.keep(alive)\n"
        "        await refute_suspects(self.database, self.held, [told.suspect.id for told in refuted])\n",
        after="        await refute_suspects(self.database, self.held, [told.suspect.id for told in refuted])\n"
        "        for alive in _alive(refuted):\n            await self.keep(alive)\n",
        tests=(
            CONFIRMING_TESTS + "test_where_something_is_there_it_is_stored_and_nothing_is_deleted",
            RECONCILIATION_TESTS + "test_what_turned_out_to_be_there_is_stored_though_its_run_was_cancelled",
        ),
        why="whoever is stopped in between leaves a change behind that only the next full run finds",
    ),
    Mutant(
        name="missed-is-dated-by-an-answer",
        file="workflows/confirming.py",
        before="(verdicts.missed, self.listed_at)",
        after="(verdicts.missed, asked_at)",
        tests=(CONFIRMING_TESTS + "test_a_process_that_knows_no_time_asks_before_what_it_asks_to_confirm",),
        why="what came since the listing is deleted by an answer that said nothing of it",
    ),
    Mutant(
        name="undecidable-for-ever",
        file="workflows/confirming.py",
        before="            await self.hold(reason, ids)",
        after="            pass",
        tests=(
            RECONCILIATION_TESTS
            + "test_what_may_have_moved_below_a_parent_that_may_not_be_seen_waits_for_a_person",
        ),
        why="what no listing can prove gone stays for ever, and nobody is told",
    ),
    Mutant(
        name="waits-until-the-next-process",
        file="store/sql/suspects.sql",
        before="  AND NOT asked.waits_on;",
        after=";",
        tests=(
            STORE + "test_differences.py::test_of_suspects_that_are_asked_about_some_can_wait_for_a_person",
        ),
        why="what waits for a person waits no more once the run is taken over, and nobody can approve it",
    ),
    Mutant(
        name="walk-settles-everything",
        file="store/settling.py",
        before="    WHERE COALESCE(mirrored._source_updated_at, '-infinity') >= COALESCE(listed.updated_at, '-infinity')",
        after="",
        tests=(
            STORE + "test_differences.py::test_what_lives_here_as_it_was_listed_is_settled_and_nothing_else",
            RECONCILIATION_TESTS
            + "test_what_the_walk_through_everything_does_not_bring_is_asked_for_by_itself",
        ),
        why="what is read whole is taken to be right, whatever the pages left out",
    ),
    Mutant(
        name="tombstone-is-stored",
        file="store/settling.py",
        before=""" AND t._deleted_at IS NULL
        OFFSET 0) AS mirrored""",
        after="""
        OFFSET 0) AS mirrored""",
        tests=(
            STORE + "test_differences.py::test_what_lives_here_as_it_was_listed_is_settled_and_nothing_else",
        ),
        why="a record that came back stays deleted, since its tombstone is there",
    ),
    Mutant(
        name="refuted-without-its-parent",
        file="workflows/reconciling.py",
        before="token=token, parents=alive.parents)",
        after="token=token, parents=None)",
        tests=(
            RECONCILIATION_TESTS + "test_what_is_not_listed_below_its_parent_is_stored_anew_below_the_same",
        ),
        why="a record that a list left out belongs to nobody once it was asked for",
    ),
    Mutant(
        name="refused-is-gone",
        file="workflows/confirming.py",
        before="        except AccessDeniedError as error:\n            return _Told(suspect=suspect, answer=Answer.REFUSED, requests=error.requests)",
        after="        except AccessDeniedError as error:\n            return _Told(suspect=suspect, answer=Answer.GONE, requests=error.requests)",
        tests=("unit/workflows/test_confirming.py",),
        why="a 403 is taken for a 404: what a weak token may not see is deleted",
    ),
    Mutant(
        name="refused-is-deleted",
        file=GUARD,
        before="Answer.REFUSED: Verdict.LEAVE,",
        after="Answer.REFUSED: Verdict.DELETE,",
        tests=(GUARD_TESTS + "test_the_source_decides_and_where_it_does_not_a_second_listing",),
        why="where the source does not say, the record is deleted",
    ),
    Mutant(
        name="another-record-is-there",
        file="workflows/confirming.py",
        before="if document.id != suspect.id:",
        after="if False:",
        tests=("unit/workflows/test_confirming.py",),
        why="an answer about somebody else confirms that this one lives",
    ),
    Mutant(
        name="unreadable-log-means-gone",
        file="workflows/confirming.py",
        before="return _Told(suspect=suspect, answer=Answer.REFUSED, requests=requests + error.requests)",
        after="return _Told(suspect=suspect, answer=Answer.GONE, requests=requests + error.requests)",
        tests=("unit/workflows/test_confirming.py",),
        why="who may not read the merges takes every merge for a deletion",
    ),
    Mutant(
        name="merge-taken-for-deletion",
        file="workflows/confirming.py",
        before="answer = gone if found.id is None else Answer.MERGED",
        after="answer = gone",
        tests=("unit/workflows/test_confirming.py",),
        why="a merged person is deleted, and what belonged to them points nowhere",
    ),
    Mutant(
        name="one-listing-is-enough",
        file=GUARD,
        before="LISTINGS_TO_PROVE = 2",
        after="LISTINGS_TO_PROVE = 1",
        tests=(GUARD_TESTS + "test_the_source_decides_and_where_it_does_not_a_second_listing",),
        why="what cannot be asked for is deleted by a single listing",
    ),
    Mutant(
        name="written-since-deleted",
        file=DELETIONS,
        before='\n        AND t._requested_at <= s.listing_started_at)"""\n"""A row',
        after=')"""\n"""A row',
        tests=(STORE + "test_deletions.py::test_a_suspect_that_was_written_since_its_listing_lives",),
        why="a record that a webhook brought back after the listing is deleted all the same",
    ),
    Mutant(
        name="written-since-confirmation-deleted",
        file=DELETIONS,
        before="  AND t._requested_at <= %(confirmed_at)s{proof}",
        after="  {proof}",
        tests=(
            STORE + "test_deletions.py::test_what_the_source_itself_told_of_needs_no_listing_but_to_be_newer",
        ),
        why="a record that was restored after the source said 404 is deleted all the same",
    ),
    Mutant(
        name="held-deleted",
        file=DELETIONS,
        before="        AND (s.state = 'approved' AND l.guard IS NOT NULL OR s.state = 'suspect' AND l.guard = 'allowed')\n",
        after="",
        tests=(STORE + "test_deletions.py::test_what_waits_for_a_person_is_not_deleted_and_waits_on",),
        why="what the guard stopped is deleted by whoever comes next",
    ),
    Mutant(
        name="no-proof-asked-again",
        file=DELETIONS,
        before='proof=sql.SQL(PROOF if suspects_only else "")',
        after='proof=sql.SQL("")',
        tests=(STORE + "test_deletions.py::test_what_is_no_suspect_is_not_deleted",),
        why="whatever id is named is deleted",
    ),
    Mutant(
        name="refused-fetch-settled",
        file="workflows/single_records.py",
        before="rest = await self._read_each([name for name in ids if name not in shown])",
        after="rest = await self._read_each([])",
        tests=("unit/workflows/test_single_records.py",),
        why="records that `where[id]` leaves out, or the source's cap on it, stay missing",
    ),
    Mutant(
        name="id-filter-believed",
        file="workflows/single_records.py",
        before="if not shown <= {*ids}:",
        after="if False:",
        tests=("unit/workflows/test_single_records.py",),
        why="where `where[id]` is ignored, the first page of the list is stored again for every hundred ids",
    ),
    # What comes from outside
    Mutant(
        name="neighbours-written-again",
        file="source/pieces.py",
        before="        yield _encoded(whole[at:end])\n",
        after="        yield json.dumps(json.loads(whole[at:end])).encode()\n",
        tests=(
            "unit/source/test_documents.py::test_a_record_stays_as_it_came_whatever_its_neighbour_is_like",
        ),
        why="a good record is set aside for a fault of the one beside it",
    ),
    Mutant(
        name="bytes-believed-to-be-text",
        file="source/responses.py",
        before="UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)",
        after="UNREADABLE = (msgspec.DecodeError, RecursionError)",
        tests=(
            "unit/source/test_documents.py::test_a_record_that_is_not_utf_8_costs_neither_the_page_nor_the_look_at_it",
            "unit/source/test_responses.py::test_an_error_document_that_is_not_utf_8_is_none",
        ),
        why="one byte of Latin-1 stops an entity with an error of the program's own",
    ),
    Mutant(
        name="stamps-asked-in-their-own-zone",
        file="strategies/offsets.py",
        before="moment.astimezone(UTC).replace(microsecond=0, tzinfo=None)",
        after="moment.replace(microsecond=0, tzinfo=None)",
        tests=(
            "unit/strategies/test_offsets.py::test_a_time_is_asked_for_in_utc_with_a_year_of_four_digits",
        ),
        why="a window begins hours too late, and what lies between is missing",
    ),
    Mutant(
        name="clock-at-the-end-of-time",
        file="source/clock.py",
        before="_LAST_YEAR = 9998",
        after="_LAST_YEAR = 9999",
        tests=("unit/source/test_clock.py::test_a_date_beyond_all_clocks_is_no_date",),
        why="one answer with a strange date makes every request after it fail",
    ),
    Mutant(
        name="stamp-before-the-first-year",
        file="store/endings.py",
        before="BETWEEN '0001-01-01T00:00:00Z' AND e.at)",
        after="<= e.at)",
        tests=(
            STORE
            + "test_run_outcomes.py::test_an_entity_completes_whose_only_stamp_is_before_the_first_year",
        ),
        why="an entity whose stamps are all so old can never complete",
    ),
    Mutant(
        name="host-nobody-can-resolve",
        file="source/addresses.py",
        before='    host.encode("idna")\n',
        after="",
        tests=("unit/source/test_addresses.py::test_what_is_no_base_url_is_refused",),
        why="a slip of the finger in an address is told in the middle of a run, as an error of the program's own",
    ),
    # Merges
    Mutant(
        name="chain-not-followed-at-source",
        file="workflows/merging.py",
        before="        chain.append(kept)\n",
        after="        return Survivor(id=kept, requests=requests, filter_ignored=ignored)\n",
        tests=("unit/workflows/test_merging.py::test_a_chain_is_followed_to_its_end",),
        why="A into B into C: A points at B, which is not there",
    ),
    Mutant(
        name="chain-not-followed-here",
        file=MERGES,
        before="while end in following and end not in seen:",
        after="while False:",
        tests=(STORE + "test_merges.py::test_a_chain_is_followed_to_its_end",),
        why="A into B, long ago B into C: A points at B, which is not there",
    ),
    Mutant(
        name="former-aliases-left",
        file=MERGES,
        before="        changed += await _follow(deletion, gone)\n",
        after="",
        tests=(STORE + "test_merges.py::test_those_who_were_merged_into_one_before_follow_it",),
        why="A into B, then B into C: A goes on pointing at B",
    ),
    Mutant(
        name="merges-of-others-believed",
        file="workflows/merging.py",
        before="for removed, kept, at in told if removed == chain[-1]]",
        after="for removed, kept, at in told]",
        tests=("unit/workflows/test_merging.py::test_merges_that_nobody_asked_for_are_not_believed",),
        why="a filter of the log that is ignored merges everybody into a stranger",
    ),
    Mutant(
        name="oldest-merge-counts",
        file="workflows/merging.py",
        before="_, kept = max(found, key",
        after="_, kept = min(found, key",
        tests=("unit/workflows/test_merging.py::test_the_newest_merge_counts",),
        why="a merge that was taken back and made otherwise points at the wrong one",
    ),
    Mutant(
        name="children-not-repointed",
        file=MERGES,
        before="        repointed = await _repoint(deletion, gone)",
        after="        repointed: dict[str, int] = {}",
        tests=(STORE + "test_merges.py::test_what_points_at_a_merged_record_points_at_who_is_left",),
        why="the donations of a merged person belong to nobody",
    ),
    Mutant(
        name="repointed-though-newer",
        file=MERGES,
        before="AND t.{column} = merged.id AND t._requested_at <= %(confirmed_at)s",
        after="AND t.{column} = merged.id",
        tests=(
            STORE
            + "test_merges.py::test_what_points_at_a_merged_record_and_was_requested_later_is_left_alone",
        ),
        why="what the source said after the merge is overwritten by what it said before",
    ),
    Mutant(
        name="repointed-for-ever",
        file=MERGES,
        before="_hash = hashtextextended(merged.survivor, t._hash),",
        after="_hash = t._hash,",
        tests=(STORE + "test_merges.py::test_the_source_has_the_last_word_on_what_points_where",),
        why="a wrong re-pointing is never mended: the source's own word looks unchanged",
    ),
    # Nested walks
    Mutant(
        name="retry-skips-those-left-behind",
        file=NESTED,
        before='if state.again and stored.get("retried") else state',
        after="if False else state",
        tests=(NESTED_TESTS + "test_a_retry_begins_the_second_pass_anew_and_goes_on_with_the_first",),
        why="parents that failed before the point of the retry are never read below again",
    ),
    Mutant(
        name="no-second-pass",
        file=NESTED,
        before="if left_behind and not state.again:",
        after="if False:",
        tests=(
            NESTED_TESTS
            + "test_a_first_pass_that_left_some_behind_is_followed_by_a_second_from_the_beginning",
        ),
        why="one short outage fails an entity of ten thousand parents",
    ),
    Mutant(
        name="offset-of-another-parent",
        file=NESTED,
        before="return self.inner if parent == self.at else OffsetState()",
        after="return self.inner",
        tests=(NESTED_TESTS + "test_pages_that_are_done_below_one_parent_are_not_left_out_below_another",),
        why="the first pages below the next parent are skipped",
    ),
    Mutant(
        name="left-behind-not-remembered",
        file=RUNS,
        before="FROM held WHERE %(reason)s::text IS NOT NULL",
        after="FROM held WHERE %(reason)s::text IS NULL",
        tests=(STORE + "test_parents.py::test_only_those_that_failed_are_listed_again",),
        why="a parent that could not be read below counts as read, and its children as gone",
    ),
    Mutant(
        name="rider-complete-without-its-carrier",
        file="workflows/reading.py",
        before="if held.carrier_status is not EntityStatus.COMPLETED:",
        after="if held.carrier_status is None:",
        tests=("integration/test_riding.py::test_what_rides_is_not_complete_where_its_carrier_is_not",),
        why="the e-mails of half of the people count as all e-mails",
    ),
    # Runs and organizations
    Mutant(
        name="constant-idempotency-key",
        file=RUNS,
        before="  AND status IN ('queued', 'running') AND cancel_requested_at IS NULL\nORDER BY",
        after="  AND cancel_requested_at IS NULL\nORDER BY",
        tests=(STORE + "test_runs.py::test_a_run_that_is_over_is_not_joined",),
        why="the second delta is swallowed by the first, for ever",
    ),
    Mutant(
        name="parents-of-everybody",
        file="store/parents.py",
        before="WHERE parent.org_id = %(org_id)s AND parent._deleted_at",
        after="WHERE %(org_id)s::text IS NOT NULL AND parent._deleted_at",
        tests=(STORE + "test_parents.py::test_another_organizations_rows_are_no_parents",),
        why="one church's token asks for the records of another",
    ),
    Mutant(
        name="suspects-of-everybody",
        file=DIFFERENCES,
        before="WHERE t.org_id = %(org_id)s AND t.id > %(after)s",
        after="WHERE t.id > %(after)s",
        tests=(STORE + "test_differences.py::test_other_organizations_and_other_entities_are_left_alone",),
        why="one church's listing makes suspects of another's records",
    ),
    Mutant(
        name="deletes-everybodys",
        file="store/removals.py",
        before='WHERE org_id = %(org_id)s AND id = ANY(%(ids)s)\n"""\n\n_SCRUB',
        after='WHERE id = ANY(%(ids)s)\n"""\n\n_SCRUB',
        tests=(STORE + "test_deletions.py::test_other_organizations_keep_their_rows",),
        why="one church's deletion reaches the same id in another",
    ),
    Mutant(
        name="deletes-what-may-be-elsewhere",
        file="strategies/reconciliation.py",
        before="return Verdict.HOLD if may_be_elsewhere else Verdict.DELETE",
        after="return Verdict.DELETE",
        tests=(GUARD_TESTS + "test_what_may_be_where_nobody_could_look_is_not_deleted_for_not_being_listed",),
        why="what moved below a parent that the token may not see is deleted after two listings",
    ),
    Mutant(
        name="elsewhere-is-everywhere",
        file="store/sql/suspects.sql",
        before="s.state <> 'approved' AND EXISTS (",
        after="false AND EXISTS (",
        tests=(
            STORE
            + "test_nested_listings.py"
            + "::test_what_may_have_moved_below_a_parent_that_could_not_be_read_is_known_for_it",
        ),
        why="nobody knows of the parents that could not be read",
    ),
    Mutant(
        name="proven-although-caught",
        file="store/suspects.py",
        before='        await connection.execute(query("differences", "distrust"), place | {"doubt": unlisted(len(ids))})\n',
        after="",
        tests=(
            STORE
            + "test_differences.py::test_a_listing_that_did_not_show_what_the_source_still_has_proves_nothing",
        ),
        why="a listing that was caught hiding records still has others deleted",
    ),
    Mutant(
        name="deletes-beside-what-is-there",
        file="workflows/confirming.py",
        before="            return  # the listing has not shown all there is, and nothing is left of what it said\n",
        after="",
        tests=(CONFIRMING_TESTS + "test_where_something_is_there_it_is_stored_and_nothing_is_deleted",),
        why="records are deleted by a listing that did not show others that exist",
    ),
    # Walks that would not end, and answers that leave out what was asked
    Mutant(
        name="delta-without-an-end",
        file=DELTA,
        before="    if state.until is not None and on_firm_ground and stamps and stamps[-1] > state.until:\n",
        after="    if False:\n",
        tests=(WALKS + "test_a_keyset_ends_although_the_source_changes_faster_than_it_is_read",),
        why="while a church is busy its deltas never end",
    ),
    Mutant(
        name="delta-ends-too-early",
        file=DELTA,
        before="    return replace(state, until=page.requested_at + OVERLAP)\n",
        after="    return replace(state, until=state.low)\n",
        tests=(WALKS + "test_a_delta_sees_all_that_changed_since",),
        why="of what changed only the first page is read",
    ),
    Mutant(
        name="ignored-include-believed",
        file="workflows/walks.py",
        before="        if page.records and not page.included.get(kind) and not speaks_of(page, include):\n",
        after="        if False:\n",
        tests=("unit/workflows/test_fetching.py",),
        why="a source that ignores an include looks as if all that comes along were gone",
    ),
    # Retries
    Mutant(
        name="retries-without-a-budget",
        file="retries.py",
        before="        return self._retried < max(self._share.always, int(self._share.share * (self._sent + 1)))\n",
        after="        return True\n",
        tests=("unit/test_retry_budget.py", "integration/test_source_faults.py"),
        why="a source that fails is asked six times as much as one that does not",
    ),
    Mutant(
        name="retries-of-long-ago-counted",
        file="retries.py",
        before="            self._retried -= gone.retried\n",
        after="",
        tests=("unit/test_retry_budget.py",),
        why="after one bad hour nothing is tried again for the rest of the process's life",
    ),
    Mutant(
        name="own-patience-ignored",
        file="source/client.py",
        before="        policy = retry or self._retry\n",
        after="        policy = self._retry\n",
        tests=("integration/test_source_faults.py::test_a_request_may_have_a_policy_of_its_own",),
        why="what an adapter says of an entity's patience is not heeded",
    ),
    # Dead letters
    Mutant(
        name="replays-as-of-now",
        file=LETTERS,
        before='"requested_at": letter.requested_at,\n        }\n        cursor',
        after='"requested_at": datetime.now().astimezone(),\n        }\n        cursor',
        tests=(LETTER_TESTS + "test_a_tombstone_holds_against_what_was_requested_before_it",),
        why="a record that was deleted long ago lives again, because somebody retried an old letter",
    ),
    Mutant(
        name="replays-what-is-settled",
        file=LETTER_STATEMENTS,
        before="WHERE dead_letter_id = %(dead_letter_id)s AND status = 'open' FOR UPDATE",
        after="WHERE dead_letter_id = %(dead_letter_id)s",
        tests=(LETTER_TESTS + "test_a_discarded_letter_is_not_replayed_and_says_who_gave_it_up",),
        why="what a person gave up is replayed after all, and two replays at once run into each other",
    ),
    Mutant(
        name="replays-below-nobody",
        file=UPSERTS,
        before='"holder.parents ->> {}"',
        after='"NULLIF(holder.parents ->> {0}, holder.parents ->> {0})"',
        tests=(LETTER_TESTS + "test_a_nested_record_is_stored_below_its_parents",),
        why="a replayed membership belongs to no group",
    ),
    Mutant(
        name="forgets-whose-it-was",
        file=LETTER_STATEMENTS,
        before="WHERE child ->> 'id' = %(record_key)s)",
        after="WHERE child ->> 'id' <> %(record_key)s)",
        tests=(STORE + "test_riders.py::test_a_dead_letter_that_rode_is_replayed_as_its_owners",),
        why="a replayed note belongs to another person",
    ),
    Mutant(
        name="forgets-removals-of-open-letters",
        file=LISTING_STATEMENTS,
        before="AND d.record_key = r.id COLLATE \"default\" AND d.status = 'open')",
        after="AND d.record_key = r.id COLLATE \"default\" AND d.status = 'resolved')",
        tests=(LETTER_TESTS + "test_a_row_that_was_removed_stays_away_however_long_its_letter_is_open",),
        why="a row that was removed comes back with a letter that is older than its tombstone was kept",
    ),
    Mutant(
        name="replays-of-everybody",
        file=LETTER_STATEMENTS,
        before="WHERE d.dead_letter_id = wanted.id AND d.org_id = %(org_id)s",
        after="WHERE d.dead_letter_id = wanted.id AND %(org_id)s::text IS NOT NULL",
        tests=(LETTER_TESTS + "test_an_unknown_number_is_refused_and_nothing_is_changed",),
        why="one church's numbers are accepted for another",
    ),
    # Alerts: opened once, known for as long as they hold, told at least once
    Mutant(
        name="alerts-by-facts-of-before",
        file="store/alerts.py",
        before="""        await connection.execute(query("alerts", "lock"))
        facts = await _read_facts(connection, org_ids)
""",
        after="""        facts = await _read_facts(connection, org_ids)
        await connection.execute(query("alerts", "lock"))
""",
        tests=(ALERT_TESTS + "test_who_waited_goes_by_what_is_true_now",),
        why="a process that had to wait resolves what another has just seen to hold, and it is told again",
    ),
    Mutant(
        name="alerts-open-what-is-known",
        file=ALERT_STATEMENTS,
        before="SET last_seen_at = GREATEST(a.last_seen_at, %(at)s), times_seen",
        after="SET state = 'open', acknowledged_at = NULL, acknowledged_by = NULL, last_seen_at = GREATEST(a.last_seen_at, %(at)s), times_seen",
        tests=(ALERT_TESTS + "test_what_a_person_knows_goes_on_as_known",),
        why="what a person has acknowledged is open again a minute later",
    ),
    Mutant(
        name="alerts-resolve-those-of-others",
        file=ALERT_STATEMENTS,
        before="WHERE org_id = ANY(%(org_ids)s) AND resolved_at IS NULL AND last_seen_at < %(at)s",
        after="WHERE resolved_at IS NULL AND last_seen_at < %(at)s",
        tests=(ALERT_TESTS + "test_only_who_was_looked_at_can_be_well_again",),
        why="of a thousand organizations only the last twenty keep their alerts",
    ),
    Mutant(
        name="alerts-taken-for-ever",
        file=ALERT_STATEMENTS,
        before="next_attempt_at = now() + %(patience)s::interval",
        after="next_attempt_at = d.next_attempt_at",
        tests=(ALERT_DELIVERY_TESTS + "test_an_attempt_that_was_lost_is_made_again_after_a_while",),
        why="while one process sends, every other one sends the same",
    ),
    Mutant(
        name="alerts-of-the-last-run-of-any-kind",
        file=ALERT_STATEMENTS,
        before="GROUP BY f.org_id, f.adapter, f.kind\n",
        after="AND f.kind = 'delta' GROUP BY f.org_id, f.adapter, f.kind\n",
        tests=(ALERT_TESTS + "test_what_failed_of_each_kind_holds_until_it_was_made_up_for",),
        why="the hourly delta hides that the nightly reconciliation fails",
    ),
    Mutant(
        name="one-empty-answer-believed",
        file="workflows/nested_segments.py",
        before="            await self._doubt_the_empty()\n",
        after="            pass\n",
        tests=("integration/test_nested_walks.py::test_below_whom_nothing_is_shown_any_more_is_asked_twice",),
        why="one empty answer below a parent, and all that is below it is said to be gone",
    ),
    Mutant(
        name="asks-once-more-below-everybody",
        file="store/parents.py",
        before="GROUP BY t.{parent} HAVING count(r.id) = 0\n",
        after="GROUP BY t.{parent}\n",
        tests=(NESTED_LISTINGS + "test_parents_that_showed_nothing_of_what_is_stored_are_asked_once_more",),
        why="every reconciliation asks twice for everything that is below a parent",
    ),
    Mutant(
        name="gone-seen-only-once",
        file="workflows/leases.py",
        before="            return False\n        return True\n",
        after="            return False\n        path.unlink(missing_ok=True)\n        return True\n",
        tests=(
            "unit/workflows/test_process_locks.py::test_a_process_that_was_killed_is_gone_for_whoever_looks_until_it_is_forgotten",
        ),
        why="whoever is killed between a look and what follows from it leaves a run that waits for a lease to end",
    ),
    # Records with something in them that cannot be stored: the others go on
    Mutant(
        name="unstorable-id-remembered",
        file=DOCUMENTS,
        before="id=storable_text(key) if isinstance(key, str) and key else None",
        after="id=key if isinstance(key, str) and key else None",
        tests=(DOCUMENT_TESTS + "test_an_id_that_no_checkpoint_can_hold_is_known_by_one_that_it_can",),
        why="an id with U+0000 at the end of a page fails the entity in every run, for its checkpoint is refused",
    ),
    Mutant(
        name="unstorable-checkpoint",
        file="workflows/list_walks.py",
        before="json.dumps(storable_json(self.state.to_json()))",
        after="json.dumps(self.state.to_json())",
        tests=("unit/workflows/test_walks_properties.py",),
        why="whatever of a record a walk comes to remember can fail its entity in every run",
    ),
    Mutant(
        name="faulty-record-unknown",
        file=DOCUMENTS,
        before="        likeness = liken(record)\n",
        after="        likeness = None\n",
        tests=(
            DOCUMENT_TESTS + "test_a_record_with_a_fault_is_known_by_its_id_and_stamps",
            DOCUMENT_TESTS + "test_a_record_with_a_fault_speaks_of_what_came_along",
            WALKS + "test_a_record_with_a_fault_is_no_reason_to_read_everything",
        ),
        why="a cut-off emoji in one name has every delta read everything",
    ),
    Mutant(
        name="stamps-in-another-zone",
        file=DOCUMENTS,
        before="        return time.astimezone(UTC)\n",
        after="        return time\n",
        tests=(
            DOCUMENT_TESTS + "test_a_stamp_is_a_time_in_utc_whatever_zone_it_was_told_in",
            WALKS + "test_a_keyset_goes_on_at_the_last_stamp_whatever_zone_that_was_told_in",
        ),
        why="the changes of two hours are left out between two pages of a delta",
    ),
    Mutant(
        name="letters-resolved-by-shaky-run",
        file=RUNS,
        before="  AND cardinality(e.doubts) = 0\n",
        after="",
        tests=(STORE + "test_sync_state.py::test_a_run_that_may_not_have_read_all_resolves_none",),
        why="a record that slipped past a walk counts as mended, and nobody hears of it again",
    ),
    Mutant(
        name="unstorable-id-could-be-anybodys",
        file=NAMING,
        before="        elif name is not _Name.UNSTORABLE or not is_own:\n",
        after="        else:\n",
        tests=(LISTING_TESTS + "test_a_record_whose_id_no_table_can_hold_is_none_that_could_be_missed",),
        why="while one record with U+0000 in its id is there, nothing of its entity is ever deleted",
    ),
    Mutant(
        name="strange-id-is-nobodys",
        file=NAMING,
        before="return found if len(found.encode()) <= _LONGEST_ID else _Name.STRANGE",
        after="return found if len(found.encode()) <= _LONGEST_ID else _Name.UNSTORABLE",
        tests=(LISTING_TESTS + "test_where_nobody_knows_who_a_record_is_the_listing_proves_nothing",),
        why="a row whose id is too long to be listed is taken for gone",
    ),
    Mutant(
        name="refused-record-not-listed",
        file=NAMING,
        before='            listable.append(_shortened(entity, name, record.get("attributes")))\n',
        after="            unknown += 1\n",
        tests=(
            LISTING_TESTS + "test_a_record_that_cannot_be_stored_is_listed_all_the_same",
            RECONCILIATION_TESTS + "test_a_record_that_cannot_be_stored_keeps_no_other_from_being_deleted",
        ),
        why="while one name holds what cannot be stored, nothing of its entity is ever deleted",
    ),
    Mutant(
        name="record-of-another-type-listed",
        file=LISTING_STATEMENTS,
        before="CASE WHEN record.type = %(type)s AND openfaith.is_id(record.id)",
        after="CASE WHEN openfaith.is_id(record.id)",
        tests=(LISTING_TESTS + "test_where_nobody_knows_who_a_record_is_the_listing_proves_nothing",),
        why="what is listed under the id of another hides that this one may be gone",
    ),
    Mutant(
        name="thin-copy-kept-to-be-replayed",
        file=NAMING,
        before="        if name in {_Name.UNSTORABLE, _Name.NONE}:\n",
        after="        if name in {_Name.UNSTORABLE, _Name.NONE} or not is_own:\n",
        tests=(
            LISTING_TESTS + "test_what_another_program_may_know_is_not_kept_without_what_was_not_asked_for",
        ),
        why="a dead letter of an id and a stamp is replayed by a later release, and empties the row",
    ),
    Mutant(
        name="unstored-parents-forgotten",
        file=DIFFERENCES,
        before="            await self._leave_behind_unstored(self.listing.parent)\n",
        after="            pass\n",
        tests=(
            NESTED_LISTINGS + "test_what_may_have_moved_below_a_parent_that_cannot_be_stored_is_known_for_it",
            RECONCILIATION_TESTS
            + "test_what_may_have_moved_below_a_record_that_was_never_stored_waits_for_a_person",
        ),
        why="what moved to a parent that could not be stored is taken for gone",
    ),
    Mutant(
        name="settled-letters-count-as-walked",
        file=DIFFERENCES,
        before="AND (d.status <> 'open' OR NOT EXISTS (",
        after="AND (NOT EXISTS (",
        tests=(NESTED_LISTINGS + "test_a_parent_that_was_dealt_with_meanwhile_may_have_been_passed_by",),
        why="below a parent that was replayed while its siblings were read everything is taken for gone",
    ),
    Mutant(
        name="below-the-stored-although-unstorable",
        file=DIFFERENCES,
        before="p.id = d.record_key AND p._deleted_at IS NULL",
        after="p.id = d.record_key AND false",
        tests=(
            NESTED_LISTINGS + "test_a_parent_that_is_stored_as_it_was_before_is_read_below_like_any_other",
        ),
        why="below a record that can no longer be stored nothing is ever deleted",
    ),
    Mutant(
        name="one-bad-parent-spoils-all",
        file=LISTING_STATEMENTS,
        before="(own.entity_run_id IS NOT NULL OR p.dead_letters = 0)",
        after="(p.dead_letters = 0)",
        tests=(
            NESTED_LISTINGS + "test_what_may_have_moved_below_a_parent_that_cannot_be_stored_is_known_for_it",
        ),
        why="while one parent cannot be stored, nothing below any other is ever deleted",
    ),
    Mutant(
        name="letters-count-as-unfetched",
        file="store/sql/differences.sql",
        before='COLLATE "default" AND d.run_id = e.run_id)\n)',
        after='COLLATE "default" AND false)\n)',
        tests=(
            NESTED_LISTINGS + "test_what_may_have_moved_below_a_parent_that_cannot_be_stored_is_known_for_it",
        ),
        why="while one parent cannot be stored, nothing below any other is ever deleted",
    ),
)
