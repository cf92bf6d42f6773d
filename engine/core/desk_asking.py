"""How a question comes to lie before somebody: the first time, and anew where the first never reached them."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Prompt
from engine.core.desk_polls import put_poll
from engine.core.desk_private import again_as, knock
from engine.core.desk_table import Table, target_of
from engine.core.parcel import Urgency
from engine.core.schedule import reminder_moment


def put_question(table: Table, prompt: Prompt, urgency: Urgency, *, personal: bool) -> None:
    """Lay a question on the desk and in the outbox, with its poll or its reactions."""
    table.put(
        prompt.message,
        urgency,
        target=target_of(prompt),
        row=prompt.row,
        useful_until_ms=prompt.closes_ms,
        about=prompt.instance,
        personal=personal,
    )
    polled = put_poll(table, prompt, prompt.row, urgency, personal=personal)
    if polled.poll is None:
        table.react(prompt.row, prompt, urgency, personal=personal)
    else:
        polled = replace(polled, also=(polled.poll,))
    table.keep(polled)
    table.await_answer(prompt)


def want_again(table: Table, prompt: Prompt) -> None:
    """What had been set aside is wanted again: what stands in the room may be answered as before, and what was held
    back before it came is put anew.
    """
    wanted = replace(prompt, set_aside=False)
    delivered, now_ms = table.facts.delivered, table.facts.now_ms
    stands_there = prompt.row in delivered or prompt.knock in delivered
    is_over = bool(prompt.sources) or prompt.closes_ms <= now_ms
    if not prompt.set_aside or stands_there or is_over or table.desk.consent == "stopped":
        table.keep(wanted)
        return
    table.remove(prompt)
    rings_ms = prompt.rings_ms
    if rings_ms is not None and not prompt.put_off:
        rings_ms = reminder_moment(table.rhythm, now_ms, prompt.closes_ms)
    anew = replace(wanted, row=table.new_row(), knock=None, poll=None, also=(), rings_ms=rings_ms)
    if prompt.message.sensitive:
        knock(table, anew, again_as(prompt), personal=True)
    else:
        put_question(table, anew, again_as(prompt) if prompt.message.mention else "quiet", personal=True)
