"""Who comes into a circle of several rooms, and who leaves it: by all of its rooms together."""

from __future__ import annotations

from typing import Any

from bridge.circles.comings import Comings
from bridge.matrix.room import Room
from bridge.matrix.rooms import Changes
from bridge.matrix.spaces import Places
from bridge.matrix.sync import Delivery, RoomEvent
from engine.core.values import CircleId
from tests.bridge.matrix.test_spaces import (
    ANA,
    BEN,
    CARA,
    SPACE,
    Replaced,
    Rooms,
    child,
    put_out,
    room,
    space,
)

CIRCLE = CircleId("village")


def delivery(*events: RoomEvent, joined: tuple[str, ...] = (), left: tuple[str, ...] = ()) -> Delivery:
    return Delivery(events, (), first=False, fresh=False, changes=Changes(joined, left, ()))


def membership(room_id: str, user_id: str, how: str, n: int = 1) -> RoomEvent:
    content = {"membership": how}
    return RoomEvent(room_id, f"$member{n}", user_id, "m.room.member", user_id, content, 1)


def child_event(room_id: str, content: dict[str, Any]) -> RoomEvent:
    return RoomEvent(SPACE, "$child", ANA, "m.space.child", room_id, content, 1)


class Village:
    """A circle, and what changes in its rooms."""

    def __init__(self, *rooms: Room, root: str = SPACE, replaced: Replaced | None = None) -> None:
        self.rooms = Rooms(*rooms)
        self.replaced = replaced or Replaced()
        self.places = Places(self.rooms, self.replaced, roots=(root,))
        self.comings = Comings(self.places, {CIRCLE: root})

    def put(self, *rooms: Room) -> None:
        self.rooms.held.update({each.room_id: each for each in rooms})

    def unsaid(self, given: Delivery) -> list[tuple[str, bool]]:
        return [(each.user_id, each.joined) for each in self.comings.unsaid(given)]


def village() -> Village:
    return Village(space(child("!a"), child("!b")), room("!a", ANA, BEN), room("!b", BEN))


def test_leaving_one_of_two_rooms_is_no_leaving_and_leaving_the_last_one_is() -> None:
    it = village()
    it.put(room("!a", ANA))
    assert not it.comings.counts(CIRCLE, BEN, joined=False)
    it.comings.note()
    it.put(room("!b"))
    assert it.comings.counts(CIRCLE, BEN, joined=False)


def test_joining_a_second_room_is_no_coming_and_joining_the_first_one_is() -> None:
    it = village()
    it.put(room("!b", ANA, BEN, CARA))
    assert not it.comings.counts(CIRCLE, ANA, joined=True)
    assert it.comings.counts(CIRCLE, CARA, joined=True)


def test_in_a_circle_of_one_room_every_move_counts() -> None:
    it = Village(room("!a", ANA), root="!a")
    assert it.comings.counts(CIRCLE, ANA, joined=True)
    assert it.comings.counts(CIRCLE, ANA, joined=False)


def test_a_room_brings_its_people_into_the_space_and_takes_them_away_again() -> None:
    it = village()
    it.put(space(child("!a"), child("!b"), child("!c")), room("!c", CARA, ANA))
    (came,) = it.comings.unsaid(delivery(child_event("!c", {"via": ["x"]})))
    assert (came.user_id, came.joined) == (CARA, True)
    it.comings.note()
    it.put(space(child("!a"), child("!b")))
    (gone,) = it.comings.unsaid(delivery(child_event("!c", {})))
    assert (gone.user_id, gone.joined) == (CARA, False)
    assert came.cause != gone.cause


def test_who_is_told_of_by_the_room_itself_is_not_told_of_twice() -> None:
    it = village()
    it.put(room("!a", ANA, BEN, CARA))
    assert it.unsaid(delivery(membership("!a", CARA, "join"))) == []
    it.comings.note()
    it.put(room("!a", ANA, BEN))
    assert it.unsaid(delivery(membership("!a", CARA, "leave"))) == []


def test_that_the_bot_was_put_out_of_a_room_makes_nobody_leave() -> None:
    it = village()
    del it.rooms.held["!a"]
    assert it.unsaid(delivery(left=("!a",))) == []
    it.comings.note()
    assert it.unsaid(delivery()) == []
    it.comings.note()
    # Back in the room: whoever is still there has not come, and whoever is not has gone.
    it.put(room("!a", BEN, CARA))
    assert it.unsaid(delivery(joined=("!a",))) == [(ANA, False), (CARA, True)]


def test_people_of_a_room_the_bot_is_put_out_of_go_when_it_is_taken_from_the_space() -> None:
    it = village()
    del it.rooms.held["!a"]
    assert it.unsaid(delivery(left=("!a",))) == []
    it.comings.note()
    it.put(room("!b"))
    assert it.comings.counts(CIRCLE, BEN, joined=False) is False, "Ben was in the other room too"
    it.put(space(child("!b")), room("!b", BEN))
    assert it.unsaid(delivery(child_event("!a", {}))) == [(ANA, False)]


def test_the_bot_put_out_of_the_space_and_back_makes_nobody_come_or_go() -> None:
    it = village()
    held = it.rooms.held.pop(SPACE)
    assert it.unsaid(delivery(left=(SPACE,))) == []
    it.comings.note()
    assert it.unsaid(delivery()) == []
    it.comings.note()
    it.put(held)
    assert it.unsaid(delivery(joined=(SPACE,))) == []


def test_who_is_banned_from_the_new_room_has_left_though_they_are_in_the_old_one() -> None:
    it = Village(room("!old", ANA, BEN), room("!new", ANA, BEN), root="!old", replaced=Replaced(old="new"))
    it.put(put_out(it.rooms.held["!new"], BEN, "ban"))
    assert it.comings.counts(CIRCLE, BEN, joined=False)


def test_the_people_of_a_circle_that_is_only_just_found_have_not_just_come() -> None:
    it = Village(root=SPACE)
    it.put(space(child("!a")), room("!a", ANA))
    assert it.unsaid(delivery(joined=(SPACE, "!a"))) == []


def test_who_stayed_in_a_replaced_room_leaves_with_the_end_of_its_week_and_once() -> None:
    it = Village(room("!old", ANA, BEN), room("!new", ANA), root="!old", replaced=Replaced(old="new"))
    assert it.unsaid(delivery()) == []
    it.replaced.over = ("!old",)
    (gone,) = it.comings.unsaid(delivery())
    assert (gone.user_id, gone.joined) == (BEN, False)
    it.comings.note()
    assert it.unsaid(delivery()) == []
    # The week may end while the house is not running; then it is said at the next start, under the same id.
    again = Comings(it.places, {CIRCLE: "!old"})
    assert list(again.unsaid(delivery())) == [gone]


def test_who_comes_along_into_the_new_room_has_neither_come_nor_gone() -> None:
    it = Village(room("!old", ANA, BEN), room("!new", ANA), root="!old", replaced=Replaced(old="new"))
    it.put(room("!new", ANA, BEN))
    assert not it.comings.counts(CIRCLE, BEN, joined=True)
    it.comings.note()
    it.put(room("!old", ANA))
    assert not it.comings.counts(CIRCLE, BEN, joined=False)


def test_a_new_name_in_one_room_hides_no_leaving_from_another() -> None:
    it = village()
    renamed = RoomEvent("!a", "$n", BEN, "m.room.member", BEN, {"membership": "join"}, 1, was_joined=True)
    it.put(space(child("!b")), room("!b"), room("!a", ANA, BEN))
    assert (BEN, False) in it.unsaid(delivery(renamed, child_event("!a", {})))
