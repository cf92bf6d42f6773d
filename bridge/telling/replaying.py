"""The story of one instance, as one reader may hear it: what came to them, what they did, and what did not happen.

Whoever takes no part hears what the circle sees of it now, and since when. Whoever takes part hears besides what was
said to them, and why something they could reckon with did not come about: only from answers that they see anyway. What
others did is never told as such, only what it brought to this reader: a no and a silence are one thing here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, assert_never

import msgspec

from bridge.telling.lexis import capitalised, joined, label, quoted, spoken
from bridge.telling.outside import Private, Public, seen_from_outside
from bridge.telling.readable import readable
from bridge.telling.words import Teller
from engine.core.definition import (
    AskDef,
    AtMoment,
    CountOf,
    Definition,
    DetailGiven,
    DetailIs,
    InUse,
    NotThat,
    OnClosed,
    OnHolds,
    Room,
)
from engine.core.effect import Ask, Effect, Finish, Help, Post, Settle, Show, Tell
from engine.core.event import Answered, Commanded, Due, Ended, Left, Migrated, Started, TookBack
from engine.core.message import Message
from engine.core.replay import DECIDED, Lack, NotTaken, Passage, Stale
from engine.core.survey import asks_in
from engine.core.turn import DETAIL, QUESTION
from engine.core.unsigned import FEWER
from engine.core.values import Moment, Ms, Nothing, Number, Persons, Picked, Ref
from engine.core.view import View

Kind = Literal[
    "stands",
    "said",
    "did",
    "refused",
    "asked",
    "told",
    "kept_from_you",
    "not_yet",
    "stale",
    "closed",
    "ended",
]
OWN: tuple[Kind, ...] = ("did", "refused", "asked", "told")
"""By any of these somebody knows of an instance."""

WHY: dict[str, str] = {
    "closed": "it had closed",
    "over": "it was over",
    "not_asked": "it was not put to you",
    "unknown_ask": "there was no such question",
    "unknown_choice": "it was none of the answers on offer",
    "no_change": "it was what you had said already",
    "not_yours": "it was not for you to write",
    "not_now": "there was no way on from there",
    "people_per_instance": "it was more people than fit",
    "questions_per_guest": "it was one question more than I carry here",
}
"""Why something that somebody did was not taken."""
STALE: dict[Stale, str] = {
    "left": "it had gone on before",
    "dropped": "nothing waited for it any more",
    "moved": "it had been put off",
}
NOT_TO_COME = "it was not to come"
"""One for all that somebody has asked to be spared: nobody is told which, and an operator may be reading along."""
KEPT: dict[str, str] = {
    "not from this person": NOT_TO_COME,
    "not from this workflow": NOT_TO_COME,
    "asked not to be written to": NOT_TO_COME,
    "only when someone invites them": NOT_TO_COME,
    "more questions lie here than one desk holds": "too many questions lay before you",
    "questions_per_person": "too many questions lay before you",
    "no longer useful": "its time had passed",
    "withdrawn": "it was over before it could come",
    "nothing to say any more": "there was nothing left in it to say",
}
"""Why something did not come to the reader, by the reason that the house notes."""
LATE = "it could not come in time"
SOMETHING_PRIVATE = "something private"
ASKED = "<question>"
"""Stands in a step for the words of the question that it is about."""


class Heard(msgspec.Struct, frozen=True):
    """One step of a story.

    ``message`` is what was said then, people as references; without the words of anybody it may be written out behind
    the text. ``about`` is the question that is to be written out, in brief, where ``ASKED`` stands in the text.
    """

    at_ms: Ms | None
    """None: the reader may not know when."""
    kind: Kind
    text: str
    message: Message | None = None
    about: Message | None = None


Questions = dict[tuple[str, int], Message]
"""Questions as they were put: by ask and round."""


class Mail(msgspec.Struct, frozen=True):
    """What became of something that was meant for the reader and did not come at once."""

    n: int
    """The journal line that set it off."""
    effect: int
    """Which of its effects it was, from 0."""
    came_ms: Ms | None = None
    """When it stood in their room; None: it has not come."""
    why: str = ""
    """Why it will not come; empty for what is still on its way, and not told of yet."""


def story_for_outsiders(passages: Sequence[Passage]) -> tuple[Heard, ...]:
    """What whoever takes no part may hear; nothing of one that the circle does not see at present."""
    if not passages or not isinstance(_outside(passages[-1]), Public):
        return ()
    return tuple(_standing(passages))


def story_for(passages: Sequence[Passage], who: Ref, mail: Iterable[Mail] = ()) -> tuple[Heard, ...]:
    """What somebody who takes part may hear; nothing as long as nothing came to them, and nothing came of them.

    ``mail``: what of theirs did not come at once.
    """
    late = {(each.n, each.effect): each for each in mail}
    stands = {id(passage): step for passage, step in _public_steps(passages)}
    found: list[Heard] = []
    asked: set[tuple[str, int]] = set()
    """The questions that came to the reader."""
    put: Questions = {}
    reached = False
    """Whether the reader knows that it came to where it stands: something came to them then."""
    for passage in passages:
        at_ms = passage.entry.facts.now_ms
        steps = [*_own(passage, who, put), *_came(passage, who, late, asked, put)]
        put |= _posted(passage)
        has_heard = bool(steps)
        if passage.moved:
            reached = has_heard
        steps += _did_not(passage, who, told=has_heard, reached=reached)
        if has_heard and any(isinstance(effect, Finish) for effect in passage.effects):
            steps.append(Heard(at_ms, "ended", "It ended."))
        if id(passage) in stands:
            steps.append(stands[id(passage)])
        found += steps
    return tuple(found) if any(step.kind in OWN for step in found) else ()


# ── what everybody sees ──────────────────────────────────────────────────────


def _outside(passage: Passage) -> Public | Private:
    return seen_from_outside(passage.runs_on, passage.after)


def _standing(passages: Sequence[Passage]) -> Iterator[Heard]:
    yield from (step for _, step in _public_steps(passages))


def _public_steps(passages: Sequence[Passage]) -> Iterator[tuple[Passage, Heard]]:
    """Where the circle has seen it stand, each time that changed."""
    before: tuple[str, ...] | None = None
    for passage in passages:
        seen = _outside(passage)
        if isinstance(seen, Private):
            before = None
            continue
        if seen.states != before:
            where = joined([quoted(readable(passage.runs_on, state)) for state in seen.states], "or")
            yield passage, Heard(seen.since_ms, "stands", f"The circle sees it in {where}.")
        before = seen.states


# ── what the reader did ──────────────────────────────────────────────────────


def _own(passage: Passage, who: Ref, put: Questions) -> Iterator[Heard]:
    event, at_ms = passage.entry.event, passage.entry.facts.occurred_ms
    did = _deed(passage, who, put)
    if did is None:
        return
    about = put.get((event.ask, event.round)) if isinstance(event, Answered | TookBack) else None
    if passage.result == DECIDED:
        yield Heard(at_ms, "did", f"{did}.", about=about)
        return
    why = WHY.get(passage.result, "it did not fit")
    lacks = [_lack(passage, each.lacks) for each in passage.not_taken if _may_know(passage, each, who)]
    more = f" It needs this: {joined(lacks, 'or')}." if lacks else ""
    kind: Kind = "did" if isinstance(event, Left) else "refused"
    yield Heard(at_ms, kind, f"{did}; it did not count, because {why}.{more}", about=about)


def _deed(passage: Passage, who: Ref, put: Questions) -> str | None:
    """What the reader did in this line; None if it was not theirs."""
    match passage.entry.event:
        case Started(by=by, parent=parent, unbidden=unbidden) if by == who:
            if unbidden:
                return "It began by itself, with you"
            return "You began it" if parent is None else "It followed from another one, with you"
        case Answered(by=by) as event if by == who:
            given = "" if _is_private(passage.definition, event.ask) else _given(passage.definition, event)
            return f"You answered {_what(passage.definition, event.ask, event.round, put)}{given}"
        case TookBack(by=by, ask=ask) as event if by == who:
            return f"You took back your answer to {_what(passage.definition, ask, event.round, put)}"
        case Commanded(by=by, word=word) if by == who:
            return f"You wrote *{word}*"
        case Left(who=left) if left == who:
            return "You left"
        case Started() | Answered() | TookBack() | Commanded() | Left() | Due() | Ended() | Migrated():
            return None
        case _:
            assert_never(passage.entry.event)


def _given(definition: Definition, event: Answered) -> str:
    """An answer without anybody's words."""
    name = event.ask.removeprefix(DETAIL)
    given: list[str] = []
    if event.choice is not None:
        known = definition.asks.get(name) or definition.details.get(name)
        offered = {choice.id for choice in known.choices} if known is not None else set()
        given.append(quoted(label(definition, name, event.choice)) if event.choice in offered else "“no”")
    match event.value:
        case Moment():
            given.append("a date")
        case Number(n=n):
            given.append(str(n))
        case Persons(who=people):
            given.append(f"{len(people)} {'person' if len(people) == 1 else 'people'}")
        case Picked():
            given.append("everyone")
        case Nothing():
            given.append("“none”")
    if event.text is not None:
        given.append("words of your own")
    return f" with {joined(given)}" if given else ""


def _what(definition: Definition, ask: str, round: int, put: Questions) -> str:
    """A question as it may be called: a private one is only that, and one that was never put has no words."""
    if _is_private(definition, ask):
        return SOMETHING_PRIVATE
    if ask.startswith(FEWER):
        return "what shall happen if too few write"
    is_known = (ask, round) in put and not ask.startswith(QUESTION)
    return ASKED if is_known else "a question"


def _posted(passage: Passage) -> Questions:
    """The questions that this line put to the circle's room."""
    return {
        (effect.ask, effect.round): _plain(effect.message)
        for effect in passage.effects
        if isinstance(effect, Post) and effect.ask is not None
    }


def _is_private(definition: Definition, ask: str) -> bool:
    known = definition.asks.get(ask.removeprefix(FEWER).partition(":")[0])
    return known is not None and known.sensitive


# ── what came to the reader ──────────────────────────────────────────────────


def _came(
    passage: Passage,
    who: Ref,
    late: Mapping[tuple[int, int], Mail],
    asked: set[tuple[str, int]],
    put: Questions,
) -> Iterator[Heard]:
    """What this line brought the reader; ``asked`` and ``put`` grow by the questions among it."""
    for number, effect in enumerate(passage.effects):
        step = _arrival(passage, effect, who, put)
        if step is None or (isinstance(effect, Settle) and (effect.ask, effect.round) not in asked):
            continue
        mail = late.get((passage.entry.n, number))
        if mail is not None and mail.came_ms is None:
            if mail.why:  # without what it was: it is over, or they did not want to hear it
                why = KEPT.get(mail.why, LATE)
                yield Heard(step.at_ms, "kept_from_you", f"Something did not come to you: {why}.")
            continue
        if isinstance(effect, Ask):
            asked.add((effect.ask, effect.round))
            if not effect.sensitive:
                put[effect.ask, effect.round] = _plain(effect.message)
        yield step if mail is None else msgspec.structs.replace(step, at_ms=mail.came_ms)


def _arrival(passage: Passage, effect: Effect, who: Ref, put: Questions) -> Heard | None:
    at_ms = passage.entry.facts.now_ms
    match effect:
        case Ask(who=to) if to == who:
            if effect.sensitive:
                return Heard(at_ms, "asked", f"You were asked {SOMETHING_PRIVATE}.")
            return Heard(at_ms, "asked", "You were asked:", _plain(effect.message))
        case Tell(who=to) if to == who:
            return Heard(at_ms, "told", "You were told:", _plain(effect.message))
        case Show(who=to) if to == who:
            return Heard(at_ms, "told", "You were shown:", _plain(effect.message))
        case Help(who=to) if to == who:
            return Heard(at_ms, "told", "You were shown where help is.")
        case Settle(who=to, ask=ask) if to == who and not _has_answered(passage, ask, who):
            if ask.startswith(FEWER):
                return None
            what = _what(passage.definition, ask, effect.round, put)
            text = f"{capitalised(what)} closed, without an answer of yours."
            return Heard(at_ms, "closed", text, about=put.get((ask, effect.round)))
        case Post(edits=None):
            return Heard(at_ms, "said", "Said in the circle's room:", _plain(effect.message))
        case _:
            return None


def _has_answered(passage: Passage, ask: str, who: Ref) -> bool:
    event = passage.entry.event
    if isinstance(event, Answered) and (event.ask, event.by) == (ask, who):
        return True
    held = passage.before.asks.get(ask) if passage.before is not None else None
    if held is None:
        return True
    answer = held.answers.get(who)
    return answer is not None and (answer.choice, answer.text, answer.value) != (None, None, None)


def _plain(message: Message) -> Message:
    """A message as far as a story repeats it: its sentences."""
    return Message(lines=message.lines)


# ── what did not happen ──────────────────────────────────────────────────────


def _did_not(passage: Passage, who: Ref, *, told: bool, reached: bool) -> Iterator[Heard]:
    """Why it did not go on. A timer's moment is known to whoever was told something when it was set; that somebody
    else has answered, only to whom it brought something.
    """
    is_time = isinstance(passage.entry.event, Due)
    if passage.result not in (DECIDED, "stale_timer") or not (told or (is_time and reached)):
        return
    at_ms = passage.entry.facts.now_ms
    if passage.stale is not None:
        if passage.after is not None and who == passage.after.starter:
            yield Heard(at_ms, "stale", f"A moment came that did not count: {STALE[passage.stale]}.")
        return
    for missed in passage.not_taken:
        if _may_know(passage, missed, who):
            yield Heard(at_ms, "not_yet", _not_yet(passage, missed))


def _not_yet(passage: Passage, missed: NotTaken) -> str:
    teller = Teller(passage.definition)
    claims = _lack(passage, missed.lacks)
    if isinstance(missed.move.on, OnHolds):
        return f"It goes on once {claims}."
    when = capitalised(teller.trigger(missed.move.on))
    if isinstance(missed.move.on, AtMoment | OnClosed):
        return f"{when} it would have gone on if {claims}."
    return f"{when}, it goes on if {claims}."


def _lack(passage: Passage, lacks: Sequence[Lack]) -> str:
    """What was lacking, each claim with what there was."""
    teller = Teller(passage.definition)
    said: list[str] = []
    for lack in lacks:
        claim = teller.condition(lack.claim)
        if lack.found is None:
            said.append(claim)
        elif lack.needed is None or isinstance(lack.claim, NotThat):
            said.append(f"{claim} (it was {lack.found})")
        else:
            said.append(f"{claim} ({lack.found} of {lack.needed})")
    return joined(dict.fromkeys(said))


def _may_know(passage: Passage, missed: NotTaken, who: Ref) -> bool:
    """Whether all that was lacking is made of what this reader sees anyway."""
    return all(_may_see(passage, lack, who) for lack in missed.lacks)


def _may_see(passage: Passage, lack: Lack, who: Ref) -> bool:
    claim = lack.claim.that if isinstance(lack.claim, NotThat) else lack.claim
    details: set[str] = set()
    match claim:
        case InUse():
            return True
        case DetailIs(detail=detail) | DetailGiven(detail=detail):
            details.add(detail)
        case CountOf(bound=str(bound)):
            details.add(bound)
        case _:
            pass
    asks = asks_in(claim)
    if not asks and not details:
        return False
    return all(_sees_answers(passage, ask, who) for ask in asks) and all(
        _knows_detail(passage, detail, who) for detail in details
    )


def _knows_detail(passage: Passage, name: str, who: Ref) -> bool:
    """Whether they are who is asked for it."""
    detail = passage.definition.details.get(name)
    if detail is None or passage.before is None:
        return False
    if detail.asked is None:
        return who == passage.before.starter
    return who in View(passage.definition, passage.before).people(detail.asked)


def _sees_answers(passage: Passage, name: str, who: Ref) -> bool:
    """Whether answers to an ask are shown to them, or are theirs alone."""
    ask, snapshot = passage.definition.asks.get(name), passage.before
    if ask is None or snapshot is None:
        return False
    state = snapshot.asks.get(name)
    if state is not None and state.asked == (who,):
        return True
    if state is not None and (state.unsigned or not state.shown):
        return False
    return _is_reader(passage.definition, ask, View(passage.definition, snapshot), who)


def _is_reader(definition: Definition, ask: AskDef, view: View, who: Ref) -> bool:
    if isinstance(ask.to, Room) or "circle" in ask.seen_by:
        return True
    return any(who in view.people(part) for part in ask.seen_by if part != "me")


def title_of(definition: Definition) -> str:
    """What a workflow is called in a story."""
    return definition.title or spoken(definition.name)
