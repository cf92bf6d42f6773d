"""The rules: what each code that checking finds means, with an example that breaks it and one that is right.

The examples are pieces of one file; the tests put each wrong piece in the place of its right one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Chapter = Literal["names", "ways", "care"]


class Rule(msgspec.Struct, frozen=True):
    """One rule: its code, one sentence, and a piece of a file without and with it broken."""

    code: str
    chapter: Chapter
    says: str
    right: str
    wrong: str
    severity: Literal["error", "warning"] = "error"


def _names() -> tuple[Rule, ...]:
    def rule(code: str, says: str, right: str, wrong: str) -> Rule:
        return Rule(code, "names", says, right, wrong)

    return (
        rule("unknown-state", "A move leads to a state that exists.", "to: open", "to: opne"),
        rule(
            "unknown-part",
            "A part that is mentioned stands under `people`.",
            "host writes cancel",
            "hots writes cancel",
        ),
        rule(
            "unknown-detail",
            "A detail that is mentioned stands under `details`.",
            "gather: [friend, guests, what, starts, kind]",
            "gather: [friend, guests, what, starts, kind, waht]",
        ),
        rule(
            "unknown-ask",
            "An ask that is mentioned stands under `asks`.",
            "    keeps: invited\n    asks: helps",
            "    keeps: [invited, inwited]\n    asks: helps",
        ),
        rule(
            "unknown-answer",
            "An answer that is mentioned is one of those on offer.",
            "answered coming to invited",
            "answered comming to invited",
        ),
        rule(
            "unknown-moment",
            "A moment counts from a date that is asked for, or from `entering` or `opening`.",
            "changeable until: starts",
            "changeable until: start",
        ),
        rule(
            "unknown-placeholder",
            "A placeholder stands for a part, a detail or an answer.",
            "to <what>, <starts>.",
            "to <what>, <start>.",
        ),
        Rule(
            "unknown-workflow",
            "names",
            "A workflow that is started lies beside the file, or the file says what happens without it.",
            "      - workflow: decision\n"
            "        hand over: [what, friend as decider]\n"
            "    moves:\n"
            "      - when: decision ends\n"
            "        to: after\n",
            "      - workflow: decisoin\n        hand over: [what, friend as decider]\n    moves:\n",
            "warning",
        ),
        rule(
            "starter",
            "Exactly one part is the starter.",
            "helper: one of coming, not host",
            "helper: starter",
        ),
        rule(
            "two-meanings",
            "A name means one thing.",
            "helper: one of coming, not host",
            "helper: one of coming, not host\n  what: stewards",
        ),
        rule(
            "circular",
            "Somebody can be found for every part.",
            "helper: one of coming, not host",
            "helper: one of helper",
        ),
        rule(
            "not-people",
            "People come from a detail or an ask that names people.",
            "helper: one of coming, not host",
            "helper: named in what",
        ),
        rule(
            "not-a-moment",
            "A moment counts from a date.",
            "changeable until: starts",
            "changeable until: what",
        ),
        rule(
            "not-a-number",
            "A count is compared with a number.",
            "coming is at least enough",
            "coming is at least what",
        ),
        rule(
            "not-a-choice",
            "Only a choice can be one of several things.",
            "if: kind is event",
            "if: what is event",
        ),
        rule(
            "nobody-asked",
            "Who everyone is, is known only of a question put to people.",
            "coming is at least enough",
            "everyone said wide.i_would",
        ),
        rule(
            "not-asked-here",
            "A state waits for answers only to what it asks or keeps.",
            "when: thoughts closes",
            "when: nominate closes",
        ),
        rule(
            "never-started",
            "A file hears of the end only of what it starts.",
            "when: decision ends",
            "when: decisoin ends",
        ),
        rule(
            "not-hidden",
            "Only hidden answers can be shown.",
            "    asks: [thoughts, private]\n",
            "    asks: [thoughts, private]\n    shows: invited\n",
        ),
        rule(
            "never-shown", "Hidden answers are shown some day.", "hidden until: closed", "hidden until: shown"
        ),
        rule(
            "another-type",
            "What is handed on is of the same type at both ends.",
            "hand over: [what, friend as decider]",
            "hand over: [what, starts as decider]",
        ),
        rule(
            "twice",
            "A thing is said once.",
            "hand over: [what, friend as decider]",
            "hand over: [what, friend as decider, host as decider]",
        ),
        rule(
            "no-choices",
            "A choice offers something.",
            "    choices:\n      event: 📅 An event\n      project: 🛠️ A project",
            "    choices: []",
        ),
        rule(
            "never-given",
            "Every detail is asked for, or has a default.",
            "  enough:\n    type: number\n    default: 2",
            "  enough:\n    type: number",
        ),
        rule(
            "bounds",
            "A number lies within its bounds.",
            "type: number, 1 to 20\n    default: 8",
            "type: number, 1 to 20\n    default: 30",
        ),
        rule(
            "places-without-answer",
            "Places are taken by an answer that can be chosen.",
            "    answers: in words\n    seen by: host\n    unsigned: from 5 answers\n",
            "    answers: in words\n    seen by: host\n    places: 8\n",
        ),
        rule(
            "not-a-workflow",
            "Only a workflow is brought in or taken out.",
            "brings in: which",
            "brings in: what",
        ),
        rule(
            "never-asked",
            "A workflow comes with `try` or `leave off`; nobody is asked for it.",
            "gather: [friend, guests, what, starts, kind]",
            "gather: [friend, guests, what, starts, kind, which]",
        ),
        rule(
            "not-looked-up",
            "Whether a workflow is in use is looked at while something happens, not while a line is read.",
            "    public: <what>, <starts>\n",
            "    public:\n      say: <what>, <starts>\n      if: decision is in use\n",
        ),
        rule(
            "carried-state",
            "Something is carried while it runs, and was carried once it has ended.",
            "while: [on, moved]",
            "while: [on, done]",
        ),
        rule(
            "says-nothing",
            "Of what is carried something is said.",
            "    say: You host <what>, <starts>.\n"
            "    while: [on, moved]\n"
            "    if: kind is project\n"
            "    afterwards: A day together\n",
            "    while: [on, moved]\n",
        ),
        rule("no-answer", "A question can be answered.", "answers: [Gladly]", "answers: []"),
        Rule(
            "unused",
            "names",
            "What is written is used.",
            "asks: [thoughts, private]",
            "asks: thoughts",
            "warning",
        ),
    )


def _ways() -> tuple[Rule, ...]:
    def rule(code: str, says: str, right: str, wrong: str) -> Rule:
        return Rule(code, "ways", says, right, wrong)

    moved = "      - at: 7 days after entering\n        to: dropped\n  after:"
    enough = "        if: coming is at least enough\n"
    return (
        rule(
            "unreachable",
            "Every state can be reached.",
            "when: host writes postpone\n        to: moved",
            "when: host writes postpone\n        to: dropped",
        ),
        rule(
            "dead-end",
            "Every state that is no end leads on.",
            "    ends with: It was a good day.",
            "    tell:\n      to: host\n      say: It was a good day.",
        ),
        rule(
            "no-end",
            "Every way leads to an end some day.",
            "      - when: thoughts closes\n"
            "        to: done\n"
            "      - at: 8 days after entering\n"
            "        to: done\n"
            "  done:\n"
            "    ends with: It was a good day.",
            "      - when: thoughts closes\n"
            "        to: done\n"
            "      - at: 8 days after entering\n"
            "        to: done\n"
            "  done:\n"
            "    moves:\n"
            "      - at: 30 days after entering\n"
            "        to: after",
        ),
        rule(
            "moves-after-end",
            "An end has no moves.",
            "    ends with: It was a good day.",
            "    ends with: It was a good day.\n"
            "    moves:\n"
            "      - at: 8 days after entering\n"
            "        to: after",
        ),
        rule(
            "not-an-end",
            "Where nobody is left to hold a part, it ends.",
            "if the starter leaves: dropped",
            "if the starter leaves: dropped\nif the friend leaves: after",
        ),
        rule(
            "nothing-gathered",
            "A state waits for details only where it gathers some.",
            "    ask again: starts\n    public",
            "    public",
        ),
        rule(
            "gathered-for-nothing",
            "Once everything is gathered, something happens.",
            "      - when: everything is gathered\n"
            "        if: been in moved at most 3 times\n"
            "        to: on\n",
            "      - when: host writes again\n        to: on\n",
        ),
        rule(
            "waits-for-ever",
            "Every state is left some day, whatever people do.",
            moved,
            "      - when: host writes enough\n        to: dropped\n  after:",
        ),
        rule(
            "must-answer",
            "Every question can be left unanswered.",
            "    ask again: starts\n"
            "    public: <what>, at another time\n"
            "    moves:\n"
            "      - when: everything is gathered\n"
            "        if: been in moved at most 3 times\n"
            "        to: on\n"
            "      - at: 7 days after entering\n"
            "        to: dropped\n",
            "    asks: helps\n"
            "    public: <what>, at another time\n"
            "    moves:\n"
            "      - when: answered gladly to helps\n"
            "        to: after\n",
        ),
        rule(
            "loop-by-luck",
            "A loop can be left by time or by a word, and not only if the answers happen to fit.",
            "      - when: thoughts closes\n"
            "        to: done\n"
            "      - at: 8 days after entering\n"
            "        to: done\n",
            "      - at: 8 days after entering\n"
            "        if: coming is at least enough\n"
            "        to: done\n"
            "      - at: 8 days after entering\n"
            "        to: after\n",
        ),
        rule(
            "not-known-yet",
            "Nothing is used before it is known.",
            "Whom would you like to invite?",
            "Whom would you like to invite on <starts>?",
        ),
        rule(
            "nobody-yet",
            "People are spoken to once there can be any.",
            "asks: [invited, wide, nominate]",
            "asks: [invited, wide, nominate, helps]",
        ),
        rule(
            "never-holds",
            "A condition can hold.",
            "been in moved at most 3 times",
            "been in after at least 1 time",
        ),
        Rule(
            "always-holds",
            "ways",
            "A condition can fail to hold.",
            "been in moved at most 3 times",
            "been in moved at least 1 time",
            "warning",
        ),
        rule("never-taken", "No move stands behind one that is always taken first.", enough, ""),
        rule(
            "fighting",
            "One word leads to one place, whoever writes it.",
            "      - when: host writes postpone\n        to: moved\n",
            "      - when: host writes postpone\n"
            "        to: moved\n"
            "      - when: coming writes postpone\n"
            "        to: after\n",
        ),
        rule(
            "spins",
            "Nothing goes round by itself without time passing.",
            "      - when: thoughts closes\n        to: done\n",
            "      - when: as soon as coming is at least 1\n        to: after\n",
        ),
    )


def _care() -> tuple[Rule, ...]:
    def rule(code: str, says: str, right: str, wrong: str) -> Rule:
        return Rule(code, "care", says, right, wrong)

    small = "    care: sensitive\n"
    return (
        rule(
            "own-word", "The bot's own words keep their meaning.", "host writes postpone", "host writes pause"
        ),
        rule(
            "built-in",
            "A no, `later`, `stop` and `person` come with every question.",
            "maybe: 🤔 Maybe",
            "maybe: 🤔 No, thanks",
        ),
        rule("same-emoji", "Each answer has a sign of its own.", "maybe: 🤔 Maybe", "maybe: ✅ Maybe"),
        rule(
            "too-many-choices",
            "A question offers nine answers at most.",
            "answers: [Gladly]",
            "answers: [Gladly, Bc, Cd, De, Ef, Fg, Gh, Hi, Ij, Jk]",
        ),
        rule(
            "protected-no",
            "Nothing depends on a no, and nobody hears of one, before its moment.",
            'say: "Coming: <coming>"',
            'say: "Not joining: <not joining invited>"',
        ),
        rule(
            "singled-out",
            "Nobody speaks to those who declined, or of them.",
            "      to: coming\n      say: It is not",
            "      to: everyone but eager\n      say: It is not",
        ),
        rule(
            "room-sees-private",
            "What is asked 1:1 is not shown to the whole room.",
            "    seen by: host\n    hidden until: closed",
            "    seen by: circle\n    hidden until: closed",
        ),
        rule(
            "room-sees-all",
            "What is tapped in the room is seen by everyone there, and the file says so.",
            "seen by: circle",
            "seen by: host",
        ),
        rule(
            "room-words",
            "In the room there is one tap, and no words.",
            "answers: [🙋 I would]",
            "answers: [🙋 I would]\n    also: in words",
        ),
        rule(
            "room-calendar",
            "A file for the calendar goes to people one to one.",
            "          say: It comes later, and help is there.",
            "          say: It comes later, and help is there.\n          calendar: starts",
        ),
        rule("me-and-others", "`me` means nobody else.", "    seen by: me\n", "    seen by: me, host\n"),
        rule(
            "wider-audience",
            "Nobody reads in a sentence what they may not see as an answer.",
            "public: <what>, <starts>",
            "public: <what>, <coming>",
        ),
        Rule(
            "reader-by-lot",
            "care",
            "Whoever was promised as a reader stays who they were.",
            "    seen by: host\n    until: 1 day before starts\n    changeable until: starts",
            "    seen by: host, helper\n    until: 1 day before starts\n    changeable until: starts",
            "warning",
        ),
        Rule(
            "told-anyway",
            "care",
            "What nobody else is to see, the room is not told by what follows from it.",
            "    answers: [Gladly]\n    seen by: host\n",
            "    answers: [Gladly]\n    seen by: me\n",
            "warning",
        ),
        rule(
            "told-of-others",
            "Whether somebody was asked before is between them and the starter, and nothing that others see depends on"
            " it.",
            "          if: helps.gladly is at least 1\n",
            "          if: helper was asked within 60 days\n",
        ),
        rule(
            "names-others",
            "What somebody may show of what they carried is about nobody else, and about no answers.",
            "afterwards: A day together",
            "afterwards: A day with <coming>",
        ),
        rule(
            "shown-too-early",
            "Hidden answers stay hidden until their moment.",
            'say: "Not joining: <not joining invited>"',
            'say: "Not joining: <not joining invited>. Named: <chosen>"',
        ),
        rule(
            "room-sensitive",
            "A sensitive question is never asked in the room.",
            "    answers: [🙋 I would]\n    seen by: circle\n",
            "    answers: [I would]\n    seen by: circle\n    care: sensitive\n",
        ),
        rule(
            "sensitive-no-knock",
            "A sensitive question knocks first, and nothing about it goes past the knock.",
            small,
            small + "    question to: host\n",
        ),
        rule(
            "sensitive-reaction",
            "A sensitive question is answered by a number or in words, never by a reaction.",
            "answers: [Well, Not so well]",
            "answers: [🙂 Well, Not so well]",
        ),
        rule(
            "sensitive-seen",
            "Answers to a sensitive question are seen by nobody but people chosen for it.",
            "    seen by: me\n",
            "    seen by: elders\n",
        ),
        rule(
            "consent-recorded",
            "What somebody agreed to in a sensitive matter is not on record.",
            "      - when: thoughts closes\n        to: done\n",
            "      - when: answered well to private\n        to: done\n",
        ),
        rule(
            "unsigned-few",
            "Unsigned answers are shown from five on.",
            "unsigned: from 5 answers",
            "unsigned: from 4 answers",
        ),
        rule(
            "unsigned-too-few-asked",
            "Unsigned answers need three more people to be asked than must answer.",
            "    to: everyone\n    say: What should",
            "    to: friend\n    say: What should",
        ),
        rule(
            "unsigned-not-words",
            "Only words asked for 1:1 stay unsigned.",
            "    unsigned: from 5 answers\n",
            "    unsigned: from 5 answers\n    question to: host\n",
        ),
        rule(
            "unsigned-counted",
            "Nothing tells who gave an unsigned answer, or when.",
            "when: thoughts closes",
            "when: answered thoughts",
        ),
        rule(
            "poll-nothing-to-choose",
            "A poll has answers to choose from.",
            "    seen by: host\n    hidden until: closed\n",
            "    seen by: host\n    hidden until: closed\n    with: a poll\n",
        ),
        rule(
            "poll-hides-nothing",
            "A poll in the room shows each vote at once, so its answers are not to be hidden.",
            "    seen by: circle\n    until: 1 day before starts\n",
            "    seen by: circle\n    until: 1 day before starts\n    hidden until: closed\n    with: a poll\n",
        ),
        rule(
            "overlapping",
            "A question is not asked again while it is still open.",
            "    to: friend\n",
            "    to: friend\n    every: 6 days\n",
        ),
        rule(
            "second-reminder",
            "One reminder comes by itself; nobody is asked again within days.",
            "say: Would you help <host> on the day?",
            "say: Would you help <host> on the day?\n    every: 2 days\n    until: 1 day after opening",
        ),
        rule("no-end-date", "Words have an end date.", "keep: 30 days", "keep: for ever"),
        rule("kept-too-long", "Words are kept no longer than needed.", "keep: 30 days", "keep: 2 years"),
        rule(
            "too-long",
            "A message fits a phone screen: 600 characters, answers included.",
            "It is not happening this time.",
            "It is not happening this time. " * 20,
        ),
        rule(
            "role-without-end",
            "Every role has an end date.",
            "      - at: 1 day after starts\n"
            "        to: after\n"
            "  moved:\n"
            "    keeps: invited\n"
            "    ask again: starts\n",
            "      - at: 30 days after entering\n"
            "        to: after\n"
            "  moved:\n"
            "    keeps: invited\n"
            "    ask again: what\n",
        ),
    )


RULES: dict[str, Rule] = {rule.code: rule for rule in (*_names(), *_ways(), *_care())}
"""Every code that checking a definition can find, with its rule."""
