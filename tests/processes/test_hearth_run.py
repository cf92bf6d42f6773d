"""`hearth run` twice over one PostgreSQL: the one that speaks is killed, and the other answers."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.bridge.command import hearth
from tests.bridge.test_cli import Running, start_process
from tests.processes.test_taking_turns import greeted
from tests.world import Member, Synapse, World
from tests.world.postgres import Postgres

TAKEOVER_SECONDS = 10.0
SLOW_SECONDS = 10.0
"""What a machine that is busy with other tests may take longer until the answer is there."""
ANSWER_SECONDS = 60.0


class Runs:
    """A folder that `hearth init` filled, whose database is a PostgreSQL."""

    def __init__(self, here: World, folder: Path, address: str) -> None:
        steward = here["ana"].user_id
        self._folder = folder
        self._answers = {
            "HEARTH_INIT_SERVER": here.homeserver,
            "HEARTH_INIT_PASSWORD": here.bot.password,
            "HEARTH_HOMESERVER_USER_ID": here.bot.user_id,
            "HEARTH_CIRCLE_ROOMS": here.room,
            "HEARTH_CIRCLE_STEWARDS": steward,
            "HEARTH_SAFETY_CONTACTS": f"Ana <{steward}>",
            "HEARTH_SAFETY_OUTSIDE_HELP": "112",
            "HEARTH_HOUSE_OPERATOR": "Ana",
            "HEARTH_HTTP_PORT": "0",
            "HEARTH_DATABASE_URL": address,
        }

    async def tells(self, *arguments: str) -> tuple[int, str]:
        """Run a command to its end; its status and what it printed."""
        done = await hearth(*arguments, "--folder", self._folder, **self._answers)
        return done.status, done.text

    async def begin(self, stack: AsyncExitStack) -> Running:
        """One more `hearth run`, which is gone at the end in any case."""
        running = Running(await start_process("run", "--folder", self._folder, **self._answers))

        async def end() -> None:
            if running.process.returncode is None:
                await running.end(signal.SIGKILL)

        stack.push_async_callback(end)
        return running


async def answer(member: Member, room: str, bot: str) -> None:
    """Say something to the bot and wait for its answer."""

    def said() -> int:
        return len([message for message in member.read(room) if message.sender == bot])

    before = said()
    await member.say(room, "help")
    await member.wait_for(lambda: said() > before, ANSWER_SECONDS, what="an answer to help")


@pytest.mark.synapse
@pytest.mark.timeout(240)  # six starts of the whole program
async def test_when_the_one_that_speaks_is_killed_the_other_answers_within_ten_seconds(
    synapse: Synapse, own_postgres: Postgres, tmp_path: Path
) -> None:
    async with World(("ana",), synapse=synapse) as here, AsyncExitStack() as stack:
        await here.invite_bot()
        ana, bot = here["ana"], here.bot.user_id
        runs = Runs(here, tmp_path, own_postgres.database())
        status, text = await runs.tells("init", "--unattended")
        assert status == 0, text
        first = await runs.begin(stack)
        await first.says("speaks for")
        room = await greeted(ana, here.room, bot)
        await answer(ana, room, bot)
        second = await runs.begin(stack)
        await second.says("serving 1 rooms")
        _, text = await runs.tells("ops", "status")
        assert f":{first.process.pid}, for " in text, text
        status, text = await runs.tells("init", "--unattended")
        assert status != 0
        assert "Another Hearth is at work" in text
        died_at = time.monotonic()
        await first.end(signal.SIGKILL)
        taking_over = asyncio.create_task(second.says("speaks for"))
        await answer(ana, room, bot)
        seconds = time.monotonic() - died_at
        await taking_over
        assert seconds <= TAKEOVER_SECONDS + SLOW_SECONDS, f"the answer took {seconds:.1f} s"
        print(f"\nanswered by the other {seconds:.1f} s after a kill")
        status, text = await runs.tells("doctor")
        assert f":{second.process.pid}, for " in text, text
        assert not ana.undecryptable
        assert await second.end(signal.SIGTERM) == 0
        _, text = await runs.tells("ops", "status")
        assert "speaks: nobody at present" in text
