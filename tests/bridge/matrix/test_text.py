"""JSON that other people wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.matrix.text import DEEPEST, read_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def depth(value: object) -> int:
    level, found = [value], 0
    while level:
        found += 1
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
        ]
    return found


@given(values)
def test_whatever_is_read_can_be_stored_as_utf8_without_nul(value: object) -> None:
    read = read_json(json.dumps(value).encode())
    text = json.dumps(read, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()


def test_half_a_surrogate_pair_and_nul_become_a_replacement_character() -> None:
    assert read_json(b'{"a\\u0000": "x\\ud800y", "b": "\\ud83d\\ude00"}') == {
        "a\ufffd": "x\ufffdy",
        "b": "😀",
    }


@pytest.mark.parametrize("unit", [("[", "]"), ('{"a":', "}"), ('[{"]":', "}]")])
def test_values_nested_too_deep_are_cut_out_and_the_rest_is_read(unit: tuple[str, str]) -> None:
    opening, closing = unit
    deep = opening * 30_000 + "1" + closing * 30_000
    body = f'{{"before": 1, "events": [{deep}, "a]\\"b", {deep}], "after": [2]}}'
    read = read_json(body.encode())
    assert (read["before"], read["events"][1], read["after"]) == (1, 'a]"b', [2])
    assert depth(read) <= DEEPEST + 2


def test_numbers_no_database_holds_are_limited_and_what_is_no_number_is_nothing() -> None:
    body = b"[1e999, NaN, -Infinity, 9007199254740993, -%s, 1.5, 12]" % (b"9" * 6_000)
    assert read_json(body) == [None, None, None, 1 << 53, -(1 << 53), 1.5, 12]


def test_what_is_no_json_is_a_value_error() -> None:
    for body in (b"", b"<html>", b'{"a"', b"\xff\xfe", b"[" * 30_000):
        with pytest.raises(ValueError, match=r"\w"):
            read_json(body)
