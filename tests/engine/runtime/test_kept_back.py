"""What waits for a person to be recognized is never given up, holds nothing else up, and leaves at their word."""

from __future__ import annotations

from engine.core.limits import USUAL
from engine.core.values import DAY_MS
from engine.runtime.outbox import KEPT_BACK_MS
from engine.runtime.ports import KeptBack
from tests.engine.runtime.test_outbox import Mail


async def test_what_is_kept_back_leaves_when_its_person_is_released_however_long_that_takes() -> None:
    mail = await Mail.open()
    mail.mishaps.fail("seal", KeptBack("a changed identity"), times=USUAL.tries_per_message + 1)
    await mail.lay("private")
    for _ in range(USUAL.tries_per_message + 1):
        await mail.pass_time(DAY_MS)
        assert mail.status("private") == "waiting"
        await mail.release()
    await mail.send_all()
    assert mail.brought == ["private"]


async def test_what_is_kept_back_is_overtaken_by_what_may_leave() -> None:
    mail = await Mail.open()
    mail.mishaps.fail("seal", KeptBack("a changed identity"), when=lambda parcel, *_: parcel.row == "private")
    await mail.lay("private")
    await mail.lay("notice")
    await mail.send_all()
    assert mail.brought == ["notice"]
    await mail.release()
    await mail.send_all()
    assert mail.brought == ["notice", "private"]


async def test_what_is_kept_back_from_a_shared_room_is_looked_at_again_by_itself() -> None:
    mail = await Mail.open()
    mail.mishaps.fail("seal", KeptBack("a changed identity"), times=USUAL.tries_per_message + 1)
    await mail.lay("report", None)
    await mail.pass_time(USUAL.tries_per_message * KEPT_BACK_MS)
    assert mail.status("report") == "waiting", (
        "nobody is there whose word would release it, so it is not given up"
    )
    await mail.pass_time(2 * KEPT_BACK_MS)
    assert mail.brought == ["report"]
