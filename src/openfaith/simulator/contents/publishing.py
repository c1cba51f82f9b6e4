"""Publishing: channels, series, episodes, and who speaks in them."""

from __future__ import annotations

from collections.abc import Mapping

from openfaith.simulator import words
from openfaith.simulator.kinds import Kind, Row, World
from openfaith.simulator.layouts import counted, owned, sampled
from openfaith.simulator.relations import Pick, Via, links_for
from openfaith.simulator.stamps import later

LINKS = links_for(
    "publishing",
    {
        "Channel": {"current_episode": Pick(to="Episode", matching=("id", "channel"))},
        "Series": {"channel": Pick(to="Channel", owned=True)},
        "Episode": {
            "series": Pick(to="Series", owned=True),
            "channel": Via(link="series", onward="channel"),
        },
        "Speakership": {"episode": Pick(to="Episode", owned=True), "speaker": Pick(to="Speaker", owned=True)},
        "EpisodeStatistics": {"channel": Pick(to="Channel", owned=True)},
    },
)


def _episode(row: Row, _world: World) -> Mapping[str, object]:
    return {
        "title": f"{row.dice.pick(words.TOPICS)}, part {row.rank + 1}",
        "description": row.dice.pick(words.SENTENCES),
        "published_live_at": row.created_at,
        "published_to_library_at": later(row.created_at, 86_400) if row.dice.percent(80) else None,
        "page_actions": [],
        "stream_type": row.dice.pick(("online", "prerecorded")),
    }


def _time(row: Row, _world: World) -> Mapping[str, object]:
    starts_at = later(row.created_at, 86_400 * 7)
    return {"starts_at": starts_at, "ends_at": later(starts_at, 5400), "caveats": []}


KINDS = (
    Kind(type="publishing.Channel", plan=counted(lambda _people: 2)),
    Kind(type="publishing.Series", plan=owned("channel", "publishing.Channel", (0, 0, 1, 1))),
    Kind(
        type="publishing.Episode",
        plan=owned("series", "publishing.Series", (0, 0, 1, 1, 1, 1), spread=True),
        fill=_episode,
    ),
    Kind(type="publishing.EpisodeTime", plan=owned("episode", "publishing.Episode", (0, 1, 1)), fill=_time),
    Kind(type="publishing.EpisodeResource", plan=owned("episode", "publishing.Episode", (40, 40, 20))),
    Kind(type="publishing.NoteTemplate", plan=owned("episode", "publishing.Episode", (30, 70))),
    Kind(type="publishing.Speaker", plan=counted(lambda _people: 4)),
    Kind(
        type="publishing.Speakership",
        plan=sampled(("episode", "publishing.Episode"), ("speaker", "publishing.Speaker"), (0, 1, 1, 2)),
    ),
)
"""In the order in which they build on each other."""
