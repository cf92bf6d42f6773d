"""`trust` shows the device and its fingerprint to everyone, and how to make sure."""

from __future__ import annotations

import pytest

from bridge.views import HouseViews
from bridge.views.trust import OwnDevice, in_groups, trust_view
from bridge.wording.render import Hearer
from engine.core.message import Plain
from engine.core.values import CircleId, PersonId
from engine.testing import MemoryStore
from tests.bridge.views.test_public import Shelf, Village

KEY = "Q/NmNFEUS1fS+YeEmiZkjjblKTitrKOAk7cPEumcMlg"


def test_a_fingerprint_is_read_in_groups_of_four() -> None:
    assert in_groups(KEY) == "Q/Nm NFEU S1fS +YeE miZk jjbl KTit rKOA k7cP Eumc Mlg"


@pytest.mark.parametrize("signed", [True, False])
async def test_anybody_may_see_the_device_and_whether_its_owner_vouches_for_it(signed: bool) -> None:
    views = HouseViews(
        MemoryStore(), Shelf(), Village(), mirror=lambda: OwnDevice("HEARTHPHONE", KEY, signed)
    )
    own, how = await views.paragraphs("trust", Hearer(person=PersonId("ana"), circle=CircleId("c")), 0)
    assert [each.key for each in own] == ["trust.device", "trust.signed" if signed else "trust.unsigned"]
    assert own[0].slots == {"device": Plain("HEARTHPHONE"), "key": Plain(in_groups(KEY))}
    assert [each.key for each in how] == ["trust.how", "trust.beyond"]


def test_without_a_device_it_still_says_how() -> None:
    assert [[each.key for each in part] for part in trust_view(None)] == [["trust.how", "trust.beyond"]]
