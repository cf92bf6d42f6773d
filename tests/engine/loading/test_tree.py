import pytest

from engine.loading.problem import Ledger
from engine.loading.tree import MOST_BYTES, MOST_DEPTH, Entry, Items, Map, Text, read_tree


def read(text: str) -> tuple[Map | None, list[str]]:
    ledger = Ledger("f.yaml")
    return read_tree(text, ledger), [str(problem) for problem in ledger.problems()]


def entry(text: str) -> Entry:
    root, problems = read(text)
    assert root is not None, problems
    return root.entries[0]


@pytest.mark.parametrize("word", ["no", "on", "yes", "1:30", "true", "null", "~", "2027-01-01", "012", "1e3"])
def test_every_scalar_stays_the_text_that_was_written(word: str) -> None:
    node = entry(f"key: {word}\n").node
    assert isinstance(node, Text)
    assert node.value == word


def test_lists_and_maps_know_their_places() -> None:
    found = entry("a:\n  - b\n  - c: d\n")
    assert isinstance(found.node, Items)
    assert [(n.place.line, n.place.column) for n in found.node.items] == [(2, 5), (3, 5)]


def test_keys_written_twice_are_all_found() -> None:
    root, problems = read("a: 1\nb: 2\na: 3\nb: 4\n")
    assert root is not None
    assert [p.split(" ")[0] for p in problems] == ["f.yaml:3:1", "f.yaml:4:1"]
    assert "the first stands in line 1" in problems[0]


def test_tabs_in_the_indentation_are_all_found() -> None:
    root, problems = read("a:\n\tb: 1\n  \tc: 2\n")
    assert root is None
    assert problems == [
        "f.yaml:2:1 a tab in the indentation; use two spaces instead",
        "f.yaml:3:3 a tab in the indentation; use two spaces instead",
    ]


def test_a_tab_inside_a_text_is_no_problem() -> None:
    assert read("a: 'b\tc'\n")[1] == []


@pytest.mark.parametrize(
    ("text", "where"),
    [("a: &x 1\nb: *x\n", "f.yaml:1:4"), ("b: *x\n", "f.yaml:1:4"), ("a: &x [*x]\n", "f.yaml:1:4")],
)
def test_references_are_refused(text: str, where: str) -> None:
    root, problems = read(text)
    assert root is None
    assert problems[0].startswith(where)
    assert "YAML reference" in problems[0]


@pytest.mark.parametrize("tag", ["!!python/object:os.system", "!thing", "!!int"])
def test_tags_are_refused(tag: str) -> None:
    root, problems = read(f"a: {tag} 1\n")
    assert root is None
    assert "YAML tag" in problems[0]


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    root, problems = read("a: " + "x" * MOST_BYTES)
    assert root is None
    assert "65539 bytes" in problems[0]


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_nesting_has_a_limit(opening: str) -> None:
    root, problems = read("a: " + opening * 5000)
    assert root is None
    assert f"more than {MOST_DEPTH} levels" in problems[0]


def test_the_number_of_entries_has_a_limit() -> None:
    assert "more than 5000 entries" in read("".join(f"k{n}: 1\n" for n in range(3000)))[1][0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("# nothing but a comment\n", "the file is empty"),
        ("- a\n- b\n", "a file begins with keys"),
        ("a: b: c\n", "f.yaml:1:5 a second `: ` on one line"),
        ("a: 'open\n", "quotes that are never closed"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1 a second document begins here"),
        ("? [a]\n: b\n", "a key is a word"),
        ("a: \x01\n", "f.yaml:1:4 a character that cannot be seen stands here (U+0001)"),
        ("a: [1\n", "f.yaml:1:4 the bracket `[` is never closed"),
        ("a: `x`\n", "a backtick at the beginning of a text"),
        ("%YAML 1.1\n---\na: no\n", ""),
    ],
)
def test_broken_files_are_told_apart(text: str, said: str) -> None:
    _, problems = read(text)
    assert any(said in problem for problem in problems) or (said == "" and not problems), problems
