"""The builder: a homeserver, people with apps, and a room they share."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from tests.world.member import Member
from tests.world.synapse import Account, Synapse

BOT = "hearth"

OpenWorld = Callable[..., Awaitable["World"]]
"""The fixture `world`: takes the names of members and the keyword arguments of World."""


class World:
    """People in a shared room on a homeserver, and an account for the bot that nobody uses yet.

    Without `synapse` it starts one of its own. On a shared one every world gets its own number, and its
    names end in it (`ana-3`), so that tests never meet. The first member makes the room and is its admin;
    the others are in it when the context is entered, and everybody knows everybody. `limits` and `keep` are
    those of Synapse (with a shared one they are its own); where limits are on, members are exempt from
    them, so that only the bot feels them.
    """

    def __init__(
        self,
        members: Sequence[str] = ("ana", "bruno", "chen", "dora"),
        *,
        synapse: Synapse | None = None,
        room_name: str = "The commons",
        encrypted: bool = True,
        invite_bot: bool = False,
        keep: bool = False,
    ) -> None:
        assert members, "a world needs at least one member, who makes the room"
        self.synapse = synapse or Synapse(keep=keep)
        self.members: dict[str, Member] = {}
        self.room = ""
        self._names = tuple(members)
        self._room_name = room_name
        self._encrypted = encrypted
        self._invite_bot = invite_bot
        self._own_synapse = synapse is None
        self._suffix = "" if self._own_synapse else f"-{self.synapse.next_number()}"
        self._bot: Account | None = None

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    @property
    def bot(self) -> Account:
        """The bot's account: homeserver, Matrix id, password, token and first device."""
        assert self._bot is not None, "the world has not been entered"
        return self._bot

    @property
    def homeserver(self) -> str:
        """The address of the homeserver."""
        return self.synapse.url

    async def add(self, name: str, *, in_room: bool = True, new_device_of: str | None = None) -> Member:
        """Let one more person (or another device of `new_device_of`) in, who stops with the world."""
        assert name not in self.members, f"{name} is already there"
        if new_device_of is None:
            account = await self._account(name)
        else:
            account = self.members[new_device_of].account
        member = self._app(account, new_device=new_device_of is not None)
        self.members[name] = member
        await member.start()
        if in_room and new_device_of is None and self.room:
            await self._founder.invite(self.room, member.user_id)
            await self._everybody_is_in([member])
        return member

    async def invite_bot(self) -> None:
        """Ask the bot into the shared room, as the person who made it."""
        await self._founder.invite(self.room, self.bot.user_id)

    async def __aenter__(self) -> Self:
        if self._own_synapse:
            await self.synapse.__aenter__()
        try:
            await self._build()
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leaving = (member.forget() for member in self.members.values())
        outcomes = await asyncio.gather(*leaving, return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if self._own_synapse:
            await self.synapse.__aexit__(kind, error, trace)
        if failures and error is None:
            raise failures[0]

    @property
    def _founder(self) -> Member:
        return self.members[self._names[0]]

    def _app(self, account: Account, *, new_device: bool = False) -> Member:
        # Beside the homeserver's files, so that they vanish together whatever ends them.
        return Member(account, new_device=new_device, stores=self.synapse.folder)

    async def _account(self, name: str) -> Account:
        account = await self.synapse.register(f"{name}{self._suffix}", display_name=name.capitalize())
        if self.synapse.limits == "default":
            await self.synapse.exempt(account.user_id)
        return account

    async def _build(self) -> None:
        self._bot = await self.synapse.register(f"{BOT}{self._suffix}", display_name=BOT.capitalize())
        accounts = await asyncio.gather(*(self._account(name) for name in self._names))
        self.members = {name: self._app(account) for name, account in zip(self._names, accounts, strict=True)}
        await asyncio.gather(*(member.start() for member in self.members.values()))
        others = list(self.members.values())[1:]
        invited = [member.user_id for member in others]
        if self._invite_bot:
            invited.append(self.bot.user_id)
        self.room = await self._founder.create_room(
            name=self._room_name, encrypted=self._encrypted, invite=invited
        )
        await self._everybody_is_in(list(self.members.values()))

    async def _everybody_is_in(self, expected: list[Member]) -> None:
        """Wait until everybody sees the expected members in the shared room."""
        user_ids = {member.user_id for member in expected}
        watching = [
            member for member in self.members.values() if member in expected or self.room in member.rooms
        ]
        await asyncio.gather(
            *(
                member.wait_for(
                    lambda member=member: user_ids <= member.people(self.room),  # type: ignore[misc]
                    what=f"everybody being in {self.room}",
                )
                for member in watching
            )
        )
