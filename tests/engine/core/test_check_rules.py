"""Every rule is broken once in a file that is right but for that, and the checker finds exactly that."""

import ast
import functools
import pathlib
import re

import pytest

import engine.core.check
from engine.core.check_rules import RULES, Rule
from engine.loading.load import examine_text
from engine.loading.problem import Problem
from engine.loading.together import examine_together
from tests.engine.core.gathering import DECISION, GATHERING

SOURCES = sorted(pathlib.Path(engine.core.check.__file__).parent.glob("check*.py"))


@functools.cache
def problems(text: str) -> tuple[Problem, ...]:
    """What is wrong with the file itself, and beside the other one."""
    files = {
        "gathering.yaml": examine_text(text, "gathering.yaml"),
        "decision.yaml": examine_text(DECISION, "d"),
    }
    beside = examine_together(files).get("gathering.yaml", ())
    return (*files["gathering.yaml"].problems, *beside)


def test_the_file_that_is_spoilt_is_right() -> None:
    assert problems(GATHERING) == ()
    assert examine_text(DECISION, "decision.yaml").problems == ()


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_broken_rule_is_found_and_nothing_else(rule: Rule) -> None:
    assert rule.right in GATHERING
    found = problems(GATHERING.replace(rule.right, rule.wrong, 1))
    assert {(p.code, p.severity) for p in found} == {(rule.code, rule.severity)}, [str(p) for p in found]


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_problem_stands_where_the_file_was_spoilt(rule: Rule) -> None:
    text = GATHERING.replace(rule.right, rule.wrong, 1)
    begin = GATHERING.index(rule.right)
    lines = range(text[:begin].count("\n"), text[: begin + len(rule.wrong)].count("\n") + 3)
    elsewhere = rule.code in SAID_ELSEWHERE
    assert elsewhere or any(p.line in lines for p in problems(text)), [str(p) for p in problems(text)]


SAID_ELSEWHERE = {
    "unreachable": "at the state nothing leads to any more",
    "no-end": "at each state that never ends",
    "waits-for-ever": "at the state",
    "must-answer": "at the state",
    "loop-by-luck": "at the state",
    "gathered-for-nothing": "at the state",
    "spins": "at the state",
    "says-nothing": "at what is carried",
    "told-anyway": "where the room is told",
    "never-given": "at the detail",
    "unused": "at the ask that no state asks any more",
    "never-taken": "at the move that is hidden",
    "shown-too-early": "at the sentence",
    "nothing-gathered": "at the move that waits for it",
    "unsigned-too-few-asked": "where unsigned answers are promised",
    "role-without-end": "where the file says that it is a role",
}
"""Rules about a thing as a whole: the problem stands at the thing, not at the line that was spoilt."""


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_problem_says_in_plain_words_what_helps(rule: Rule) -> None:
    for problem in problems(GATHERING.replace(rule.right, rule.wrong, 1)):
        assert problem.hint, problem
        said = f"{problem.message} {problem.hint}".lower()
        assert not re.search(
            r"\b(invalid|error|illegal|null|none type|exception|parse|syntax|node)\b", said
        ), said
        assert len(said) < 300, said
    assert rule.says.endswith(".")


def test_every_code_that_can_be_found_has_its_rule() -> None:
    assert {code for path in SOURCES for code in _codes(path)} == set(RULES)


def _codes(path: pathlib.Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "Finding" and isinstance(node.args[1], ast.Constant):
            found.add(str(node.args[1].value))
        elif node.func.id == "unknown" and isinstance(node.args[1], ast.Constant):
            found.add(f"unknown-{node.args[1].value}")
    return found
