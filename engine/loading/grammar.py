"""The grammar of workflow files, as one table: for each place its keys, and what each of them means.

Compiling takes the keys it knows from here; the JSON Schema and the reference page are made of it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core.definition import Carried

Shape = Literal[
    "word",
    "line",
    "sentence",
    "name",
    "names",
    "moment",
    "length",
    "again",
    "days",
    "kept",
    "wait",
    "condition",
    "who",
    "whos",
    "part",
    "source",
    "trigger",
    "shelf",
    "arrival",
    "kind",
    "default",
    "choices",
    "answers",
    "in words",
    "a poll",
    "yes",
    "audience",
    "hidden",
    "unsigned",
    "places",
    "needs",
    "sensitive",
    "hands",
    "people",
    "details",
    "asks",
    "states",
    "steps",
    "tells",
    "boards",
    "public",
    "moves",
    "starts",
    "contacts",
    "carried",
    "carried as",
]
"""What may stand under a key."""


class Key(msgspec.Struct, frozen=True):
    """One key: what stands under it, what it says, and an example."""

    name: str
    shape: Shape
    says: str
    example: str
    needed: bool = False


class Section(msgspec.Struct, frozen=True):
    """One place of a file, and the keys that make sense there."""

    name: str
    title: str
    says: str
    keys: tuple[Key, ...]

    @property
    def known(self) -> tuple[str, ...]:
        """All its keys, in their order."""
        return tuple(key.name for key in self.keys)

    @property
    def needed(self) -> tuple[str, ...]:
        """The keys that may not be left out."""
        return tuple(key.name for key in self.keys if key.needed)


def _head() -> Section:
    return Section(
        "head",
        "The head of a file",
        "A file has `steps` or `states`, never both.",
        (
            Key(
                "name",
                "line",
                "What it is called: *Book club*, or a short name like `invitation`.",
                "Book club",
                True,
            ),
            Key("title", "line", "As people read it, if `name` is a short one.", "Invitation"),
            Key(
                "about",
                "line",
                "One sentence for those who choose a workflow.",
                "Read a book together.",
                True,
            ),
            Key("begins with", "word", "The words that begin it; its name if left out.", "invite"),
            Key(
                "begins when",
                "arrival",
                "It begins by itself, once for each person: when they come into the circle's room (`someone arrives`),"
                " or also for those who are there when the circle takes it up (`someone is here`).",
                "someone arrives",
            ),
            Key(
                "called",
                "sentence",
                "How one running workflow is called in lists; its title if left out.",
                "<what>",
            ),
            Key("listed in", "shelf", "The public list that shows its `public` lines.", "what's on"),
            Key(
                "needs",
                "contacts",
                "It can be taken up only where two safety contacts and help from outside are named.",
                "safety contacts",
            ),
            Key(
                "people",
                "people",
                "The parts people take: a name each, and where its people come from.",
                "host: starter",
            ),
            Key(
                "details",
                "details",
                "What somebody is asked to fill in before or while it runs.",
                "book: text",
            ),
            Key("asks", "asks", "With `states`: the questions, a name each.", "invited: …"),
            Key("steps", "steps", "What happens, one step after another.", "- ask: readers"),
            Key("states", "states", "The states it can be in, the first one first.", "draft: …"),
            Key(
                "public",
                "sentence",
                "With `steps`: the line the circle sees in the list of `listed in` while it runs.",
                "<book> · <meeting>",
            ),
            Key("carried", "carried", "What people hold while it runs, and what they held.", "by: holder"),
            Key(
                "if the starter leaves",
                "name",
                "With `states`: where it goes when its starter is gone; `if the <part> leaves` likewise.",
                "cancelled",
            ),
            Key(
                "keep",
                "days",
                "How long words are kept after the end where nothing else is said; 90 days if left out.",
                "60 days",
            ),
        ),
    )


def _detail() -> Section:
    return Section(
        "detail",
        "A detail",
        "In short `book: text`, or `kind: [Event, Project]`; the bot then asks in words of its own.",
        (
            Key(
                "ask",
                "sentence",
                "The question; the bot asks in words of its own if left out.",
                "Which book would you like to read?",
            ),
            Key("type", "kind", "What is asked for, unless there are `choices`.", "date and time"),
            Key(
                "choices",
                "choices",
                "What can be chosen: labels, or a name and a label each.",
                "[Event, Project]",
            ),
            Key(
                "default",
                "default",
                "For dates, numbers and choices: used where nobody is asked.",
                "1 day before starts",
            ),
            Key("keep", "days", "For words: how long they are kept after the end.", "30 days"),
            Key("asked of", "part", "The part that is asked; the starter if left out.", "holder"),
            Key("becomes", "name", "Another detail of the same type that takes the new value too.", "ends"),
        ),
    )


_ASK_KEYS = (
    Key(
        "say",
        "sentence",
        "The question, in a phone screen: 600 characters with the answers.",
        "Would you like to come?",
        True,
    ),
    Key(
        "answers",
        "answers",
        "Labels, or a name and a label each; or `in words`, `a person`, `people`.",
        "[Count me in, Maybe]",
        True,
    ),
    Key("also", "in words", "Words are welcome beside the answers.", "in words"),
    Key(
        "with",
        "a poll",
        "The answers are offered as a poll too, which is encrypted; whoever is shown no polls answers as ever.",
        "a poll",
    ),
    Key(
        "seen by",
        "audience",
        "Who sees an answer: `me`, parts, or `circle` for the room. A no is seen by nobody.",
        "host",
        True,
    ),
    Key("until", "moment", "When it closes; 7 days after opening if left out.", "3 days before meeting"),
    Key(
        "changeable until",
        "moment",
        "Until when a given answer may change; until it closes if left out.",
        "starts",
    ),
    Key(
        "hidden until",
        "hidden",
        "Nobody sees an answer before: `closed`, a moment, or `shown` (a state then says `shows`).",
        "closed",
    ),
    Key(
        "unsigned",
        "unsigned",
        "Words are shown without names, mixed, once, if at least so many came; 5 or more.",
        "from 5 answers",
    ),
    Key(
        "places", "places", "How many may take up the first answer; who comes later waits, and moves up.", "8"
    ),
    Key(
        "keep",
        "kept",
        "How long words are kept after the end; 90 days if left out. `30 days after answering` counts from when they"
        " were written.",
        "30 days",
    ),
    Key("if", "condition", "Only then.", "kind is event"),
    Key(
        "every",
        "length",
        "With `states`: asked first after this long in the state, then again each time as much has passed.",
        "1 month",
    ),
    Key(
        "question to", "part", "The part to which somebody may put a question by answering in words.", "host"
    ),
    Key("takes the place of", "names", "Asks whose answers count no more once this one is put.", "invited"),
    Key("care", "sensitive", "It knocks first, and waits until the person is alone.", "sensitive"),
)


def _ask() -> Section:
    to = Key("to", "who", "Whom it is put to.", "readers", True)
    says = "Every ask brings a no, `later`, one reminder and a quiet ending by itself."
    return Section("ask", "An ask", says, (to, *_ASK_KEYS))


def _state() -> Section:
    return Section(
        "state",
        "A state",
        "On entering, what is not kept closes and what was hidden is shown; then it tells, shows help, starts, gathers"
        " and asks, in this order. Its moves say how it is left.",
        (
            Key("tell", "tells", "Said on entering.", "to: coming"),
            Key(
                "gather",
                "names",
                "Details asked for here, one at a time, if they are not there yet.",
                "[book, meeting]",
            ),
            Key("ask again", "names", "Details asked for afresh, whatever they held.", "meeting"),
            Key("starts", "starts", "Other workflows that begin on entering.", "workflow: decision"),
            Key("asks", "names", "Asks put on entering.", "invited"),
            Key("keeps", "names", "Asks of an earlier state in which answers may still change.", "invited"),
            Key("shows", "names", "Asks whose hidden answers are shown on entering.", "consent"),
            Key(
                "show help to", "whos", "Who is shown where help is to be had, as `person` would.", "starter"
            ),
            Key("board", "boards", "One message to a part, kept up to date by edits.", "to: host"),
            Key(
                "public",
                "public",
                "The line the circle sees; with `if` perhaps a second, for when the first does not hold.",
                "<what> · <starts>",
            ),
            Key("moves", "moves", "How it is left.", "- at: starts"),
            Key(
                "brings in",
                "name",
                "The detail of type `workflow` that the circle has in use from here on.",
                "which",
            ),
            Key("takes out", "name", "The one that it has in use no longer.", "which"),
            Key(
                "if the starter leaves",
                "name",
                "The state it goes to from here, where the head's would not fit.",
                "closed",
            ),
            Key(
                "ends with",
                "sentence",
                "Makes it an end, and says in plain words how it ended.",
                "It was read and talked over.",
            ),
        ),
    )


def _move() -> Section:
    return Section(
        "move",
        "A move",
        "One of `when`, `at`, `every`. Of several for the same thing, the first whose `if` holds is taken.",
        (
            Key("when", "trigger", "What happens.", "everything is gathered"),
            Key("at", "moment", "The moment at which it is taken.", "14 days after entering"),
            Key(
                "every",
                "length",
                "The same as `at: … after entering`; it may lead to the same state.",
                "2 weeks",
            ),
            Key("if", "condition", "Taken only then.", "coming is at least 2"),
            Key("tell", "tells", "Said on the way.", "to: host"),
            Key("to", "name", "The state it leads to.", "open", True),
        ),
    )


_HANDING = (
    Key(
        "by",
        "part",
        "The part whose first person is its starter; this one's starter if left out.",
        "host",
    ),
    Key(
        "hand over",
        "hands",
        "What it is given: details and parts, `as` what they are called there.",
        "[what, host as proposer]",
    ),
)

_SAYING = (
    Key("say", "sentence", "The words.", "Thank you for coming.", True),
    Key("if", "condition", "Only then.", "coming is at least 1"),
)


_CALENDAR = (
    Key("calendar", "name", "A date among the details: a file for the calendar goes along.", "starts"),
    Key("called off", "yes", "The file takes that date out of the calendar again.", "yes"),
)


def _small() -> tuple[Section, ...]:
    return (
        Section(
            "tell",
            "A tell",
            "Something said without asking.",
            (Key("to", "who", "To whom.", "coming", True), *_SAYING, *_CALENDAR),
        ),
        Section(
            "board",
            "A board",
            "One message to a part, kept up to date by edits, without noise.",
            (Key("to", "part", "The part that sees it.", "host", True), *_SAYING),
        ),
        Section(
            "public",
            "A public line",
            "The line the circle sees while a state lasts.",
            (
                *_SAYING,
                Key("listed in", "shelf", "Its public list, if it is not that of the head.", "what's on"),
            ),
        ),
        Section(
            "carried",
            "What is carried",
            "What people find under `my`, `my people` and `what I carried`; nobody else reads it there, unless they"
            " show the circle what they carried.",
            (
                Key("by", "part", "The part whose people hold it.", "holder", True),
                Key("as", "carried as", "As what they hold it.", "a role", True),
                Key("say", "sentence", "What they read of it meanwhile.", "<what>, until <ends>"),
                Key(
                    "while",
                    "names",
                    "With `states`: in which ones; if left out, in all that are no end.",
                    "[shared, review]",
                ),
                Key("if", "condition", "Only then.", "second is at least 1"),
                Key(
                    "afterwards",
                    "sentence",
                    "What they may show once it has ended; it names nobody else, and no answers.",
                    "<what>",
                ),
                Key(
                    "after",
                    "names",
                    "With `states`: after which ends; after all of them if left out.",
                    "handed_over",
                ),
            ),
        ),
        Section(
            "start",
            "A start",
            "Another workflow that begins here.",
            (
                Key("workflow", "line", "Its name.", "decision", True),
                *_HANDING,
                Key("if", "condition", "Started only then.", "kind is proposal"),
            ),
        ),
    )


_IF = Key("if", "condition", "The step is passed over where this does not hold.", "kind is event")


def _steps() -> tuple[Section, ...]:
    asks = tuple(key for key in _ASK_KEYS if key.name not in ("every", "if"))
    return (
        Section(
            "step: ask",
            "A step that asks",
            "Put, and waited for until it closes. One that is put to the starter alone goes on as soon as it is"
            " answered; one whose people are nobody is passed over.",
            (
                Key("ask", "who", "Whom it is put to.", "readers who answered Count me in", True),
                Key("named", "name", "A name for placeholders and conditions.", "invited"),
                *asks,
                Key(
                    "needs",
                    "needs",
                    "With fewer, the starter chooses: small, another date (those who had given an answer other than no"
                    " are asked again; all of them only if nobody had), or let it go.",
                    "2 Count me in",
                ),
                _IF,
            ),
        ),
        Section(
            "step: wait",
            "A step that waits",
            "Time passes, or another workflow ends.",
            (
                Key(
                    "wait",
                    "wait",
                    "`for` a length of time, `until` a moment, or `until <workflow> ends`.",
                    "until 1 day after meeting",
                    True,
                ),
                _IF,
            ),
        ),
        Section(
            "step: tell",
            "A step that tells",
            "Something said without asking.",
            (
                Key("tell", "who", "To whom.", "room", True),
                Key("say", "sentence", "The words.", "Thank you for coming.", True),
                _IF,
                *_CALENDAR,
            ),
        ),
        Section(
            "step: gather",
            "A step that gathers",
            "Details are asked for in the beginning, but those that are named here are asked for now; every time, if"
            " the steps come round.",
            (
                Key("gather", "names", "The details that are asked for here.", "[themes, what_to_try]", True),
                _IF,
            ),
        ),
        Section(
            "step: start",
            "A step that starts another workflow",
            "Its end can be waited for with `wait: until <workflow> ends`.",
            (
                Key("start", "line", "Its name.", "decision", True),
                *_HANDING,
                _IF,
            ),
        ),
        Section(
            "step: again",
            "Beginning anew",
            "The last step, or the last but `ends with`. Dates that the steps stand on are asked for anew. The starter"
            " ends it by writing `enough`.",
            (Key("again", "again", "How long after the last beginning.", "every 2 weeks", True),),
        ),
        Section(
            "step: ends with",
            "How it ends",
            "The last step, if it is there.",
            (Key("ends with", "sentence", "In plain words.", "It was read and talked over.", True),),
        ),
    )


SECTIONS: dict[str, Section] = {
    section.name: section for section in (_head(), _detail(), _ask(), _state(), _move(), *_small(), *_steps())
}
"""Every place of a file, by name."""

STEPS = tuple(name.removeprefix("step: ") for name in SECTIONS if name.startswith("step: "))
"""What a step can be; the key that says so stands first in it."""

KINDS: tuple[tuple[str, str], ...] = (
    ("text", "Words of somebody's own; `words` is the same."),
    ("date and time", "A day and a time, as *Friday 19:00*."),
    ("person", "One person."),
    ("people", "One person or more."),
    ("number", "A whole number."),
    ("workflow", "The workflow that `try` or `leave off` speaks of; it comes with them, and is never asked."),
    (
        "named or everyone",
        "Hears whether the starter wrote *everyone*; never asked. Conditions say `reach is everyone`.",
    ),
)
"""The types of details."""

MODIFIERS: tuple[tuple[str, str], ...] = (
    ("optional", "It may be left open."),
    ("may be past", "For dates: a day gone by is fine."),
    ("not host", "For people: nobody of this part can be named; also `not host and not helper`."),
    (
        "3 to 5",
        "For people how many, for numbers from which to which; also `at least 2`, `at most 8`, `exactly 3`.",
    ),
)
"""What may follow a type, after a comma."""

SHELVES: dict[str, Literal["holds", "on"]] = {"who holds what": "holds", "what's on": "on"}
"""The public lists."""

CARRIED: dict[str, Carried] = {
    "a role": "role",
    "a commitment": "commitment",
    "someone to learn from": "learns_from",
    "someone who gives tough feedback": "feedback_from",
    "someone to answer to": "answers_to",
    "someone to stand beside": "beside",
}
"""As what somebody holds something."""

PLACEHOLDERS: tuple[tuple[str, str], ...] = (
    ("<host>", "Who holds a part, by name."),
    ("<meeting>", "What a detail holds; a date in the reader's own time zone."),
    ("<invited.Count me in>", "Who gave this answer. Only for readers who are among `seen by`."),
    ("<number of invited.Maybe>", "How many did."),
    (
        "<not joining invited>",
        "How many did not take it up, as one number; only in a `tell` after it has closed.",
    ),
    (
        "<number waiting for joining>",
        "How many would like a place of an ask with `places`, and have none yet.",
    ),
    ("<gone invited>", "Who had said yes and cannot after all."),
    ("<about which>", "What the workflow that a detail holds is about, in its own words."),
)
"""What may stand in sentences between < and >."""
