"""A desk: what lies before one person: open questions, their rhythm, their word on being written to.

It is the second kind of snapshot: one per person, across circles. Everything a person says
comes to their desk first; the desk knows which question it answers and passes it on. Everything
that instances want from a person is laid on the desk; the desk decides what is put to them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core.definition import Kind
from engine.core.event import Answered, Commanded, Left, TookBack
from engine.core.limits import USUAL, Limits, Reached
from engine.core.message import Message, Phrase
from engine.core.parcel import Parcel, Target, Urgency
from engine.core.values import AnyValue, CircleId, InstanceId, Ms, PersonId, RowId, TextId

Consent = Literal["unknown", "yes", "when_invited", "stopped"]


class Rhythm(msgspec.Struct, frozen=True):
    """When a person may be written to."""

    time_zone: str = "UTC"
    quiet_from_hour: int = 21
    quiet_to_hour: int = 9
    paused_until_ms: Ms = 0


class OwnRhythm(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person has chosen of it; whatever they have not is as in their circle, at each use."""

    time_zone: str | None = None
    quiet_hours: tuple[int, int] | None = None
    """From which hour of the day to which; two of the same: none are quiet."""
    paused_until_ms: Ms = 0


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message or tap that answered a question; the newest one standing counts."""

    event_id: str
    at_ms: Ms
    choice: str | None = None
    text: TextId | None = None
    value: AnyValue | None = None
    vote: bool = False
    """True: it was cast in the question's poll."""


class Prompt(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question that lies on the desk, or (``shared``) one in the room that this person took up."""

    row: RowId
    instance: InstanceId | None
    ask: str
    round: int
    choices: tuple[tuple[str, str], ...]
    expects: Kind
    words: bool
    closes_ms: Ms
    changeable_ms: Ms
    message: Message
    optional: bool = False
    question_to: bool = False
    shared: bool = False
    settled: bool = False
    sources: tuple[Source, ...] = ()
    put_off: bool = False
    """True once the person wrote ``later``, which replaces the one reminder."""
    starter: PersonId = PersonId("")
    """Who began what it belongs to; empty for the bot's own questions and those taken up in the room."""
    reminder: RowId | None = None
    """The one reminder, once it lies in the outbox."""
    rings_ms: Ms | None = None
    """When it is to be brought up once more, as long as it is not answered."""
    knock: RowId | None = None
    """The row that says that something private waits, until the person opens it; the question itself has not
    been put before.
    """
    workflow: str = ""
    """The workflow it belongs to, so that ``stop invitation`` can hold it back; empty for the bot's own."""
    also: tuple[RowId, ...] = ()
    """Other rows of it in the room, such as its edits, so that ``hide`` takes back all of it."""
    hidden: bool = False
    """True once the person had it taken back from the room: what is said of it comes as a new message."""
    set_aside: bool = False
    """True while the person wants nothing of its workflow or its starter: it waits for nothing, and only a reply or a
    tap answers it.
    """
    poll: RowId | None = None
    """The poll that stands below it, once it has been put."""
    unvoted_ms: Ms = 0
    """When the person last took their vote back in the poll itself: nothing cast before it counts."""


class Letter(msgspec.Struct, frozen=True):
    """Something told to this person that may still lie in the outbox, and whose instance it came from."""

    row: RowId
    starter: PersonId
    until_ms: Ms


class Call(msgspec.Struct, frozen=True):
    """A safety contact whom this person had told that they would like to talk."""

    contact: PersonId
    at_ms: Ms
    answered: bool = False
    """True once the contact has said that they will write."""
    rang: bool = False
    """True once it was asked whether to try somebody else, as the contact had not answered in time."""


class Exchange(msgspec.Struct, frozen=True):
    """A private question and what was said to it, so that ``hide`` can take both back from the room."""

    rows: tuple[RowId, ...]
    events: tuple[str, ...]
    about: str = ""
    """What it was about: a question's row, or one of the bot's own matters, such as ``person``."""
    instance: InstanceId | None = None
    spoken: bool = True
    """False as long as it only came by itself, and the person has neither asked for it nor said anything to it."""


class Power(msgspec.Struct, frozen=True, omit_defaults=True):
    """Command words that belong to an instance at present, and a phrase that says which one it is."""

    words: tuple[str, ...]
    about: Phrase
    discreet: bool = False
    """True: its workflow asks something private, so that the words are no talk for a shared room."""
    unbidden: bool = False
    """True: it began by itself, so that the person may never have heard of it."""


class Alone(msgspec.Struct, frozen=True):
    """Somebody has just opened or answered something private of an instance in their own room, and is there still."""

    instance: InstanceId
    until_ms: Ms


class Unread(msgspec.Struct, frozen=True):
    """A session whose messages could not be read, by a hash of its id, and the row that says so."""

    session: str
    row: RowId
    at_ms: Ms


class Undecided(msgspec.Struct, frozen=True):
    """What this person would begin, and the question in which of their circles."""

    row: RowId
    command: Command
    event_id: str
    """The message they wrote for it."""


class Which(msgspec.Struct, frozen=True, omit_defaults=True):
    """The person said something that several questions could take, and was asked, by number, which one they mean."""

    rows: tuple[RowId, ...]
    """The questions, in the order of their numbers."""
    sources: tuple[Source | None, ...]
    """What was said, as each of them would take it; None where it is no answer to it."""
    until_ms: Ms
    later: bool = False
    """True: it was ``later``."""


class Desk(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything known about one person's correspondence. ``version`` counts the events that changed it."""

    person: PersonId
    version: int = 0
    consent: Consent = "unknown"
    greeted: bool = False
    rhythm: Rhythm | None = None
    """As it was kept until what was chosen was told apart from what was not; ``desk_usual`` does that for these."""
    language: str = ""
    """The language this person is written to in; empty: the house's."""
    muted: tuple[str, ...] = ()
    """Workflow names this person does not want to be asked by; ``letter`` is the weekly letter."""
    not_from: tuple[PersonId, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    powers: dict[InstanceId, Power] = {}
    boards: dict[str, RowId] = {}
    """``instance/board`` → the row that is edited."""
    letters: tuple[Letter, ...] = ()
    """What was told lately, so that ``not from`` can still hold it back."""
    listed: dict[str, tuple[InstanceId, ...]] = {}
    """Command word → the instances it was last said to mean, in that order."""
    shown: tuple[InstanceId, ...] = ()
    """Of what this person carried, the instances whose line the circle may see; theirs to say."""
    calls: tuple[Call, ...] = ()
    """Whom they told, through ``person``, that they would like to talk; kept for 30 days."""
    called_by: tuple[PersonId, ...] = ()
    """Who would like to talk with this person, a safety contact, and has not heard yet that they will write."""
    private: tuple[Exchange, ...] = ()
    """The latest private exchanges, the oldest first, for ``hide``."""
    letter_weekday: int = 0
    """The day of the weekly letter, 0 is Monday."""
    silent_letters: int = 0
    """Weekly letters since this person last wrote or tapped; after four, one goodbye line, and no more of them."""
    letter_ms: Ms | None = None
    """When the next weekly letter is due, as long as this person is to get one."""
    unanswered: int = 0
    """Questions that closed without a word since this person last wrote or tapped; from three on they make no sound."""
    leaving: bool = False
    """True once the person asked to be forgotten and meant it: nothing is taken in any more."""
    alone: Alone | None = None
    """With which private matter they are at present: what follows in it need not knock."""
    which: Which | None = None
    """What they said last, where it is open which question it is for."""
    reminded_ms: Ms = 0
    """When they were last reminded of something by itself, or are to be; the next one keeps its distance."""
    unread: tuple[Unread, ...] = ()
    """What could not be read of theirs, the oldest first."""
    identity: str = ""
    """Names their cross-signing identity while it is another one than before and they have not said that it is them."""
    identity_told_ms: Ms = 0
    """When it was last said to them that private things wait for that."""
    undecided: Undecided | None = None
    """What they would begin, as long as it is open in which of their circles."""
    own_rhythm: OwnRhythm = OwnRhythm()
    told_full_ms: Ms = 0
    """When they last heard that so many questions lie before them that no more are put to them."""

    def prompt_rows(self) -> tuple[RowId, ...]:
        """The rows of which it matters whether they are in the person's room: questions and knocks."""
        knocks = (prompt.knock for prompt in self.prompts if prompt.knock is not None)
        return (*(prompt.row for prompt in self.prompts), *knocks)


# ── what comes to a desk ─────────────────────────────────────────────────────


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command as read at the door: its word, and what stood behind it.

    ``word`` is one of the bot's own words, a workflow's beginning, or a word some instance offered.
    """

    word: str
    people: tuple[PersonId, ...] = ()
    everyone: bool = False
    rest: TextId | None = None
    until_ms: Ms | None = None
    nth: int | None = None
    """``cancel 2``: which of several."""
    close_to: str | None = None
    """Set when ``word`` was not known: the nearest one that is."""
    workflow: str | None = None
    """``stop invitation``, ``start letter``, ``try pulse``: which workflow (or ``letter``) is meant."""
    language: str | None = None
    """``language German``: which language, as its code."""
    weekday: int | None = None
    """``letter on Friday``: which day, 0 is Monday."""
    zone: str | None = None
    """``time zone Berlin``: the name of the zone that is meant."""
    place: str | None = None
    """What that zone is called in the person's language; never their own words."""
    near: tuple[str, ...] = ()
    """Names of zones that may be meant, as this person would write them, where none was clear."""
    hours: tuple[int, int] | None = None
    """``quiet from 22 to 8``: the hours of the day; two of the same mean none."""
    in_clear: bool = False
    """It was written without encryption in a room that is encrypted: anybody at the homeserver may have done so."""


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a message says, as far as it could be read; never its words.

    ``picks`` lists, per prompt row, the choice its words, emoji or number name.
    """

    command: Command | None = None
    picks: dict[RowId, str] = {}
    moment_ms: Ms | None = None
    people: tuple[PersonId, ...] = ()
    everyone: bool = False
    number: int | None = None
    empty: bool = False
    """True for ``none`` or ``skip``: left open on purpose."""
    declines: bool = False
    """True for a plain no."""
    too_long: bool = False
    blank: bool = False
    """True if there are no words to keep."""
    found: tuple[PersonId, ...] = ()
    """Whom a list of people names, where it names somebody else too who could not be found."""
    worded: tuple[RowId, ...] = ()
    """Of ``picks``, the prompts that are asked in words too and to which more was said than the choice."""
    thanks: bool = False
    """True for a thanks and nothing else."""


class Heard(msgspec.Struct, frozen=True, tag="heard"):
    """The person wrote a message; ``circle`` is None in their 1:1 room.

    ``text`` is the id under which the words will be kept, if anyone keeps them.
    """

    event_id: str
    reading: Reading
    text: TextId
    circle: CircleId | None = None
    target: Target | None = None
    addressed: bool = False
    """True when the bot was spoken to by prefix or by name."""
    reply_to: str | None = None
    """The event it replies to, also where that is no question of the bot's and ``target`` is None."""


class Tapped(msgspec.Struct, frozen=True, tag="tapped"):
    """The person put a reaction on one of the bot's messages."""

    event_id: str
    emoji: str
    target: Target | None
    circle: CircleId | None = None
    choice: str | None = None
    """What it says, where it is no emoji but a word or a number that names a choice."""


class Ticked(msgspec.Struct, frozen=True, tag="ticked"):
    """The person voted in a poll of the bot's; without ``answers``, or with one that nobody offered, they took their
    vote back.
    """

    event_id: str
    answers: tuple[str, ...]
    target: Target | None
    circle: CircleId | None = None


class Reworded(msgspec.Struct, frozen=True, tag="reworded"):
    """The person edited a message that had been an answer."""

    event_id: str
    reading: Reading
    text: TextId
    edit: str = ""
    """The event of the edit itself; ``event_id`` is the message that was edited."""


class TakenBack(msgspec.Struct, frozen=True, tag="taken_back"):
    """The person removed a reaction or a message."""

    event_id: str


class Arrived(msgspec.Struct, frozen=True, tag="arrived"):
    """The person is in their 1:1 room."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The person declined or left their 1:1 room."""


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """An instance asks this person something."""

    instance: InstanceId
    workflow: str
    starter: PersonId
    ask: str
    round: int
    message: Message
    expects: Kind
    words: bool
    closes_ms: Ms
    changeable_ms: Ms
    urgency: Urgency
    personal: bool
    optional: bool = False
    question_to: bool = False
    reminds: bool = True
    sensitive: bool = False
    """True: it knocks first, and takes no reactions (right 15)."""


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """A question is over."""

    instance: InstanceId
    ask: str
    round: int


class Reopened(msgspec.Struct, frozen=True, tag="reopened"):
    """The last answer to a question could not be taken: it lies open as before."""

    instance: InstanceId
    ask: str
    round: int


class Confirmed(msgspec.Struct, frozen=True, tag="confirmed"):
    """An answer was counted."""

    instance: InstanceId
    ask: str
    round: int
    line: Phrase


class Told(msgspec.Struct, frozen=True, tag="told"):
    """An instance says something to this person; with empty ids, the house itself does."""

    instance: InstanceId
    starter: PersonId
    message: Message
    urgency: Urgency
    useful_until_ms: Ms | None = None


class Boarded(msgspec.Struct, frozen=True, tag="boarded"):
    """An instance keeps a message up to date for this person."""

    instance: InstanceId
    board: str
    message: Message
    starter: PersonId = PersonId("")
    urgency: Urgency = "quiet"
    """How it is sent the first time."""


class Empowered(msgspec.Struct, frozen=True, tag="empowered"):
    """These command words belong to this instance now; none means none."""

    instance: InstanceId
    words: tuple[str, ...]
    about: Phrase
    discreet: bool = False
    """True: its workflow asks something private."""
    unbidden: bool = False
    """True: it began by itself, with nobody asking for it."""


class Helped(msgspec.Struct, frozen=True, tag="helped"):
    """An instance shows this person where help is to be had (right 14)."""

    instance: InstanceId
    starter: PersonId


class Errand(msgspec.Struct, frozen=True, tag="errand"):
    """A tool does something in this person's name; ``instance`` None: something begins."""

    command: Command
    instance: InstanceId | None = None


class Called(msgspec.Struct, frozen=True, tag="called"):
    """Somebody would like to talk with this person, a safety contact, and chose that they hear it."""

    by: PersonId


class CallTaken(msgspec.Struct, frozen=True, tag="call_taken"):
    """A safety contact says that they will write to this person."""

    by: PersonId


class Rang(msgspec.Struct, frozen=True, tag="rang"):
    """An alarm of the desk came due."""

    alarm: str
    due_ms: Ms | None = None
    """The moment that rang: where several ring, one may be late with what was set anew meanwhile. None in old lines."""


class Unreadable(msgspec.Struct, frozen=True, tag="unreadable"):
    """Something the person wrote in their 1:1 room cannot be read; ``session`` is a hash of its session's id.

    ``cause``: the key has not come; their app gives it to nobody unverified, or not to the bot; or it is damaged.
    """

    session: str
    cause: Literal["no_key", "unverified", "blocked", "damaged"]


class Readable(msgspec.Struct, frozen=True, tag="readable"):
    """A key came late: what was written with it has been read now."""

    session: str


class Estranged(msgspec.Struct, frozen=True, tag="estranged"):
    """The person's cross-signing identity is another one than before; ``identity`` names the new one."""

    identity: str


class Recognized(msgspec.Struct, frozen=True, tag="recognized"):
    """The person's identity is one that was accepted."""


class Comparing(msgspec.Struct, frozen=True, tag="comparing"):
    """The person compares keys with the bot, which sees these: seven emoji by their number, and three numbers."""

    emoji: tuple[int, ...]
    numbers: tuple[int, ...]


class Compared(msgspec.Struct, frozen=True, tag="compared"):
    """A comparison of keys is over; what the outcomes mean stands in ``bridge.matrix.verification``."""

    outcome: Literal["same", "different", "stopped", "too_late", "lost", "failed"]


DeskEvent = (
    Heard
    | Errand
    | Tapped
    | Ticked
    | Reworded
    | TakenBack
    | Arrived
    | Refused
    | Asked
    | Settled
    | Reopened
    | Confirmed
    | Told
    | Boarded
    | Empowered
    | Helped
    | Called
    | CallTaken
    | Rang
    | Unreadable
    | Readable
    | Estranged
    | Recognized
    | Comparing
    | Compared
)


class DeskFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a desk may know besides itself and the event."""

    now_ms: Ms
    occurred_ms: Ms
    circles: tuple[CircleId, ...] = ()
    """Circles this person belongs to."""
    begins: dict[str, str] = {}
    """Command word → workflow that it begins in one of the person's circles (or in that of the event)."""
    uses: dict[CircleId, tuple[str, ...]] = {}
    """Circle → the workflows it has in use."""
    offers: dict[str, str] = {}
    """Workflow in the folder that one of these circles does not have in use, and may → its definition's digest."""
    discreet: frozenset[str] = frozenset()
    """Workflows in service that ask something private: their beginning is no talk for a shared room."""
    fresh_instance: InstanceId = InstanceId("")
    """An unused id, should a workflow begin."""
    contacts: tuple[PersonId, ...] = ()
    """The safety contacts of the person's circle who can be reached and are not involved in a private matter of
    this person's.
    """
    news: bool = False
    """Whether a weekly letter would have anything to say; gathered for the letter's alarm only."""
    delivered: frozenset[RowId] = frozenset()
    """Which of the person's prompts are in their room, as far as the event asks for it."""
    carried: tuple[InstanceId, ...] = ()
    """The instances whose lines ``what i carried`` shows this person, in the order it shows them."""
    titles: dict[str, str] = {}
    """Workflow in service → its definition's digest, under which its title is found."""
    could_begin: dict[str, str] = {}
    """Command word → the workflow in ``offers`` that it will begin, once a circle has taken it up."""
    resting: dict[str, str] = {}
    """Command word → the workflow in service that it begins nowhere among these circles: what it needs is not there."""
    begins_in: dict[CircleId, str] = {}
    """Circle → the workflow that the command begins there; empty: what ``begins`` says, wherever it is in use."""
    offers_in: dict[CircleId, tuple[str, ...]] = {}
    """Circle → the workflows in its folder that it does not have in use, and may."""
    together: frozenset[CircleId] = frozenset()
    """Of several circles those to which everybody belongs whom the command names."""
    has_budget: bool = False
    """Whether one more message that asks for their attention may reach them now; gathered for the letter's alarm."""
    gone: tuple[PersonId, ...] = ()
    """Of those who would like to talk with this person, whoever has been forgotten since."""
    usual: Rhythm = Rhythm()
    """When people of this person's circle are written to who have not chosen otherwise."""
    begun: int = 0
    """How many workflows are under way that this person began; gathered where one more may begin."""
    limits: Limits = USUAL


# ── what a desk wants done ───────────────────────────────────────────────────


class Pass(msgspec.Struct, frozen=True, tag="pass"):
    """Carry an event on to an instance; ``by`` in it stands for this person."""

    instance: InstanceId
    event: Answered | TookBack | Commanded | Left


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Start a workflow for this person."""

    instance: InstanceId
    workflow: str
    circle: CircleId
    people: tuple[PersonId, ...]
    everyone: bool
    words: TextId | None
    details: dict[str, AnyValue] = {}
    """What it is given beyond people and words: the workflow that ``try`` speaks of."""


class Inform(msgspec.Struct, frozen=True, tag="inform"):
    """Carry an event on to another person's desk."""

    person: PersonId
    event: Called | CallTaken


class Forget(msgspec.Struct, frozen=True, tag="forget"):
    """Forget this person: end their part in every instance, take back what was written to them, then erase them."""


class Put(msgspec.Struct, frozen=True, tag="put"):
    """Lay a parcel in the outbox."""

    parcel: Parcel


class Withdraw(msgspec.Struct, frozen=True, tag="withdraw"):
    """Take a parcel out of the outbox if it has not left yet."""

    row: RowId


class Release(msgspec.Struct, frozen=True, tag="release"):
    """Look again at everything that waits for this person."""


class Gather(msgspec.Struct, frozen=True, tag="gather"):
    """What waits for this person's budget comes with the weekly letter, without a sound, each message by itself.

    ``sparing``: so many of the oldest are left as they are, for the budget has room for them.
    """

    sparing: int = 0


class Handover(msgspec.Struct, frozen=True, tag="handover"):
    """Give words that were kept until it was clear which question they answer to its instance, under another id."""

    source: TextId
    under: TextId
    instance: InstanceId | None
    until_ms: Ms


class Alarm(msgspec.Struct, frozen=True, tag="alarm"):
    """Wake this desk at a moment; None takes the alarm off."""

    name: str
    due_ms: Ms | None


class Store(msgspec.Struct, frozen=True, tag="store"):
    """Keep the words of the message just heard, until then."""

    text: TextId
    instance: InstanceId | None
    until_ms: Ms


DeskEffect = (
    Pass | Begin | Inform | Forget | Put | Withdraw | Release | Gather | Alarm | Store | Handover | Reached
)


class DeskDecision(msgspec.Struct, frozen=True):
    """A new desk and what follows. An unchanged desk with no effects means: noted, nothing to do."""

    desk: Desk
    effects: tuple[DeskEffect, ...] = ()
    ignored: str | None = None
    """Why nothing was done, for the journal."""
