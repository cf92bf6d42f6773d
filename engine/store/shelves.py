"""Everything that is looked up or put away off the hot path: names, texts, definitions, journals, views."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.parcel import Direct, Shared
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId, TextId
from engine.runtime.ports import AnyArrival, Line, Placed, SetAside, TextKept
from engine.store import codec, models
from engine.store.hot_path import in_order
from engine.store.keys import Seal
from engine.store.outbox import drop_what_follows, keys_of
from engine.store.schemas import CELLAR
from engine.store.scopes import HOUSE, scope_of_actor, scope_of_instance, scope_of_person, scope_of_text
from engine.store.sealing import Key, KeyRing

PORTION = 500
"""How many names one statement is asked about."""
STANDS = Q(status="sent") | Q(Q(lease_until__not_isnull=True) | Q(sealed__not_isnull=True), status="waiting")
"""Of parcels: they are in their room, or may be just now."""


async def waiting_inbox(ring: KeyRing, limit: int) -> Sequence[AnyArrival]:
    """See ``Cellar.waiting_inbox``. An event whose key was erased has lost its meaning and is not shown."""
    rows = await models.InboxEvent.all().order_by("seq").limit(limit)
    keys = await keys_of(ring, (row.scope for row in rows))
    return [
        codec.decode_arrival(keys[row.scope].open(row.sealed, f"inbox/{row.id}"))
        for row in rows
        if row.scope in keys
    ]


# ── names and texts ──────────────────────────────────────────────────────────


async def person(ring: KeyRing, matrix_id: str, fresh_id: Callable[[], str]) -> PersonId:
    """See ``Cellar.person``. A person's key is made before anything else of theirs."""
    fingerprint = (await keys_of(ring, [HOUSE]))[HOUSE].fingerprint(matrix_id)
    known = await models.Person.get_or_none(fingerprint=fingerprint)
    if known is not None:
        return PersonId(known.id)
    fresh = PersonId(fresh_id())
    scope = scope_of_person(fresh)
    wrapped = ring.fresh(scope)
    await Seal.bulk_create([Seal(scope=scope, wrapped=wrapped)])
    sealed = ring.key(scope, wrapped).seal(matrix_id.encode(), f"people/{fresh}")
    row = models.Person(id=fresh, fingerprint=fingerprint, sealed=sealed)
    await models.Person.bulk_create([row], ignore_conflicts=True)
    return PersonId((await models.Person.get(fingerprint=fingerprint)).id)


async def circle(room: str) -> CircleId | None:
    """See ``Cellar.circle``."""
    known = await models.Circle.get_or_none(room=room)
    return None if known is None else CircleId(known.id)


async def ensure_circle(room: str, name: str, fresh_id: Callable[[], str]) -> CircleId:
    """See ``Cellar.ensure_circle``; the name is brought up to date."""
    fresh = models.Circle(id=fresh_id(), room=room, name=name)
    await models.Circle.bulk_create([fresh], on_conflict=["room"], update_fields=["name"])
    return CircleId((await models.Circle.get(room=room)).id)


async def room_of(circle: CircleId) -> str:
    """See ``Cellar.room_of``."""
    known = await models.Circle.get_or_none(id=circle)
    if known is None:
        raise LookupError(f"circle {circle} is not known")
    return known.room


async def move_circle(circle: CircleId, room: str) -> bool:
    """See ``Cellar.move_circle``."""
    there = await models.Circle.get_or_none(room=room)
    if there is not None:
        return there.id == circle
    if not await models.Circle.filter(id=circle).update(room=room):
        raise LookupError(f"circle {circle} is not known")
    return True


async def circles() -> Mapping[CircleId, str]:
    """See ``Cellar.circles``."""
    return {CircleId(row.id): row.name for row in await models.Circle.all()}


async def text(ring: KeyRing, text: TextId) -> str | None:
    """See ``Cellar.text``; None too for a text whose key has been erased."""
    row = await models.TextLeaf.get_or_none(id=text)
    if row is None:
        return None
    scope = scope_of_text(row.person, row.instance)
    key = (await keys_of(ring, [scope])).get(scope)
    return None if key is None else key.open(row.sealed, f"texts/{text}").decode()


async def ended_texts(now_ms: Ms, limit: int) -> Sequence[TextId]:
    """See ``Cellar.ended_texts``."""
    rows = await models.TextLeaf.filter(until__lte=now_ms).order_by("until", "id").limit(limit).values("id")
    return [TextId(row["id"]) for row in rows]


async def texts_of(person: PersonId) -> Sequence[TextKept]:
    """See ``Cellar.texts_of``."""
    rows = (
        await models.TextLeaf.filter(person=person).order_by("until", "id").values("id", "instance", "until")
    )
    return [TextKept(TextId(row["id"]), row["instance"], row["until"]) for row in rows]


async def rows_carrying(texts: Sequence[TextId]) -> Sequence[Placed]:
    """See ``Cellar.rows_carrying``."""
    found: dict[int, Placed] = {}
    for start in range(0, len(texts), PORTION):
        carrying = models.Carried.filter(text__in=list(texts[start : start + PORTION])).values("row")
        standing = models.OutboxRow.filter(STANDS, row__in=Subquery(carrying))
        back = models.TakenBack.all().values("row")
        found |= await _placed(standing.exclude(row__in=Subquery(back)))
    return [found[seq] for seq in sorted(found)]


async def rows_sent_to(person: PersonId) -> Sequence[Placed]:
    """See ``Cellar.rows_sent_to``."""
    mine = models.OutboxRow.filter(STANDS, person=person, is_reaction=False)
    left = mine.exclude(row__in=Subquery(models.TakenBack.all().values("row"))).exclude(
        row__in=Subquery(models.TakenBack.all().values("by"))
    )
    found = await _placed(left)
    return [found[seq] for seq in sorted(found)]


async def _placed(rows: QuerySet[models.OutboxRow]) -> dict[int, Placed]:
    return {
        row["seq"]: Placed(RowId(row["row"]), _to(row["person"], row["circle_id"]))
        for row in await rows.values("seq", "row", "person", "circle_id")
    }


def _to(person: str | None, circle: str | None) -> Direct | Shared:
    return Shared(CircleId(circle or "")) if person is None else Direct(PersonId(person))


async def leaving() -> Sequence[PersonId]:
    """See ``Cellar.leaving``."""
    under_way = models.OutboxRow.filter(
        Q(due_at__not_isnull=True) | Q(lease_until__not_isnull=True),
        status="waiting",
        person__not_isnull=True,
    )
    gone = await models.Leaving.all().order_by("person").values("person")
    if not gone:
        return []
    busy = await under_way.filter(person__in=[row["person"] for row in gone]).values("person")
    held = {row["person"] for row in busy}
    return [PersonId(row["person"]) for row in gone if row["person"] not in held]


async def forget(person: PersonId) -> None:
    """Erase a person, their key first: should the rest be cut short, it is unreadable already.

    References to them stay, and lead to nobody.
    """
    mail = models.OutboxRow.filter(person=person)
    await Seal.filter(scope=scope_of_person(person)).delete()
    async with in_transaction(CELLAR):
        await models.Person.filter(id=person).delete()
        await models.DirectRoom.filter(person=person).delete()
        await models.DeskRow.filter(person=person).delete()
        await models.PartRow.filter(person=person).update(person="")
        texts = models.TextLeaf.filter(person=person)
        await models.Carried.filter(text__in=Subquery(texts.values("id"))).delete()
        await texts.delete()
        await models.JournalLine.filter(actor=f"d/{person}").delete()
        await models.TimerRow.filter(actor=f"d/{person}").delete()
        await models.InboxEvent.filter(scope=scope_of_person(person)).delete()
        await models.Quarantined.filter(scope=scope_of_person(person)).delete()
        rows = [each["row"] for each in await mail.values("row")]
        await models.Awaited.filter(row__in=rows).delete()
        await models.Carried.filter(row__in=rows).delete()
        await models.TakenBack.filter(by__in=rows).delete()
        await models.TakenBack.filter(row__in=rows).update(row="")
        await models.Leaving.filter(person=person).delete()
        await mail.delete()
        await drop_what_follows(rows)


# ── definitions and views ────────────────────────────────────────────────────


async def put_definition(definition: Definition, source: str) -> None:
    """See ``Cellar.put_definition``; the wording of a known digest is brought up to date."""
    row = models.Definition(
        digest=definition.digest,
        name=definition.name,
        language_version=definition.language_version,
        source=source,
        compiled=codec.encode(definition),
    )
    await models.Definition.bulk_create([row], on_conflict=["digest"], update_fields=["source", "compiled"])


async def definition(digest: str) -> Definition | None:
    """See ``Cellar.definition``."""
    row = await models.Definition.get_or_none(digest=digest)
    return None if row is None else codec.decode_definition(row.compiled)


async def open_instances(ring: KeyRing, circle: CircleId, of: Collection[str] | None) -> Sequence[Snapshot]:
    """See ``Cellar.open_instances``."""
    mine = models.Instance.filter(circle_id=circle, open=True)
    found = await _opened(ring, await (mine if of is None else mine.filter(definition__in=sorted(of))))
    return sorted(found, key=lambda snapshot: (snapshot.started_ms, snapshot.id))


async def _opened(ring: KeyRing, rows: Sequence[models.Instance]) -> list[Snapshot]:
    keys = await _keys(ring, (scope_of_instance(InstanceId(row.id)) for row in rows))
    return [
        codec.decode_snapshot(keys[scope].open(row.sealed, f"instances/{row.id}"))
        for row in rows
        if (scope := scope_of_instance(InstanceId(row.id))) in keys
    ]


async def instances_of(ring: KeyRing, person: PersonId) -> Sequence[Snapshot]:
    """See ``Cellar.instances_of``."""
    parts = await models.PartRow.filter(person=person).distinct().values("instance")
    names = [row["instance"] for row in parts]
    found: list[Snapshot] = []
    for start in range(0, len(names), PORTION):
        found += await _opened(ring, await models.Instance.filter(id__in=names[start : start + PORTION]))
    return sorted(found, key=lambda snapshot: (snapshot.started_ms, snapshot.id))


async def begun_by(person: PersonId, most: int) -> int:
    """See ``Cellar.begun_by``: whoever begins an instance is its ``p1``; the newest are looked at first."""
    parts = await models.PartRow.filter(person=person, ref="p1").order_by("-id").values("instance")
    names, found = [row["instance"] for row in parts], 0
    for start in range(0, len(names), PORTION):
        found += await models.Instance.filter(id__in=names[start : start + PORTION], open=True).count()
        if found >= most:
            return most
    return found


async def adopted() -> Mapping[CircleId, Mapping[str, bool]]:
    """See ``Cellar.adopted``."""
    agreed: dict[CircleId, dict[str, bool]] = {}
    for row in await models.Adopted.all().order_by("circle_id", "workflow"):
        agreed.setdefault(CircleId(row.circle_id), {})[row.workflow] = row.in_use
    return agreed


async def people_of(instance: InstanceId) -> tuple[PersonId, ...]:
    """See ``Cellar.people_of``."""
    rows = await models.PartRow.filter(instance=instance)
    return in_order({int(row.ref[1:]): PersonId(row.person) for row in rows})


async def journal(ring: KeyRing, actor: str) -> Sequence[Line]:
    """See ``Cellar.journal``; nothing remains of one whose key has been erased."""
    scope = scope_of_actor(actor)
    key = (await keys_of(ring, [scope])).get(scope)
    if key is None:
        return []
    rows = await models.JournalLine.filter(actor=actor).order_by("n")
    return [
        codec.decode_line(actor, row.n, row.at, key.open(row.sealed, f"journal/{actor}/{row.n}"))
        for row in rows
    ]


async def quarantined(ring: KeyRing) -> Sequence[SetAside]:
    """What could not be decided, oldest first."""
    rows = await models.Quarantined.all().order_by("seq")
    keys = await _keys(ring, (row.scope for row in rows))
    return [
        SetAside(
            codec.decode_arrival(keys[row.scope].open(row.sealed, f"quarantine/{row.id}")), row.error, row.at
        )
        for row in rows
        if row.scope in keys
    ]


async def kept(ring: KeyRing) -> Mapping[tuple[str, str], bytes]:
    """See ``Cellar.kept``."""
    key = (await keys_of(ring, [HOUSE]))[HOUSE]
    rows = await models.BridgeRow.all()
    opened = [
        (row.kind, *codec.decode_kept(key.open(row.sealed, f"bridge/{row.kind}/{row.key}"))) for row in rows
    ]
    return {(kind, name): value for kind, name, value in opened}


async def forget_seen(before_ms: Ms) -> int:
    """Delete the ids of arrivals dealt with before a moment; how many."""
    return await models.Seen.filter(at__lt=before_ms).delete()


async def _keys(ring: KeyRing, scopes: Iterable[str]) -> dict[str, Key]:
    """The keys of any number of scopes, asked for in portions that a statement can hold."""
    wanted = sorted(set(scopes))
    keys: dict[str, Key] = {}
    for start in range(0, len(wanted), PORTION):
        keys |= await keys_of(ring, wanted[start : start + PORTION])
    return keys
