"""Acts on a stage: words, taps, replies, departures, time; and what cannot be played says why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bridge.rehearsal import Playbill, Stage
from bridge.rehearsal.acts import Act, Hitch, perform
from bridge.rehearsal.play import Play
from bridge.rehearsal.script import read_line
from engine.core.values import DAY_MS, HOUR_MS
from tests.bridge.rehearsal.teas import TEA, tea

Plays = Callable[..., Awaitable[Play]]

ROOM_TEA = TEA.replace("    to: guests\n", "    to: room\n").replace("seen by: host", "seen by: circle")


@pytest.fixture
async def plays() -> AsyncIterator[Plays]:
    begun: list[Play] = []

    async def play_of(*lines: str, text: str = TEA) -> Play:
        play = await Play.begin(Playbill([tea(text)]), ("ana", "bruno", "chen", "dora"))
        begun.append(play)
        for line in lines:
            result = await play.act(read_line(line))
            assert not isinstance(result, Hitch), f"{line}: {result}"
        return play

    yield play_of
    for play in begun:
        await play.end()


ASKED = ("ana: tea", "ana: @bruno and @chen", "ana: Friday 19:00")


def state(play: Play) -> str:
    return play.stage.state()


async def test_words_go_through_the_ear_and_a_choice_may_be_named_in_any_way(plays: Plays) -> None:
    for word in ("1", "coming", "I'm coming", "✅"):
        play = await plays(*ASKED, f"bruno: {word}")
        assert "Coming" not in play.stage.words("ana")
        assert "You said: I'm coming." in play.stage.words("bruno"), word


async def test_in_the_room_naming_what_is_on_offer_is_a_tap_on_it(plays: Plays) -> None:
    for word in ("✅", "coming", "I'm coming"):
        play = await plays(
            "ana: tea", "ana: @bruno", "ana: Friday 19:00", f"room chen: {word}", text=ROOM_TEA
        )
        assert play.stage.outcomes[-1][0] == "Reacted", word
        assert "Chen" in play.stage.seen(room=True)[-1].words


async def test_an_answer_can_be_aimed_at_one_question_of_several(plays: Plays) -> None:
    play = await plays("ana: tea", "ana to guests: Bruno")
    assert "Noted: Bruno" in play.stage.words("ana")
    hitch = await perform(play.stage, read_line("bruno to guests: Chen"))
    assert isinstance(hitch, Hitch)
    assert "has not been asked `guests`" in hitch.found


async def test_what_somebody_did_last_can_be_taken_back_by_them(plays: Plays) -> None:
    play = await plays(*ASKED, "bruno: coming", "bruno takes it back")
    assert "Taken back" in play.stage.words("bruno")
    fresh = await plays()
    assert isinstance(await perform(fresh.stage, read_line("skip")), Hitch)


async def test_people_leave_and_come_and_a_newcomer_may_be_written_to(plays: Plays) -> None:
    play = await plays("chen leaves", "hana comes", "hana: tea", "hana: Bruno")
    assert "chen" not in play.stage.cast.here
    assert "Noted: Bruno" in play.stage.words("hana")


async def test_time_passes_by_spans_moments_and_days(plays: Plays) -> None:
    play = await plays(*ASKED)
    began_ms = play.stage.now_ms
    await play.act(read_line("skip 2 hours"))
    assert play.stage.now_ms == began_ms + 2 * HOUR_MS
    await play.act(read_line("skip to 1 day before starts"))
    assert state(play) == "gone"
    assert play.stage.now_ms == began_ms + 3 * DAY_MS + 9 * HOUR_MS
    await play.act(read_line("skip to sunday"))
    assert play.stage.now_ms == began_ms + 6 * DAY_MS + 2 * HOUR_MS


async def test_skip_goes_on_to_the_next_moment_that_shows_something(plays: Plays) -> None:
    play = await plays(*ASKED, "bruno: coming", "chen: no", "skip")
    assert state(play) == "on"
    await play.act(read_line("skip"))
    assert state(play) == "over"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("zoe: hello", "nobody here is called zoe; here are ana, bruno, chen, dora"),
        ("dora takes it back", None),
        ("skip to sometime", "`sometime` is not known yet"),
        ("skip to yesterday 10:00", "has passed already"),
        ("skip to the 45th of June", "is no moment that I know"),
        ("skip 9 years", "too long"),
    ],
)
async def test_what_cannot_be_played_says_why_and_changes_nothing(
    plays: Plays, line: str, why: str | None
) -> None:
    play = await plays(*ASKED)
    before = (play.stage.now_ms, play.stage.picture(), len(play.acts))
    result = await play.act(read_line(line))
    if why is None:
        return
    assert isinstance(result, Hitch), result
    assert why in str(result)
    assert (play.stage.now_ms, play.stage.picture(), len(play.acts)) == before


async def test_nothing_left_to_wait_for_is_said(plays: Plays) -> None:
    play = await plays(*ASKED, "skip to 1 day before starts")
    assert state(play) == "gone"
    result = await play.act(read_line("skip"))
    assert isinstance(result, Hitch)
    assert "nothing more will happen by itself" in result.found


async def test_back_undoes_the_last_act_and_nothing_else(plays: Plays) -> None:
    play = await plays(*ASKED, "bruno: coming")
    before = everything(play.stage)
    await play.act(read_line("skip to 1 day before starts"))
    assert state(play) == "on"
    undone = await play.back()
    assert undone == read_line("skip to 1 day before starts")
    assert state(play) == "open"
    assert everything(play.stage) == before
    acts: list[Act | None] = [await play.back() for _ in range(5)]
    assert acts[-1] is None
    assert not play.stage.snapshots()


def everything(stage: Stage) -> object:
    return stage.now_ms, stage.diaries(), [snapshot.state for snapshot in stage.snapshots()]


async def test_what_cannot_be_played_helps_in_a_file_and_otherwise_at_the_prompt(plays: Plays) -> None:
    play = await plays(*ASKED)
    passed = await play.act(read_line("skip to 100 days before starts"))
    assert isinstance(passed, Hitch)
    assert str(passed).endswith("put this line further up")
    assert passed.at_the_prompt.endswith("`back` undoes")
    await play.act(read_line("skip 100 days"))
    over = await play.act(read_line("skip"))
    assert isinstance(over, Hitch)
    assert "leave this line out" in str(over)
    assert "leave this line out" not in over.at_the_prompt
