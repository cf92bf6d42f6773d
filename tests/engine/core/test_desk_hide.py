"""``hide`` takes both sides of a private exchange back from the room; what was answered still counts."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Alone, Called, Confirmed, Exchange, Prompt, Rang, Settled
from engine.core.message import Phrase
from engine.core.parcel import Direct, Target
from engine.core.values import DAY_MS, InstanceId, RowId
from tests.engine.core.one_desk import ANA, CIRCLE, I1, I2, ME, NOON, OneDesk, told

FRESH = InstanceId("f" * 32)


def opened(here: OneDesk | None = None, ask: str = "rsvp") -> tuple[OneDesk, Prompt]:
    here = here or OneDesk()
    here.ask(ask, sensitive=True)
    here.order("open")
    return here, here.prompt(ask)


def test_alone_it_takes_back_the_latest_private_exchange_of_both_sides() -> None:
    here = OneDesk()
    knock = here.ask(sensitive=True).knock
    here.order("open")
    question = here.prompt("rsvp")
    answer = here.write({question.row: "yes"})
    here.do(Confirmed(I1, "rsvp", 1, Phrase("ack.choice")))
    (edit,) = here.parcels
    here.order("hide")
    assert here.taken_back == {knock, question.row, edit.row, "$e1", answer, "$e3"}
    assert all(p.to == Direct(ME) and p.urgency == "reply" for p in here.all_parcels)
    assert here.said == ["hide.ok"]
    assert (here.passed, here.desk.private) == ([], ())


def test_the_answer_still_counts_and_what_is_said_of_it_later_shows_nothing_of_the_question() -> None:
    here, question = opened()
    here.write({question.row: "yes"})
    here.order("hide")
    assert here.prompt("rsvp").sources[-1].choice == "yes"
    here.do(Confirmed(I1, "rsvp", 1, Phrase("ack.choice")))
    (parcel,) = here.parcels
    assert (parcel.edits, parcel.message.options) == (None, ())
    assert [line.key for line in parcel.message.lines] == ["ack.choice"]
    here.order("hide")
    assert parcel.row in here.taken_back


def followed(here: OneDesk) -> tuple[Prompt, Prompt]:
    """Two questions of one matter: the first is opened and answered, the second comes by itself upon that."""
    opened(here, "first")
    first = here.prompt("first")
    here.write({first.row: "yes"})
    here.do(Settled(I1, "first", 1))
    return first, here.ask("second", sensitive=True, urgency="reply")


def test_alone_it_takes_back_what_they_said_last_and_whatever_came_of_it_by_itself() -> None:
    here = OneDesk()
    first, second = followed(here)
    here.order("hide")
    assert {first.row, second.row, "$e1", "$e2", "$e3"} <= here.taken_back
    assert (here.said, here.desk.private) == (["hide.ok"], ())
    assert here.prompt("second").hidden
    here.order("open")
    assert here.said == ["second.say"]


def test_what_came_of_another_matter_meanwhile_stays() -> None:
    here = OneDesk()
    opened(here, "elsewhere")
    elsewhere = here.prompt("elsewhere")
    here.ask("other", I2, sensitive=True)
    here.order("open")
    other = here.prompt("other", I2)
    here.now_ms += 6 * DAY_MS
    here.do(Rang(f"remind:{elsewhere.row}"))
    here.order("hide")
    assert other.row not in here.taken_back
    assert elsewhere.row in here.taken_back
    here.order("hide")
    assert other.row in here.taken_back


def test_what_knocked_once_more_by_itself_is_not_what_they_mean() -> None:
    here = OneDesk()
    reminded = here.ask("reminded", I2, sensitive=True)
    question = here.ask(sensitive=True, urgency="reply")
    here.desk = replace(here.desk, alone=Alone(I1, here.now_ms + DAY_MS))
    shown = here.ask("shown", sensitive=True, urgency="reply")
    here.write({shown.row: "yes"}, to=shown)
    here.do(Rang(f"remind:{reminded.row}"))
    (knock,) = here.parcels
    here.order("hide")
    assert shown.row in here.taken_back
    assert not {knock.row, question.row, reminded.row} & here.taken_back


def test_as_a_reply_it_takes_back_that_question_alone() -> None:
    here = OneDesk()
    first, second = followed(here)
    here.order("hide", to=second)
    assert second.row in here.taken_back
    assert first.row not in here.taken_back
    assert not here.prompt("second").sources


def test_a_private_question_that_only_came_by_itself_is_taken_back_if_there_is_nothing_else() -> None:
    here = OneDesk(alone=Alone(I1, NOON + DAY_MS))
    question = here.ask(sensitive=True, urgency="reply")
    here.order("hide")
    assert here.taken_back == {question.row, "$e1"}


def test_the_word_that_began_something_private_goes_with_its_first_question() -> None:
    for ask in ("when shown", "when answered", "when another has followed"):
        here = OneDesk()
        here.facts |= {
            "begins": {"mend": "mend"},
            "uses": {CIRCLE: ("mend",)},
            "discreet": frozenset(("mend",)),
        }
        here.order("mend")
        first = here.ask("first", FRESH, sensitive=True, urgency="reply")
        assert here.said == ["first.say"], "whoever has just asked for it, alone, need not be knocked for"
        if ask != "when shown":
            here.write({first.row: "yes"})
        if ask == "when another has followed":
            here.ask("second", FRESH, sensitive=True, urgency="reply")
        here.order("hide")
        assert {first.row, "$e1"} <= here.taken_back
        assert here.desk.private == ()


def test_the_word_alone_is_taken_back_as_long_as_nothing_has_come_of_it() -> None:
    here = OneDesk()
    here.facts |= {"begins": {"mend": "mend"}, "uses": {CIRCLE: ("mend",)}, "discreet": frozenset(("mend",))}
    here.order("mend")
    here.do(told(instance=FRESH))
    (line,) = here.parcels
    here.order("hide")
    assert here.taken_back == {line.row, "$e1", "$e2"}


def test_one_after_the_other_the_latest_first_and_then_nothing_is_left() -> None:
    here, first = opened(ask="first")
    here, second = opened(here, "second")
    here.order("hide")
    assert second.row in here.taken_back
    assert first.row not in here.taken_back
    here.order("hide")
    assert first.row in here.taken_back
    here.order("hide")
    assert (here.said, here.taken_back) == (["hide.nothing"], set())


def test_with_nothing_private_said_there_is_nothing_to_take_back() -> None:
    here = OneDesk()
    question = here.ask()
    here.write({question.row: "yes"})
    here.order("hide")
    assert (here.said, here.taken_back) == (["hide.nothing"], set())


def test_as_a_reply_it_takes_back_any_question_that_still_lies_there() -> None:
    here = OneDesk()
    question = here.ask()
    answer = here.write({question.row: "yes"})
    here.do(Confirmed(I1, "rsvp", 1, Phrase("ack.choice")))
    (edit,) = here.parcels
    here.order("hide", to=question)
    assert here.taken_back == {question.row, edit.row, answer, "$e2"}


def test_as_a_reply_it_takes_back_that_private_exchange_even_if_the_question_is_over() -> None:
    here, question = opened(ask="first")
    here.do(Settled(I1, "first", 1))
    opened(here, "second")
    here, second = opened(here, "third")
    here.order("hide", to=second)
    assert second.row in here.taken_back
    here.order("hide", to=question)
    assert question.row in here.taken_back
    assert here.prompt("second").row not in here.taken_back


def test_the_rooms_own_question_is_nobodys_to_take_back() -> None:
    here = OneDesk()
    target = Target(RowId("room:1"), I1, "open", 1, (("yes", "✅"),), shared=True)
    here.tap("✅", target)
    here.order("hide", to=target)
    assert (here.said, here.taken_back) == (["hide.nothing"], set())
    here.order("hide", to=Target(RowId("gone"), I1, "rsvp", 1, ()))
    assert here.said == ["hide.nothing"]


def test_in_a_shared_room_the_word_itself_goes_too_but_only_once() -> None:
    here, question = opened()
    here.order("hide", room=True, addressed=True)
    redacted = [p.redacts_event for p in here.all_parcels if p.redacts_event]
    assert redacted == ["$e2", "$e1"]
    assert question.row in here.taken_back
    assert [line.key for line in here.parcels[0].message.lines] == ["continue_here", "hide.ok"]


def test_what_has_not_left_yet_does_not_leave_after_it() -> None:
    here, question = opened()
    here.order("hide")
    assert question.row in here.withdrawn


def test_an_open_question_that_was_hidden_is_not_brought_up_by_itself_and_can_be_opened_again() -> None:
    here, question = opened()
    here.order("hide")
    assert here.alarms[f"remind:{question.row}"] is None
    here.order("open")
    (again,) = here.parcels
    assert (again.row != question.row, here.said) == (True, ["rsvp.say"])
    here.write({question.row: "no"})
    assert here.answer.choice == "no"


def test_put_off_until_another_day_a_hidden_question_is_asked_anew() -> None:
    here = OneDesk()
    question = here.ask()
    here.order("hide", to=question)
    here.order("later", to=question)
    here.now_ms += DAY_MS
    here.do(Rang(f"later:{question.row}"))
    (again,) = here.parcels
    assert (again.replies, here.said) == (None, ["rsvp.say"])
    assert again.message.footer[0].key == "reminder"


def test_what_an_instance_says_on_a_private_matter_belongs_to_it() -> None:
    here, question = opened()
    here.do(told("gone"))
    (about_it,) = here.parcels
    here.do(told("elsewhere", instance=I2))
    (about_another,) = here.parcels
    here.order("hide")
    assert {about_it.row, question.row} <= here.taken_back
    assert about_another.row not in here.taken_back


def test_words_that_were_edited_go_with_their_edit() -> None:
    here = OneDesk()
    here.ask("why", expects="words", sensitive=True)
    here.order("open")
    answer = here.write()
    here.edit(answer, edit="$edit")
    here.order("hide")
    assert {answer, "$edit"} <= here.taken_back


def test_all_that_was_said_on_person_goes_with_one_word() -> None:
    here = OneDesk()
    here.order("person")
    question = here.prompt("person", None)
    here.write({question.row: "contact:ben"})
    (told_row,) = (p.row for p in here.parcels)
    here.order("hide")
    assert here.taken_back == {question.row, told_row, "$e1", "$e2", "$e3"}
    assert here.desk.calls != ()


def test_a_list_that_was_hidden_lies_there_no_more() -> None:
    here = OneDesk()
    here.order("person")
    here.order("hide")
    assert not here.has("person", None)


def test_a_contact_can_hide_who_called() -> None:
    here = OneDesk()
    here.do(Called(ANA))
    row = here.prompt("call:ana", None).row
    here.order("hide")
    assert row in here.taken_back


def test_a_private_answer_given_in_a_shared_room_is_taken_back_there() -> None:
    here, question = opened()
    here.write({question.row: "yes"}, room=True, addressed=True)
    assert here.taken_back == {"$e2"}
    assert here.answer.choice == "yes"
    here.order("hide")
    assert "$e2" not in here.taken_back


def test_my_own_views_are_private_too() -> None:
    here = OneDesk()
    for word in ("my", "my people", "what do you know about me", "what i carried"):
        here.order(word)
        (view,) = here.parcels
        here.order("hide")
        assert view.row in here.taken_back


def test_the_first_question_of_all_stays_answered_when_it_is_hidden() -> None:
    here = OneDesk(greeted=False, consent="unknown")
    here.order("help")
    hello = here.prompt("hello", None)
    here.write({hello.row: "yes"})
    here.order("hide", to=hello)
    assert hello.row in here.taken_back
    assert here.prompt("hello", None).hidden
    here.write({hello.row: "no"}, to=here.prompt("hello", None))
    assert here.said == ["hello.thanks_no"]
    assert here.parcels[0].edits is None


def test_in_reply_to_a_message_of_ones_own_it_takes_back_what_that_belongs_to() -> None:
    here, first = opened(ask="first")
    answer = here.write({first.row: "yes"})
    opened(here, "second")
    public = here.ask("public", I2)
    said = here.write({public.row: "yes"}, to=public)
    here.order("hide", reply_to=answer)
    assert {first.row, answer} <= here.taken_back
    assert here.prompt("second").row not in here.taken_back
    here.order("hide", reply_to=said)
    assert {public.row, said} <= here.taken_back


def test_in_reply_to_anything_else_nothing_is_taken_back_least_of_all_something_they_did_not_mean() -> None:
    here, question = opened()
    here.order("my")
    here.order("hide", reply_to="$view")
    assert (here.said, here.taken_back) == (["hide.nothing"], set())
    here.order("hide")
    assert question.row not in here.taken_back
    here.order("hide")
    assert question.row in here.taken_back


def test_only_so_many_exchanges_are_remembered() -> None:
    here = OneDesk(private=tuple(Exchange((RowId(f"r{n}"),), (), f"m{n}") for n in range(20)))
    here.order("person")
    assert len(here.desk.private) == 20
    assert here.desk.private[0].about == "m1"
