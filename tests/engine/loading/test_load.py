import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.definition import Definition, MomentExpr
from engine.core.values import DAY_MS
from engine.loading.load import examine_file, examine_text, load_definition
from tests.engine.loading.small import SMALL, line_of, spoilt

KIND_CHOICES = "    ask: Which?\n    choices:\n      green: 🍵 Green\n      black: Black"
LENGTHS = "write for example `3 days` or `2 hours`"


def loaded(text: str = SMALL) -> Definition:
    definition = load_definition(text, "tea.yaml")
    assert isinstance(definition, Definition), "\n".join(map(str, definition))
    return definition


def test_the_small_file_compiles() -> None:
    tea = loaded()
    assert (tea.name, tea.title, tea.begins_with, tea.start) == ("tea", "Tea", "tea", "draft")
    assert tea.texts["invited.say"] == "<host> invites you to <what>, <starts>."
    assert tea.gaps["invited.say"] == ("host", "what", "starts")
    assert [(c.id, c.emoji) for c in tea.asks["invited"].choices] == [("coming", "✅"), ("maybe", "2️⃣")]
    assert [(c.id, c.emoji) for c in tea.asks["room_wide"].choices] == [("count_me_in", "🙋")]
    assert tea.texts["invited.maybe"] == "Maybe"
    assert tea.asks["invited"].until == MomentExpr("starts", -DAY_MS)
    assert tea.texts["called"] == "Tea"
    assert tea.details["enough"].default_number == 2
    assert tea.states["done"].final
    assert tea.states["open"].moves[0].tells[0].text in tea.texts


def test_all_problems_of_a_file_come_at_once_in_its_order_with_place_and_nearest_name() -> None:
    text = (
        SMALL.replace("to: guests", "to: gests", 1)
        .replace("until: 1 day before starts", "until: 1 day before start", 1)
        .replace("coming is at least enough", "comming is at least enough")
        .replace("to: done", "to: doone", 1)
        .replace("keep: 30 days", "keep: a while", 1)
    )
    problems = [str(problem) for problem in examine_text(text, "tea.yaml").problems]
    assert problems == [
        f"tea.yaml:{line_of('keep: a while', text)}:11 `a while` is no length of time; {LENGTHS}",
        f"tea.yaml:{line_of('to: gests', text)}:9 unknown part `gests`; did you mean `guests`?",
        f"tea.yaml:{line_of('until: 1 day before start', text)}:25 unknown moment `start`; did you mean `starts`?",
        f"tea.yaml:{line_of('if: comming', text)}:13 `comming` cannot be counted; did you mean `coming`?",
        f"tea.yaml:{line_of('to: doone', text)}:13 unknown state `doone`; did you mean `done`?",
    ]


def test_a_problem_inside_a_condition_points_into_it() -> None:
    problem = spoilt("if: coming is at least enough", "if: coming is at least enough nad more")[0]
    assert (problem.line, problem.column) == (line_of("if: coming"), 39)


def test_unknown_and_missing_keys_are_named() -> None:
    unknown = spoilt("seen by: host\n    until", "seenby: host\n    until")
    assert [(p.message, p.hint) for p in unknown] == [("unknown key `seenby`", "did you mean `seen by`?")]
    missing = spoilt("    seen by: host\n    until", "    until")
    assert [p.message for p in missing] == ["`seen by` is missing here"]


def test_underscores_in_keys_are_as_good_as_spaces() -> None:
    assert loaded(SMALL.replace("seen by", "seen_by")).digest == loaded().digest


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ("[Yes, gladly]", ["one-or-two"]),
        ("[✅ Yes, gladly, Maybe]", ["one-or-two"]),
        ('["Yes, gladly"]', []),
        ("[Yes, Gladly]", []),
        ("[yes, gladly]", []),
        ('[Yes, "gladly"]', []),
        ("\n      - Yes\n      - gladly", []),
    ],
)
def test_an_answer_with_a_comma_in_it_that_has_become_two_is_pointed_out(
    answers: str, found: list[str]
) -> None:
    problems = spoilt("answers: [🙋 Count me in]", f"answers: {answers}")
    assert [(p.code, p.severity) for p in problems] == [(code, "warning") for code in found]


@pytest.mark.parametrize("more", ["also: in words", "question to: host"])
def test_whoever_is_to_name_somebody_is_not_asked_for_words_too(more: str) -> None:
    problems = spoilt("answers: in words\n", f"answers: a person\n    {more}\n")
    assert "names-or-words" in {p.code for p in problems}, [str(p) for p in problems]


def test_a_lone_bracket_and_a_broken_placeholder_are_found() -> None:
    assert "bracket" in {p.code for p in spoilt("Which tea?", "Which tea > coffee?")}
    assert "unknown-placeholder" in {p.code for p in spoilt("<what>, <starts>", "<wat>, <starts>")}


def test_wording_does_not_change_the_digest() -> None:
    reworded = (
        SMALL.replace("How was it?", "Was it good?")
        .replace("Drink tea together.", "Tea.")
        .replace("Green", "Sencha")
    )
    assert loaded(reworded).digest == loaded().digest
    assert loaded(f"title: Time for tea\n{SMALL}").digest == loaded().digest


def test_whatever_binds_changes_the_digest() -> None:
    changes = [
        ("until: 1 day before starts", "until: 2 days before starts"),
        ("keep: 30 days", "keep: 31 days"),
        ("coming: ✅ Coming", "here: ✅ Coming"),
        ("seen by: host\n    keep", "seen by: me\n    keep"),
        ("10 days after", "11 days after"),
        ("<host> invites you to <what>, <starts>.", "<host> invites you to <what>."),
        ("host writes cancel", "host writes end"),
        ("default: 2", "default: 3"),
    ]
    digests = {loaded().digest}
    for old, new in changes:
        text = SMALL.replace(old, new)
        if old.startswith("coming: ✅"):
            text = text.replace("answered coming to", "answered here to")
        digests.add(loaded(text).digest)
    assert len(digests) == len(changes) + 1


def test_the_digest_is_the_same_every_time() -> None:
    assert loaded().digest == loaded(SMALL + "\n# a remark\n").digest
    assert len(loaded().digest) == 64


def test_a_missing_file_is_a_problem_like_any_other(tmp_path: pathlib.Path) -> None:
    problems = load_definition(tmp_path / "gone.yaml")
    assert not isinstance(problems, Definition)
    assert "cannot be read: No such file or directory" in str(problems[0])


def test_a_folder_is_not_a_file(tmp_path: pathlib.Path) -> None:
    assert examine_file(tmp_path, "x").problems[0].code == "unreadable"


def test_a_file_that_is_not_utf8_is_told_where(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: tea\nabout: Köln\n".encode("latin-1"))
    assert [str(p) for p in examine_file(path, "latin.yaml").problems] == [
        "latin.yaml:2:9 this is not UTF-8; save it as plain text, UTF-8"
    ]


def test_a_file_that_is_far_too_large_is_not_read_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("é" * 100_000)
    assert examine_file(path).problems[0].code == "too-large"


def test_a_byte_order_mark_is_overlooked(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "tea.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert isinstance(load_definition(path), Definition)


def test_a_public_line_may_have_an_alternative() -> None:
    public = (
        "  open:\n    public:\n      - say: With <what>\n        if: kind is green\n      - say: Without\n"
    )
    state = loaded(SMALL.replace("  open:\n", public, 1)).states["open"]
    assert (state.public, state.public_otherwise) == ("state.open.public.1", "state.open.public.2")
    spoilt_public = public.replace("        if: kind is green\n", "")
    assert [p.code for p in spoilt("  open:\n", spoilt_public)] == ["public"]


def test_asking_again_gathers() -> None:
    again = SMALL.replace(
        "gather: [guests, what, starts, kind]", "gather: guests, what\n    ask again: [starts, kind]"
    )
    assert loaded(again).states["draft"].gather == ("guests", "what", "starts", "kind")
    assert loaded(again).states["draft"].again == ("starts", "kind")


@given(st.text(max_size=200))
def test_no_text_breaks_the_loader(text: str) -> None:
    assert examine_text(text, "any.yaml").problems


@given(
    st.integers(0, len(SMALL) - 1),
    st.sampled_from(["", ":", "\n", " ", "-", "'", "<", "x", "[", "\t", "&", "\x00", "☃"]),
)
def test_no_slip_of_the_hand_breaks_the_loader(at: int, slip: str) -> None:
    examined = examine_text(SMALL[:at] + slip + SMALL[at + 1 :], "tea.yaml")
    lines = SMALL.count("\n") + 2
    assert examined.definition is not None or examined.problems
    assert all(1 <= p.line <= lines and p.column >= 1 and p.message for p in examined.problems)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("about: Drink tea together.", "about: [Drink, tea]", "not-a-text"),
        ("about: Drink tea together.", "about: ''", "empty"),
        ("about: Drink tea together.\n", "", "missing"),
        ("name: tea", "name: 茶", "name"),
        ("name: tea", "name: tea\nlisted in: the attic", "shelf"),
        ("  after:\n", "  After that:\n", "name"),
        ("  after:\n", "  everyone:\n", "name"),
        ("asks:\n  invited:", "asks:\n  - invited:", "yaml"),
        ("people:\n  host: starter", "people: host", "yaml"),
        ("begins with: tea", "begins with: tea\nif the starter leaves: [dropped]", "not-a-text"),
        (KIND_CHOICES, "    choices: [[green]]", "not-a-text"),
        ("    type: people", "    type: poeple", "type"),
        ("    type: people", "    type: people, maybe", "type"),
        ("    type: people", "    type: people\n    default: host", "default"),
        ("    type: people\n", "", "missing"),
        ("default: 2", "default: two", "number"),
        ("answers: [🙋 Count me in]", "answers: ['🙋 Count me in', '✅ Count me in']", "name"),
        ("answers: in words", "answers: in words\n    also: in song", "word"),
        ("to: guests\n    say", "to: all my friends\n    say", "who"),
        ("  coming: those who answered", "  coming: whoever said", "part"),
        (
            "host writes cancel\n        to: dropped",
            "host writes cancel\n        at: starts\n        to: dropped",
            "trigger",
        ),
        ("      - when: host writes cancel\n", "      - if: kind is green\n", "trigger"),
        ("host writes cancel", "host shouts", "trigger"),
        ("    board:\n      to: host\n", "    board:\n", "missing"),
        ('    board:\n      to: host\n      say: "Coming: <coming>"', "    board: Coming", "not-a-map"),
        ("seen by: host\n    until", "seen by: host\n    seen_by: host\n    until", "twice"),
    ],
)
def test_what_cannot_be_read_is_told(old: str, new: str, code: str) -> None:
    found = spoilt(old, new)
    assert code in {p.code for p in found}, [str(p) for p in found]
    assert all(p.message for p in found)


def test_everything_a_file_can_say_is_heard() -> None:
    text = (
        SMALL.replace(
            "name: tea",
            "name: tea\ncalled: Tea with <what>\nlisted in: what's on\nif the host leaves: dropped",
        )
        .replace("type: people", "type: people, optional", 1)
        .replace(
            "    answers: in words\n",
            "    answers: [Good, Bad]\n    also: in words\n    care: sensitive\n    every: a month\n",
        )
        .replace("    seen by: host\n    keep: 30 days", "    seen by: me\n    keep: 30 days after answering")
        .replace("  kind:\n", "  reach:\n    type: named or everyone\n  kind:\n")
        .replace("if: kind is green", "if: reach is everyone and kind is green")
    )
    tea = loaded(text)
    assert (tea.texts["called"], tea.shelf, tea.if_leaves, tea.reach) == (
        "Tea with <what>",
        "on",
        {"host": "dropped"},
        "reach",
    )
    assert tea.details["guests"].optional
    assert tea.details["reach"].default_choice == "named"
    after = tea.asks["after"]
    assert (after.words, after.sensitive, after.every_ms) == (True, True, 30 * DAY_MS)
    assert (after.keep_days, after.kept_from_answer) == (30, True)
    assert [c.id for c in after.choices] == ["good", "bad"]


def test_a_file_is_examined_anew_when_it_or_a_translation_has_changed_and_only_then(
    tmp_path: pathlib.Path,
) -> None:
    file, german = tmp_path / "tea.yaml", tmp_path / "texts" / "tea.de.yaml"
    file.write_text(SMALL)
    first = examine_file(file)
    assert first.definition is not None
    assert examine_file(file).definition is first.definition
    german.parent.mkdir()
    german.write_text("nothing of this: [is a translation\n")
    broken = examine_file(file)
    assert {problem.file for problem in broken.problems} == {str(german)}
    file.write_text(SMALL.replace("begins with: ", "begins with: other "))
    changed = examine_file(file)
    assert changed.definition is None or changed.definition.digest != first.definition.digest
    file.write_text(SMALL)
    german.unlink()
    assert examine_file(file) == first
