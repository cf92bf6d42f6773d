"""A workflow as the engine knows it: people, details, asks, states and moves.

Loading compiles YAML into these values; nothing here knows where a line stood in a file.
Sentences are known by key; the sentences themselves lie in ``texts``, which the digest leaves
out, so that wording can be improved while instances run.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core.values import Ms

NO = "no"
"""The choice every private ask brings with it."""

LANGUAGE_VERSION = 1

KEEP_DAYS = 90
"""How long a text outlives its instance when its file does not say."""

TITLE_TEXT, ABOUT_TEXT = ":title", ":about"
"""The text keys of a workflow's title and its about in ``translations``; no detail or ask can be called so."""


# ── who ──────────────────────────────────────────────────────────────────────


class Part(msgspec.Struct, frozen=True, omit_defaults=True, tag="part"):
    """Whoever holds this part when it is needed."""

    name: str


class AnsweredBy(msgspec.Struct, frozen=True, omit_defaults=True, tag="answered"):
    """Those who gave one of these answers to this ask."""

    ask: str
    choices: tuple[str, ...]


class Room(msgspec.Struct, frozen=True, omit_defaults=True, tag="room"):
    """The circle's shared room, as a place: one message that everyone there can see."""


class Circle(msgspec.Struct, frozen=True, omit_defaults=True, tag="circle"):
    """Everybody who is in the circle's room at that moment, each 1:1; ``but`` leaves parts out."""

    but: tuple[str, ...] = ()


Who = Part | AnsweredBy | Room | Circle


class Starter(msgspec.Struct, frozen=True, omit_defaults=True, tag="starter"):
    """Whoever began it."""


class NamedIn(msgspec.Struct, frozen=True, omit_defaults=True, tag="named_in"):
    """The people that a detail names."""

    detail: str


class NamedBy(msgspec.Struct, frozen=True, omit_defaults=True, tag="named_by"):
    """The people named in the answers to an ask whose answers are people."""

    ask: str


class Everyone(msgspec.Struct, frozen=True, omit_defaults=True, tag="everyone"):
    """Everybody who is in the circle's room; ``but`` leaves parts out."""

    but: tuple[str, ...] = ()


class HolderOf(msgspec.Struct, frozen=True, omit_defaults=True, tag="holder_of"):
    """Whoever holds the role of this title in the circle at present, or is its understudy."""

    role: str
    understudy: bool = False


class Stewards(msgspec.Struct, frozen=True, omit_defaults=True, tag="stewards"):
    """The stewards of the circle."""


class Contacts(msgspec.Struct, frozen=True, omit_defaults=True, tag="contacts"):
    """The safety contacts of the circle."""


class OneOf(msgspec.Struct, frozen=True, omit_defaults=True, tag="one_of"):
    """One person of a part, found by chance; ``but`` leaves parts out."""

    part: str
    but: tuple[str, ...] = ()


Source = Starter | NamedIn | NamedBy | AnsweredBy | Everyone | HolderOf | Stewards | Contacts | OneOf
"""Where the people of a part come from.

``Everyone``, ``HolderOf``, ``Stewards`` and ``Contacts`` lie outside the instance: who they are stands in
``Facts.groups``, and an instance keeps whom it found when it last put something to them. ``OneOf`` is
found anew each time an ask to the part opens.
"""


class PartDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part, and where its people come from: from one source, or from several together."""

    name: str
    sources: tuple[Source, ...]

    @property
    def answered(self) -> tuple[AnsweredBy, ...]:
        """The answers that make somebody one of this part."""
        return tuple(source for source in self.sources if isinstance(source, AnsweredBy))


# ── when ─────────────────────────────────────────────────────────────────────


class MomentExpr(msgspec.Struct, frozen=True, omit_defaults=True):
    """A moment, as written: ``1 day before starts``, ``14 days after entering``, ``halfway to ends``.

    ``base`` is ``entering`` (the present state), ``opening`` (the ask), or a detail's name.
    ``halfway`` takes the middle between entering and the base.
    """

    base: str
    offset_ms: Ms = 0
    halfway: bool = False


# ── conditions: a closed vocabulary, checked before anything runs ────────────


Op = Literal[">=", "<=", "==", ">", "<"]


class CountOf(msgspec.Struct, frozen=True, omit_defaults=True, tag="count"):
    """``invited.coming + everyone.coming >= enough``: how many gave these answers, against a bound."""

    terms: tuple[tuple[str, str], ...]
    op: Op
    bound: int | str
    """A number, or the name of a number detail."""


class EveryoneSaid(msgspec.Struct, frozen=True, omit_defaults=True, tag="everyone"):
    """``everyone said renewal.renew``: all who were asked gave this answer. Never true of a no."""

    ask: str
    choice: str


class DetailIs(msgspec.Struct, frozen=True, omit_defaults=True, tag="is"):
    """``kind is event``: a choice detail holds this choice."""

    detail: str
    choice: str


class DetailGiven(msgspec.Struct, frozen=True, omit_defaults=True, tag="given"):
    """``understudy is given``: a detail holds something."""

    detail: str


class NotThat(msgspec.Struct, frozen=True, omit_defaults=True, tag="not"):
    """``not …``"""

    that: Condition


class AllOf(msgspec.Struct, frozen=True, omit_defaults=True, tag="all"):
    """``… and …``"""

    those: tuple[Condition, ...]


class AnyOf(msgspec.Struct, frozen=True, omit_defaults=True, tag="any"):
    """``… or …``"""

    those: tuple[Condition, ...]


class ShareSaid(msgspec.Struct, frozen=True, omit_defaults=True, tag="share"):
    """``two thirds said consent.agree``: at least this share of all who were asked gave this answer."""

    ask: str
    choice: str
    percent: int
    """1 to 100; a third is 34, two thirds are 67."""


class BeenIn(msgspec.Struct, frozen=True, omit_defaults=True, tag="been_in"):
    """``been in moved at least 2 times``: how often a state has been entered, the present time included."""

    state: str
    op: Op
    times: int


class InUse(msgspec.Struct, frozen=True, omit_defaults=True, tag="in_use"):
    """``feedback_round is in use``: the circle has agreed to have this workflow, and it lies in the folder."""

    workflow: str


class AskedLately(msgspec.Struct, frozen=True, omit_defaults=True, tag="asked_lately"):
    """``other was asked within 60 days``: an earlier one of this workflow, with the same starter and in the same
    circle, put something to whoever holds this part here, as that part. What this one puts to them does not count.
    """

    part: str
    within_ms: Ms


Condition = (
    CountOf
    | EveryoneSaid
    | ShareSaid
    | DetailIs
    | DetailGiven
    | BeenIn
    | InUse
    | AskedLately
    | NotThat
    | AllOf
    | AnyOf
)


# ── what is asked ────────────────────────────────────────────────────────────

Kind = Literal["words", "moment", "person", "people", "number", "choice", "workflow"]
"""``workflow`` is never asked: it comes with a beginning (``try pulse``), as ``Picked`` with the digest of the
definition that was in the folder then, so that people agree to what they could read.
"""


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer on offer; its label's text key is ``<ask or detail>.<id>``."""

    id: str
    emoji: str


class DetailDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something the starter is asked before the workflow begins; the question's text key is ``<name>``."""

    name: str
    kind: Kind
    choices: tuple[Choice, ...] = ()
    default_moment: MomentExpr | None = None
    default_number: int | None = None
    default_choice: str | None = None
    optional: bool = False
    """True: the person may write ``none``, and the workflow goes on without it."""
    not_past: bool = True
    keep_days: int | None = None
    """Days after the instance closed that a text is kept."""
    asked: str | None = None
    """The part that is asked; None: the starter."""
    becomes: str | None = None
    """Another detail that takes this value too: a new end date becomes the end date."""
    least: int | None = None
    most: int | None = None
    """For ``people`` how many may be named, for ``number`` between which numbers it lies; None: no bound."""
    given: bool = False
    """True for one that nobody is ever asked for: it comes with the beginning, or stays open."""
    but: tuple[str, ...] = ()
    """Parts whose people cannot be named here."""


class Hidden(msgspec.Struct, frozen=True, omit_defaults=True):
    """Until when answers stay hidden: until the ask closes, a moment, or (neither) a state that shows them."""

    until: MomentExpr | None = None
    until_closed: bool = False


class AskDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question put to people.

    Text keys: ``<name>.say`` for the question and ``<name>.<choice>`` for each label.
    """

    name: str
    to: Who
    choices: tuple[Choice, ...] = ()
    words: bool = False
    """True: the answer may be, or may carry, words of one's own."""
    seen_by: tuple[str, ...] = ("me",)
    """Part names, ``me`` or ``circle``: who sees an answer (a no is seen by nobody)."""
    until: MomentExpr | None = None
    changeable_until: MomentExpr | None = None
    keep_days: int | None = None
    sensitive: bool = False
    when: Condition | None = None
    every_ms: Ms | None = None
    """Asked first after this long in the state, and again each time as much has passed, while the state lasts."""
    question_to: str | None = None
    """A part to which a guest may put a question by answering in words."""
    replaces: tuple[str, ...] = ()
    """Asks that are settled, and whose answers count no more, once this one is put (after its people are found)."""
    naming: Literal["person", "people"] | None = None
    """The answer names one person, or several."""
    hidden: Hidden | None = None
    """Until when nobody but whoever answers sees an answer; the answers count all the same."""
    unsigned: int | None = None
    """k: answers are shown without names, in one shuffled batch when the ask closes, if k or more came.

    Where fewer than k + 3 are asked it is put as a named ask, and says so (right 13).
    """
    places: int | str | None = None
    """How many may take up the first choice, or the number detail that says so; who comes later waits."""
    kept_from_answer: bool = False
    """True: the days that words are kept count from when they were written, not from the end."""
    poll: bool = False
    """True: its answers are offered as a poll too, in place of reactions; polls are encrypted, reactions never."""


class TellDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something said without asking; ``text`` is its text key."""

    to: Who
    text: str
    when: Condition | None = None
    calendar: str | None = None
    """The date detail of which a file for the reader's calendar goes along."""
    called_off: bool = False
    """True: that file takes the date out of the calendar again."""


class BoardDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message to a part that is kept up to date by edits, so that news arrives without noise."""

    to: str
    text: str
    when: Condition | None = None


# ── how it moves ─────────────────────────────────────────────────────────────


class AtMoment(msgspec.Struct, frozen=True, omit_defaults=True, tag="moment"):
    """The moment has come."""

    moment: MomentExpr


class OnCommand(msgspec.Struct, frozen=True, omit_defaults=True, tag="command"):
    """Someone of these parts wrote this word."""

    word: str
    who: tuple[str, ...]


class OnAnswer(msgspec.Struct, frozen=True, omit_defaults=True, tag="answer"):
    """Somebody answered this ask; with ``choice``, exactly so."""

    ask: str
    choice: str | None = None


class OnGathered(msgspec.Struct, frozen=True, omit_defaults=True, tag="gathered"):
    """Every detail this state gathers is there."""


class OnClosed(msgspec.Struct, frozen=True, omit_defaults=True, tag="closed"):
    """This ask has closed, with whatever came."""

    ask: str


class OnHolds(msgspec.Struct, frozen=True, omit_defaults=True, tag="holds"):
    """As soon as a condition holds; looked at after every event."""

    condition: Condition


class OnEnded(msgspec.Struct, frozen=True, omit_defaults=True, tag="ended"):
    """A workflow that this one started has ended; with ``state``, in that final state.

    One that could not be started counts as ended in ``not_started``.
    """

    workflow: str
    state: str | None = None


Trigger = AtMoment | OnCommand | OnAnswer | OnGathered | OnClosed | OnHolds | OnEnded


class MoveDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """A way from one state to another."""

    on: Trigger
    to: str
    when: Condition | None = None
    tells: tuple[TellDef, ...] = ()


class StartDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Another workflow that is started on entering a state, and what it is handed."""

    workflow: str
    by: str | None = None
    """The part whose first person is its starter; None: this one's starter."""
    hands: tuple[tuple[str, str], ...] = ()
    """(a detail or part here, the detail there) pairs."""
    when: Condition | None = None


Carried = Literal["role", "commitment", "learns_from", "feedback_from", "answers_to", "beside"]
"""As what a person holds something: a role; something they said they would do; somebody they learn from, who gives
them tough feedback, or to whom they answer; somebody they stand beside (as mentor, helper, buddy).
"""


class CarriedDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody of a part holds while an instance runs, and what they may show of it afterwards."""

    part: str
    kind: Carried
    text: str | None = None
    """Text key of the line that they, and nobody else, read under ``my`` or ``my people`` meanwhile."""
    states: tuple[str, ...] = ()
    """The states in which they hold it; none: every state that is no end."""
    when: Condition | None = None
    after: str | None = None
    """Text key of the line under ``what I carried`` once it has ended; it names nobody. None: no line."""
    after_states: tuple[str, ...] = ()
    """The final states after which that line is there; none: every one."""


class StateDef(msgspec.Struct, frozen=True, omit_defaults=True):
    """A state: what is gathered, asked and told on entering it, and how it is left."""

    name: str
    gather: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    """Details that are asked afresh on entering, whatever they held."""
    asks: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    """Asks of an earlier state that stay answerable here."""
    tells: tuple[TellDef, ...] = ()
    board: tuple[BoardDef, ...] = ()
    moves: tuple[MoveDef, ...] = ()
    public: str | None = None
    """Text key of the line the circle sees in ``who holds what`` and ``what's on`` during this state."""
    public_when: Condition | None = None
    public_otherwise: str | None = None
    """Text key of the line shown instead while ``public_when`` does not hold; None: no line."""
    public_shelf: Literal["holds", "on"] | None = None
    """The public list of this state's line, where it is not the definition's: a role that is open is ``on``."""
    if_starter_leaves: str | None = None
    """The final state to go to from here when the starter is gone, instead of the definition's."""
    final: bool = False
    outcome: str | None = None
    """Text key that says in plain words how it ended; final states have one."""
    starts: tuple[StartDef, ...] = ()
    shows: tuple[str, ...] = ()
    """Asks whose hidden answers are shown on entering."""
    help_to: tuple[Who, ...] = ()
    """Who is shown, on entering, where help is to be had, as ``person`` would (right 14)."""
    brings_in: str | None = None
    """The ``workflow`` detail whose workflow the circle has in use from here on."""
    takes_out: str | None = None
    """The ``workflow`` detail whose workflow the circle does not use any more from here on."""


class OwnText(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the bot's own sentences, with what goes into its gaps: (its gap, a placeholder of this file)."""

    key: str
    gaps: tuple[tuple[str, str], ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    """(its gap, a word of the file itself), such as the name of a detail; ``TITLE_TEXT`` stands for the title."""


class Definition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A workflow. ``digest`` covers everything but ``texts``, ``translations``, ``about`` and ``title``."""

    name: str
    title: str
    about: str
    digest: str
    begins_with: str
    """The command word that starts it."""
    parts: tuple[PartDef, ...]
    details: dict[str, DetailDef]
    asks: dict[str, AskDef]
    states: dict[str, StateDef]
    start: str
    texts: dict[str, str]
    """Text key → sentence with ``<placeholders>``."""
    gaps: dict[str, tuple[str, ...]]
    """Text key → its placeholders, in order."""
    language_version: int = LANGUAGE_VERSION
    shelf: Literal["holds", "on"] | None = None
    """Which public list its public lines belong to: ``holds`` (who holds what) or ``on`` (what's on)."""
    reach: str | None = None
    """A choice detail with ``everyone`` and ``named``: it hears whether the starter wrote ``everyone``."""
    if_starter_leaves: str | None = None
    """The final state an instance goes to, kindly, when its starter is gone."""
    if_leaves: dict[str, str] = {}
    """Part → the final state to go to when the last person who holds it is gone."""
    begins_for: Literal["arriving", "present"] | None = None
    """It begins by itself, once for each person, who is its starter: ``arriving`` when somebody comes into the circle's
    room, ``present`` also for whoever is there when the circle begins to use it.
    """
    needs_contacts: bool = False
    """True: it is not in use where there are fewer than two safety contacts, or no help from outside is named."""
    carried: tuple[CarriedDef, ...] = ()
    own: dict[str, OwnText] = {}
    """Text key → the bot's own sentence that stands there, for what authors never write."""
    translations: dict[str, dict[str, str]] = {}
    """Language (``de``) → text key → sentence; left out of the digest like ``texts``."""
