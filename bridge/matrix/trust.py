"""Whose devices may read: those their owner signed, or all of them where the owner signs none.

A person's identity is their cross-signing master key. The first one seen is remembered; when another one appears, or
it vanishes, the person may have reset it, or somebody with power over their homeserver may be reading along. Nobody
here can tell which, so nothing more is sent to them until `acknowledge` says that it is still them.
"""

import enum
import hashlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from bridge.matrix.checked import checked_devices, cross_signing_key, signature_holds
from bridge.matrix.keep import Ledger
from bridge.matrix.machine import Machine
from bridge.matrix.text import as_dict

log = logging.getLogger(__name__)

PERSON = "person_keys"


class IdentityState(enum.StrEnum):
    """What we know of a person's cross-signing identity."""

    NONE = "none"
    """They have none: keys go to all their devices."""
    KNOWN = "known"
    """The one we have always seen: keys go to the devices it signed."""
    CHANGED = "changed"
    """Another one than before, or it vanished: no keys until acknowledged."""


class PersonKeys(msgspec.Struct, frozen=True):
    """What the last answer said about one person.

    `master` is their identity now ("" for none), `pinned` the one we accept, `signed` the devices it vouches for.
    `outdated`: ask again. `reported`: a change, if there was one, has been told. `changes` counts them.
    """

    master: str = ""
    pinned: str = ""
    signed: frozenset[str] = frozenset()
    outdated: bool = True
    reported: bool = True
    changes: int = 0

    @property
    def state(self) -> IdentityState:
        if self.master == self.pinned:
            return IdentityState.KNOWN if self.master else IdentityState.NONE
        return IdentityState.CHANGED


class Trust:
    """Everybody's identity and devices, kept current by answers to `/keys/query`."""

    def __init__(self, rows: Mapping[tuple[str, str], bytes], machine: Machine, ledger: Ledger) -> None:
        self._machine = machine
        self._ledger = ledger
        self._people = {
            user_id: msgspec.msgpack.decode(value, type=PersonKeys)
            for (kind, user_id), value in rows.items()
            if kind == PERSON
        }
        self._marks: dict[str, int] = {}
        for user_id, person in self._people.items():
            # A change from before changes were counted: nobody has told the person yet.
            if person.state is IdentityState.CHANGED and not person.changes:
                self._people[user_id] = _unreported(person)

    def person(self, user_id: str) -> PersonKeys:
        return self._people.get(user_id, PersonKeys())

    def state(self, user_id: str) -> IdentityState:
        return self.person(user_id).state

    def mark_of(self, user_id: str) -> str:
        """Names the identity this person has now, since its last change; says nothing of who it is."""
        person = self.person(user_id)
        named = f"{user_id}\n{person.master}\n{person.changes}".encode()
        return hashlib.sha256(named).hexdigest()[:32]

    def _set(self, user_id: str, person: PersonKeys) -> None:
        self._people[user_id] = person
        self._ledger.put(PERSON, user_id, msgspec.msgpack.encode(person))

    def mark_outdated(self, user_ids: Iterable[str]) -> None:
        """These people changed something about their devices; their next answer counts."""
        for user_id in user_ids:
            # Whoever we never asked about is outdated as it is, and strangers are not worth a memory.
            if user_id in self._marks:
                self._marks[user_id] += 1
            if user_id in self._people and not self._people[user_id].outdated:
                self._set(user_id, msgspec.structs.replace(self._people[user_id], outdated=True))

    def doubt_everybody(self) -> None:
        """Nothing is known of what anybody changed meanwhile: everybody's next answer counts."""
        self.mark_outdated(list(self._people))

    def outdated(self, user_ids: Iterable[str]) -> list[str]:
        """Those of these people whose devices we have to ask for, sorted."""
        return sorted(user_id for user_id in set(user_ids) if self.person(user_id).outdated)

    def before_query(self, user_ids: Iterable[str]) -> dict[str, int]:
        """Remember how often each person was marked, so that a change during the request is not lost."""
        return {user_id: self._marks.setdefault(user_id, 0) for user_id in user_ids}

    def take_answer(self, asked: Mapping[str, int], answer: Mapping[str, Any]) -> None:
        """Take in an answer to `/keys/query` about the people of `before_query`; call it holding the turn.

        People missing from the answer (their homeserver does not respond) stay outdated.
        """
        for user_id, mark in asked.items():
            if user_id not in as_dict(answer.get("device_keys")):
                continue
            self._take_devices(user_id, answer)
            self._take_identity(user_id, answer, still_outdated=self._marks.get(user_id, 0) != mark)

    def _take_devices(self, user_id: str, answer: Mapping[str, Any]) -> None:
        devices, dropped = checked_devices(answer, user_id)
        if dropped:
            log.warning("%d malformed devices of %s are ignored", dropped, user_id)
        known = self._machine.device_store[user_id]
        payloads = {device.device_id: device.payload for device in devices}
        self._machine.handle_device_keys(user_id, payloads)
        for device in devices:
            again = known.get(device.device_id)
            # nio never undeletes: a device missing from one answer would stay without keys for ever.
            if again is not None and again.deleted and again.ed25519 == device.ed25519:
                again.deleted = False
        self._machine.store.note_devices(user_id)

    def _take_identity(self, user_id: str, answer: Mapping[str, Any], *, still_outdated: bool) -> None:
        before = self.person(user_id)
        master, signed = identity_of(answer, user_id)
        pinned = before.pinned or master
        person = PersonKeys(
            master, pinned, frozenset(signed), still_outdated, before.reported, before.changes
        )
        was_changed, is_changed = (each.state is IdentityState.CHANGED for each in (before, person))
        if is_changed and (not was_changed or before.master != master):
            log.warning("the cross-signing identity of %s changed", user_id)
            person = _unreported(person)
        elif was_changed and not is_changed:
            log.info("the cross-signing identity of %s is the one before again", user_id)
            person = _unreported(person)
        if person != before or user_id not in self._people:
            self._set(user_id, person)

    @property
    def has_news(self) -> bool:
        """Whether `report_changes` would name anybody."""
        return any(not person.reported for person in self._people.values())

    def report_changes(self) -> tuple[list[str], list[str]]:
        """People whose identity changed, and those whose changed one is accepted now, since it was last told; told
        now, with the batch this call is part of.
        """
        due = [user_id for user_id, person in self._people.items() if not person.reported]
        for user_id in due:
            self._set(user_id, msgspec.structs.replace(self._people[user_id], reported=True))
        changed = [user_id for user_id in due if self.state(user_id) is IdentityState.CHANGED]
        return changed, [user_id for user_id in due if user_id not in changed]

    def acknowledge(self, user_id: str) -> None:
        """Accept the identity this person has now; call it holding the turn and commit."""
        person = self.person(user_id)
        accepted = msgspec.structs.replace(person, pinned=person.master)
        if person.state is IdentityState.CHANGED:
            log.info("the cross-signing identity of %s is accepted", user_id)
            accepted = _unreported(accepted)
        self._set(user_id, accepted)

    def forget_devices(self, user_ids: Iterable[str]) -> None:
        """We share no encrypted room with them any more: ask anew should they return; the identity stays known."""
        self.mark_outdated(user_ids)

    def readers(self, user_id: str, *, whoever: bool = False) -> list[Any]:
        """The devices of this person that may have room keys, this one excepted.

        `whoever`: also those that an identity has signed which nobody has accepted yet, for what is not private.
        """
        person = self.person(user_id)
        if person.state is IdentityState.CHANGED and not whoever:
            return []
        devices = [
            device
            for device in self._machine.device_store.active_user_devices(user_id)
            if not (user_id == self._machine.user_id and device.id == self._machine.device_id)
        ]
        if person.master:
            return [device for device in devices if device.id in person.signed]
        return devices

    def is_signed(self, user_id: str, device_id: str) -> bool:
        """Whether the owner's known identity signed this device."""
        person = self.person(user_id)
        return person.state is IdentityState.KNOWN and device_id in person.signed


def _unreported(person: PersonKeys) -> PersonKeys:
    return msgspec.structs.replace(person, reported=False, changes=person.changes + 1)


def identity_of(answer: Mapping[str, Any], user_id: str) -> tuple[str, set[str]]:
    """The master key of this person ("" if there is no sound chain of signatures) and the devices it vouches for."""
    master = cross_signing_key(answer, "master", user_id)
    self_signing = cross_signing_key(answer, "self_signing", user_id)
    if master is None or self_signing is None:
        return "", set()
    if not signature_holds(self_signing[1], user_id, f"ed25519:{master[0]}", master[0]):
        return "", set()
    key = self_signing[0]
    devices, _ = checked_devices(answer, user_id)
    return master[0], {
        device.device_id
        for device in devices
        if signature_holds(device.payload, user_id, f"ed25519:{key}", key)
    }
