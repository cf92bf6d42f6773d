"""The Mermaid form: one statement a line, nothing in it but what was meant, each state and move once."""

from __future__ import annotations

import re
from random import Random

import pytest

from bridge.settings import shipped_workflows
from bridge.telling.drawing import Here
from bridge.telling.mermaid import mermaid
from bridge.telling.scene import scene_of
from engine.loading.load import examine_file
from tests.bridge.telling.strange import by_chance, tea

TEXT = r"(?:[\w ,.!?'()/+“”‘’…–—·→-]|#\d+;|<br/>)*"
LINES = (
    r"stateDiagram-v2",
    rf"    acc(?:Title|Descr): {TEXT}",
    r"    direction TB",
    rf'    state "{TEXT}" as s\d+',
    rf"    (?:\[\*\]|s\d+) --> s\d+: {TEXT}",
    r"    s\d+ --> \[\*\]",
    r"    note right of s\d+",
    rf"        (?!end note$){TEXT}",
    r"    end note",
    r"    classDef here [\w#,:-]+",
    r"    class s\d+ here",
)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_texts_say_every_line_is_one_of_the_few_statements_we_write(seed: int) -> None:
    for line in mermaid(scene_of(by_chance(Random(seed)))).splitlines():
        assert any(re.fullmatch(form, line) for form in LINES), line


def test_a_small_workflow_reads_as_it_is() -> None:
    assert mermaid(scene_of(tea()), Here(("asked",), "Here since noon")) == (
        "stateDiagram-v2\n"
        "    accTitle: Tea\n"
        "    accDescr: Drink tea together.\n"
        "    direction TB\n"
        '    state "Draft<br/>asks the host for guests and starts" as s1\n'
        "    state \"Asked<br/>Here since noon<br/>asks the guests#58; “I'm coming”"
        "<br/>asks the whole room#58; “Me too”<br/>tells the host<br/>stands in “what's on”\" as s2\n"
        '    state "Brewing<br/>asks the drinkers#58; in words<br/>stands in “what\'s on”" as s3\n'
        '    state "Poured<br/>There was tea.<br/>tells the host" as s4\n'
        '    state "Spilt<br/>It was spilt." as s5\n'
        '    state "Cold<br/>It went cold." as s6\n'
        "    [*] --> s1: begins when someone writes “tea”\n"
        "    s1 --> s2: when everything is known\n"
        "    s2 --> s3: a day before starts, if there are at least two drinkers\n"
        "    s2 --> s6: a day before starts, otherwise\n"
        "    s3 --> s4: at starts\n"
        "    s3 --> s1: when the host writes “later”\n"
        "    s4 --> [*]\n"
        "    s5 --> [*]\n"
        "    s6 --> [*]\n"
        "    note right of s5\n"
        "        at any time, when the host writes “cancel”\n"
        "    end note\n"
        "    classDef here fill:#fff4cf,stroke:#9a6700,stroke-width:3px,color:#22262e\n"
        "    class s2 here\n"
    )


def test_moves_between_the_same_two_states_share_one_arrow() -> None:
    definition = examine_file(shipped_workflows() / "invitation.yaml").definition
    assert definition is not None
    arrows = re.findall(r"^    (s\d+) --> (s\d+):", mermaid(scene_of(definition)), re.MULTILINE)
    assert len(arrows) == len({*arrows}) > 10
