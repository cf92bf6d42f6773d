"""The rooms of a circle: a space's rooms in their order, what is never one of them, and those that were replaced."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from bridge.matrix.room import Room
from bridge.matrix.spaces import MOST_ROOMS, Places, children_in_order

BOT, ANA, BEN, CARA = (f"@{name}:x" for name in ("hearth", "ana", "ben", "cara"))
SPACE = "!space"


def event(kind: str, key: str, content: dict[str, Any], sender: str = ANA, at_ms: int = 1) -> dict[str, Any]:
    return {
        "type": kind,
        "state_key": key,
        "content": content,
        "sender": sender,
        "origin_server_ts": at_ms,
    }


def child(room_id: str, at_ms: int = 1, **content: Any) -> dict[str, Any]:
    return event("m.space.child", room_id, {"via": ["x"]} | content, at_ms=at_ms)


def room(room_id: str, *people: str, state: tuple[dict[str, Any], ...] = (), kind: str | None = None) -> Room:
    create = event("m.room.create", "", {"room_version": "10"} | ({"type": kind} if kind else {}))
    inside = [event("m.room.member", person, {"membership": "join"}, person) for person in (BOT, *people)]
    return Room(room_id).with_state([create, *inside, *state])


def space(*state: dict[str, Any], people: tuple[str, ...] = (), room_id: str = SPACE) -> Room:
    return room(room_id, *people, state=state, kind="m.space")


def put_out(given: Room, user_id: str, membership: str, sender: str = ANA) -> Room:
    return given.with_state([event("m.room.member", user_id, {"membership": membership}, sender)])


def parent(room_id: str, **content: Any) -> dict[str, Any]:
    return event("m.space.parent", room_id, {"via": ["x"]} | content)


SILENT = event("m.room.power_levels", "", {"events_default": 50})


class Rooms:
    """The rooms we are in."""

    user_id = BOT

    def __init__(self, *rooms: Room) -> None:
        self.held = {each.room_id: each for each in rooms}

    def all(self) -> dict[str, Room]:
        return self.held


class Replaced:
    """Old room → new room; those in `over` were replaced long ago."""

    def __init__(self, over: tuple[str, ...] = (), **steps: str) -> None:
        self.steps = {f"!{old}": f"!{new}" for old, new in steps.items()}
        self.over = over

    def latest(self, room_id: str) -> str:
        return self.latest(self.steps[room_id]) if room_id in self.steps else room_id

    def former(self, room_id: str) -> tuple[str, ...]:
        return tuple(old for old in self.steps if self.latest(old) == room_id)

    def counts(self, room_id: str) -> bool:
        return room_id in self.steps and room_id not in self.over


def test_children_stand_by_their_order_then_by_when_they_were_put_there_then_by_their_ids() -> None:
    made = space(
        child("!late", at_ms=9),
        child("!b", at_ms=3),
        child("!a", at_ms=3),
        child("!second", order="b"),
        child("!first", order="a"),
        child("!bad", at_ms=8, order="\N{LATIN SMALL LETTER A WITH ACUTE}"),
        child("!long", at_ms=7, order="a" * 51),
    )
    assert children_in_order(made) == ["!first", "!second", "!a", "!b", "!long", "!bad", "!late"]


def test_a_child_without_a_way_to_it_is_none_any_more() -> None:
    made = space(child("!a"), child("!b")).with_state([event("m.space.child", "!a", {})])
    assert children_in_order(made) == ["!b"]
    assert children_in_order(made.with_state([child("#alias:x"), child("!c")])) == ["!b", "!c"]


def test_a_circle_of_one_room_is_that_room() -> None:
    places = Places(Rooms(room("!a", ANA), room("!b", BEN)), roots=("!a",))
    assert places.rooms_of("!a") == ("!a",)
    assert places.people_of("!a") == {ANA}
    assert places.main_room("!a") == "!a"
    assert places.main_room("!elsewhere") is None


def test_the_people_of_a_space_are_those_of_all_its_rooms_that_we_are_in() -> None:
    rooms = Rooms(space(child("!a"), child("!not-in"), people=(ANA,)), room("!a", BEN), room("!b", CARA))
    places = Places(rooms, roots=(SPACE,))
    assert places.people_of(SPACE) == {ANA, BEN}
    assert places.rooms_of(SPACE) == (SPACE, "!a")
    assert places.is_served("!a")
    assert not places.is_served("!b")


def test_the_main_room_is_the_first_in_which_we_may_write() -> None:
    rooms = Rooms(
        space(
            child("!silent", order="a"),
            child("!not-in", order="b"),
            child("!d", order="d"),
            child("!c", order="c"),
        ),
        room("!silent", state=(SILENT,)),
        room("!d"),
        room("!c"),
    )
    assert Places(rooms, roots=(SPACE,)).main_room(SPACE) == "!c"


def test_a_space_without_a_room_to_write_in_has_no_main_room() -> None:
    rooms = Rooms(
        space(child("!silent"), child("!inner")), room("!silent", state=(SILENT,)), space(room_id="!inner")
    )
    assert Places(rooms, roots=(SPACE,)).main_room(SPACE) is None


def test_a_space_in_a_space_brings_its_rooms_and_a_circle_of_spaces_comes_to_an_end() -> None:
    rooms = Rooms(
        space(child("!inner", order="a"), child("!b", order="b")),
        space(child("!a"), child(SPACE), room_id="!inner"),
        room("!a", ANA),
        room("!b", BEN),
    )
    assert Places(rooms, roots=(SPACE,)).rooms_of(SPACE) == (SPACE, "!inner", "!a", "!b")


def test_neither_a_private_room_nor_another_circle_nor_the_stewards_room_is_ever_part_of_a_space() -> None:
    rooms = Rooms(
        space(child("!private"), child("!circle"), child("!stewards"), child("!a")),
        room("!private", ANA),
        room("!circle", BEN),
        room("!stewards", CARA),
        room("!a"),
    )
    places = Places(
        rooms, roots=(SPACE, "!circle", "!stewards"), is_private=lambda room_id: room_id == "!private"
    )
    assert places.rooms_of(SPACE) == (SPACE, "!a")
    assert places.people_of(SPACE) == frozenset()
    assert places.main_room(SPACE) == "!a"


def test_a_huge_space_is_looked_at_as_far_as_its_first_hundred_rooms_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = [f"!{n:04}" for n in range(MOST_ROOMS + 20)]
    places = Places(Rooms(space(*map(child, names)), *map(room, names)), roots=(SPACE,))
    with caplog.at_level(logging.WARNING):
        assert len(places.rooms_of(SPACE)) == MOST_ROOMS
        assert len(places.rooms_of(SPACE)) == MOST_ROOMS
    assert len(caplog.records) == 1


def test_a_replaced_room_stays_the_circles_and_its_people_count_for_a_week() -> None:
    rooms = Rooms(room("!old", ANA, BEN), room("!new", ANA))
    places = Places(rooms, Replaced(old="new"), roots=("!old",))
    assert places.home("!old") == "!new"
    assert places.rooms_of("!old") == ("!new", "!old")
    assert places.main_room("!old") == "!new"
    assert places.people_of("!old") == {ANA, BEN}
    later = Places(rooms, Replaced(old="new", over=("!old",)), roots=("!old",))
    assert later.rooms_of("!old") == ("!new", "!old")
    assert later.people_of("!old") == {ANA}
    assert later.people_in(later.seen("!old", all_of_them=True)) == {ANA, BEN}
    assert [later.is_in("!old", user_id) for user_id in (ANA, BEN, BOT)] == [True, False, False]


@pytest.mark.parametrize(("membership", "sender"), [("ban", ANA), ("leave", ANA), ("leave", BEN)])
def test_who_is_no_longer_in_the_new_room_is_not_in_the_circle_for_being_in_the_old_one(
    membership: str, sender: str
) -> None:
    new = room("!new", ANA, BEN)
    rooms = Rooms(room("!old", ANA, BEN, CARA), put_out(new, BEN, membership, sender))
    places = Places(rooms, Replaced(old="new"), roots=("!old",))
    assert places.people_of("!old") == {ANA, CARA}
    assert not places.is_in("!old", BEN)
    rooms.held["!new"] = put_out(rooms.held["!new"], BEN, "invite")
    assert places.is_in("!old", BEN), "asked back"


def test_who_was_banned_without_having_been_there_is_out_and_who_said_no_to_coming_along_is_not() -> None:
    new = put_out(put_out(room("!new", ANA), BEN, "ban"), CARA, "invite")
    rooms = Rooms(room("!old", ANA, BEN, CARA), put_out(new, CARA, "leave", CARA))
    assert Places(rooms, Replaced(old="new"), roots=("!old",)).people_of("!old") == {ANA, CARA}


def test_who_is_banned_from_the_space_is_in_none_of_its_rooms_and_who_just_left_it_may_be() -> None:
    made = space(child("!a"), people=(ANA, BEN, CARA))
    made = put_out(put_out(made, BEN, "ban"), CARA, "leave", CARA)
    places = Places(Rooms(made, room("!a", BEN, CARA)), roots=(SPACE,))
    assert places.people_of(SPACE) == {ANA, CARA}


OTHER = "!other"


def taken_over(*state: dict[str, Any], first_ms: int = 1, then_ms: int = 9) -> tuple[Places, Rooms]:
    """The room of the other circle, which whoever runs the space has made one of its own, first of all."""
    rooms = Rooms(
        space(child("!theirs", then_ms, order=" "), child("!a", order="a"), people=(ANA,)),
        space(child("!theirs", first_ms), room_id=OTHER, people=(BEN,)),
        room("!a", ANA),
        room("!theirs", CARA, state=state),
    )
    return Places(rooms, roots=(SPACE, OTHER)), rooms


def test_a_room_of_another_circles_space_is_taken_over_by_nobody() -> None:
    places, _ = taken_over()
    assert places.rooms_of(SPACE) == (SPACE, "!a")
    assert places.main_room(SPACE) == "!a"
    assert places.people_of(SPACE) == {ANA}
    assert places.rooms_of(OTHER) == (OTHER, "!theirs")
    assert places.people_of(OTHER) == {BEN, CARA}


def test_a_room_in_two_spaces_belongs_to_the_one_it_names_itself() -> None:
    places, rooms = taken_over(parent(OTHER), first_ms=9, then_ms=1)
    assert places.rooms_of(OTHER) == (OTHER, "!theirs")
    assert places.rooms_of(SPACE) == (SPACE, "!a")
    # Both, or neither: whoever had it first.
    rooms.held["!theirs"] = rooms.held["!theirs"].with_state([parent(SPACE)])
    assert "!theirs" in places.rooms_of(OTHER)
    fresh, _ = taken_over(parent(OTHER, via=None), first_ms=9, then_ms=1)
    assert "!theirs" in fresh.rooms_of(SPACE)


def test_a_room_stays_with_its_circle_when_it_is_placed_anew_or_its_space_is_out_of_sight() -> None:
    places, rooms = taken_over()
    assert "!theirs" in places.rooms_of(OTHER)
    rooms.held[OTHER] = space(child("!theirs", 99, order="z"), room_id=OTHER)
    assert "!theirs" in places.rooms_of(OTHER)
    held = rooms.held.pop(OTHER)
    assert places.rooms_of(SPACE) == (SPACE, "!a")
    rooms.held[OTHER] = held.with_state([event("m.space.child", "!theirs", {})])
    assert places.rooms_of(SPACE) == (SPACE, "!theirs", "!a"), "let go of by the other"


def test_a_space_within_another_circles_space_brings_none_of_its_rooms_along() -> None:
    rooms = Rooms(
        space(child("!inner", 9), child("!deep", 9), people=(ANA,)),
        space(child("!inner", 2), room_id=OTHER),
        space(child("!deep", 3), room_id="!inner"),
        room("!deep", BEN),
    )
    places = Places(rooms, roots=(SPACE, OTHER))
    assert places.rooms_of(SPACE) == (SPACE,)
    assert places.rooms_of(OTHER) == (OTHER, "!inner", "!deep")


def test_a_replaced_room_in_which_we_may_not_write_any_more_is_no_main_room() -> None:
    gone = event("m.room.tombstone", "", {"replacement_room": "!new"})
    assert Places(Rooms(room("!a", state=(gone,))), roots=("!a",)).main_room("!a") == "!a"
    assert Places(Rooms(room("!a", state=(gone, SILENT))), roots=("!a",)).main_room("!a") is None


def test_a_room_of_a_space_that_was_replaced_has_its_successor_in_its_place() -> None:
    rooms = Rooms(
        space(child("!old", order="a"), child("!b", order="b")),
        room("!old", BEN),
        room("!new", ANA),
        room("!b"),
    )
    places = Places(rooms, Replaced(old="new"), roots=(SPACE,))
    assert places.rooms_of(SPACE) == (SPACE, "!new", "!b", "!old")
    assert places.main_room(SPACE) == "!new"
    assert places.people_of(SPACE) == {ANA, BEN}
