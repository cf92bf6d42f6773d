"""Definitions for pictures: plain ones, and ones made by chance with names nobody would choose."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from engine.core.definition import (
    AnsweredBy,
    AskDef,
    AtMoment,
    BoardDef,
    CarriedDef,
    Choice,
    Condition,
    CountOf,
    Definition,
    DetailDef,
    InUse,
    MomentExpr,
    MoveDef,
    NamedIn,
    NotThat,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OnGathered,
    OnHolds,
    Part,
    PartDef,
    Room,
    StartDef,
    Starter,
    StateDef,
    TellDef,
    Trigger,
)
from engine.core.values import DAY_MS, HOUR_MS

HOSTILE = (
    '</text><script>alert("1")</script>',
    "<svg onload=alert(1)>",
    "]]> --> & &amp; &#0;",
    "end note",
    '"; %%{init: {}}%% ; s1 --> s2 : x',
    "#quot;#35; ::: `code` *bold* __under__ ~~no~~",
    "Rechtsanwaltsfachangestelltenausbildungsverordnungsgesetz" * 2,
    "会議の日程を決めるために皆さんに聞いてください" * 3,
    "שלום עולם \u202e dlrow olleh",
    "é́́́́ z\u0000a\u001blgo \ufffe \ud7ff",
    "👩‍👩‍👧‍👦🏳️‍🌈🤷🏽‍♀️",
    "   ",
    "\u2028\u2029\n\r\n\t",
    "\\n \\u003c <br/> <!-- -->",
    "$(touch x) `touch x` ${x}",
)

COMING = Choice("coming", "✅")


def tea() -> Definition:
    """Draft, asked, brewing; poured, cold, or spilt at any time."""
    return Definition(
        name="tea",
        title="Tea",
        about="Drink tea together.",
        digest="t" * 64,
        begins_with="tea",
        parts=(
            PartDef("host", (Starter(),)),
            PartDef("guests", (NamedIn("guests"),)),
            PartDef("drinkers", (AnsweredBy("invited", ("coming",)),)),
        ),
        details={
            "guests": DetailDef("guests", "people"),
            "starts": DetailDef("starts", "moment"),
        },
        asks={
            "invited": AskDef("invited", Part("guests"), choices=(COMING,), seen_by=("host",)),
            "after": AskDef("after", Part("drinkers"), words=True, seen_by=("host",)),
            "all": AskDef("all", Room(), choices=(COMING,), seen_by=("circle",)),
            "next": AskDef(
                "next", Part("drinkers"), naming="person", every_ms=30 * DAY_MS, seen_by=("host",)
            ),
        },
        states={
            "draft": StateDef(
                "draft", gather=("guests", "starts"), moves=(MoveDef(OnGathered(), "asked"), _cancel())
            ),
            "asked": StateDef(
                "asked",
                asks=("invited", "all"),
                board=(BoardDef("host", "list"),),
                public="line",
                moves=(
                    MoveDef(
                        at("starts", -DAY_MS), "brewing", when=CountOf((("invited", "coming"),), ">=", 2)
                    ),
                    MoveDef(at("starts", -DAY_MS), "cold"),
                    _cancel(),
                ),
            ),
            "brewing": StateDef(
                "brewing",
                asks=("after",),
                public="line",
                moves=(
                    MoveDef(at("starts"), "poured"),
                    MoveDef(OnCommand("later", ("host",)), "draft"),
                    _cancel(),
                ),
            ),
            "poured": StateDef(
                "poured", tells=(TellDef(Part("host"), "thanks"),), final=True, outcome="good"
            ),
            "cold": StateDef("cold", final=True, outcome="bad"),
            "spilt": StateDef("spilt", final=True, outcome="spilt"),
        },
        start="draft",
        texts={
            "invited.say": "Tea?",
            "invited.coming": "I'm coming",
            "all.say": "Tea for all?",
            "all.coming": "Me too",
            "after.say": "How was it?",
            "next.say": "Who pours next?",
            "list": "Coming: <drinkers>",
            "line": "Tea, <starts>",
            "thanks": "Thank you.",
            "good": "There was tea.",
            "bad": "It went cold.",
            "spilt": "It was spilt.",
        },
        gaps={"list": ("drinkers",), "line": ("starts",)},
        shelf="on",
    )


def at(base: str, offset_ms: int = 0) -> AtMoment:
    return AtMoment(MomentExpr(base, offset_ms))


def _cancel() -> MoveDef:
    return MoveDef(OnCommand("cancel", ("host",)), "spilt")


def by_chance(random: Random) -> Definition:
    """A definition of up to 14 states with any moves between them; sentences and names may be hostile."""
    names = [
        f"s{n}" if random.random() < 0.6 else f"a_longer_name_for_{n}" for n in range(random.randint(1, 10))
    ]
    ends = [f"end_{n}" for n in range(random.randint(1, 4))]
    texts = {"invited.say": "?", "invited.coming": _text(random), "line": _text(random)}
    states: dict[str, StateDef] = {}
    for name in names:
        moves = tuple(
            MoveDef(_trigger(random), random.choice(names + ends), _condition(random))
            for _ in range(random.randint(0, 5))
        )
        states[name] = StateDef(
            name,
            gather=("guests", "starts")[: random.randint(0, 2)],
            asks=("next", "invited", "after", "all")[: random.randint(0, 4)],
            shows=("after",)[: random.randint(0, 1)],
            help_to=(Part("host"),)[: random.randint(0, 1)],
            tells=(TellDef(Room(), "line"),) * random.randint(0, 2),
            starts=(StartDef(_text(random)),) * random.randint(0, 1),
            public=random.choice(("line", None)),
            moves=moves,
            if_starter_leaves=random.choice((None, None, ends[0])),
            public_shelf=random.choice((None, "holds")),
            brings_in=random.choice((None, None, "which")),
        )
    for name in ends:
        texts[name] = _text(random)
        takes_out = random.choice((None, None, "which"))
        states[name] = StateDef(name, final=True, outcome=name, takes_out=takes_out)
    return replace(
        tea(),
        title=_text(random),
        about=_text(random),
        begins_with=_text(random),
        states=states,
        start=names[0],
        details={**tea().details, "which": DetailDef("which", "workflow", given=True)}
        if random.random() < 0.2
        else tea().details,
        begins_for=random.choice((None, None, None, "arriving", "present")),
        needs_contacts=random.random() < 0.2,
        carried=tuple(_carried(random, names, ends) for _ in range(random.randint(0, 2))),
        texts={**tea().texts, **texts},
        if_starter_leaves=random.choice((None, ends[-1])),
        if_leaves=random.choice(({}, {"guests": ends[0]})),
    )


def _carried(random: Random, states: list[str], ends: list[str]) -> CarriedDef:
    return CarriedDef(
        random.choice(("host", "guests", "drinkers")),
        random.choice(("role", "commitment", "learns_from", "feedback_from", "answers_to", "beside")),
        random.choice((None, "line")),
        tuple(states[: random.randint(0, 2)]),
        _condition(random),
        random.choice((None, "line")),
        tuple(ends[: random.randint(0, 2)]),
    )


def _text(random: Random) -> str:
    return random.choice(
        ("A few words.", "Let it go", "It was talked over, and nobody minded." * 2, *HOSTILE)
    )


def _trigger(random: Random) -> Trigger:
    return random.choice(
        (
            at("entering", 14 * DAY_MS),
            at("starts", -2 * HOUR_MS),
            AtMoment(MomentExpr("starts", halfway=True)),
            OnCommand(random.choice(("cancel", "stop", _text(random))), ("host", "guests")),
            OnAnswer("invited", "coming"),
            OnAnswer("after"),
            OnGathered(),
            OnClosed("invited"),
            OnHolds(CountOf((("invited", "coming"),), ">=", "enough")),
            OnEnded(_text(random), random.choice((None, "not_started", _text(random)))),
        )
    )


def _condition(random: Random) -> Condition | None:
    few = CountOf((("invited", "coming"),), "<", 2)
    return random.choice((None, few, InUse("tea"), NotThat(InUse("coffee"))))
