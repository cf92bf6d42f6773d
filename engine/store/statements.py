"""The hand-written SQL of the hot path. Lists come in as one JSON parameter, so each statement is prepared once."""

from engine.core.rank import MOVES_UP_AFTER_MS, Rank

LOST = "what it belongs to was not sent"
"""Why a parcel was dropped together with its forerunner."""
LEAVING = "they are leaving"
"""Why what waited for somebody who asked to be forgotten was dropped."""

SEEN = "SELECT id FROM seen WHERE id IN (SELECT value FROM json_each(?))"
INSTANCES = """
    SELECT i.id, i.sealed, s.wrapped FROM instances i JOIN keys.seals s ON s.scope = 'i/' || i.id
    WHERE i.id IN (SELECT value FROM json_each(?))"""
DESKS = """
    SELECT d.person, d.sealed, s.wrapped FROM desks d JOIN keys.seals s ON s.scope = 'p/' || d.person
    WHERE d.person IN (SELECT value FROM json_each(?))"""
PARTS = "SELECT instance, ref, person FROM parts WHERE instance IN (SELECT value FROM json_each(?))"
TARGETS = """
    SELECT o.event_id, o.row, o.scope, o.parcel, s.wrapped FROM outbox o JOIN keys.seals s ON s.scope = o.scope
    WHERE o.event_id IN (SELECT value FROM json_each(?))"""
SENT = "SELECT row FROM outbox WHERE row IN (SELECT value FROM json_each(?)) AND status = 'sent'"
LINES = "SELECT value, (SELECT max(n) FROM journal WHERE actor = value) FROM json_each(?)"
SEALS = "SELECT scope, wrapped FROM keys.seals WHERE scope IN (SELECT value FROM json_each(?))"

WITHOUT_KEY = """
    SELECT person FROM (SELECT id AS person FROM people UNION SELECT person FROM desks UNION SELECT person FROM texts)
    WHERE person <> '' AND 'p/' || person NOT IN (SELECT scope FROM keys.seals)"""
MARK = "SELECT sealed FROM house WHERE id = 1"
SET_MARK = "INSERT INTO house (id, sealed) VALUES (1, ?) ON CONFLICT (id) DO NOTHING"

INSERT_SEAL = "INSERT INTO keys.seals (scope, wrapped) VALUES (?, ?) ON CONFLICT (scope) DO NOTHING"
INSERT_SEEN = "INSERT INTO seen (id, at) VALUES (?, ?)"
INSERT_INSTANCE = """
    INSERT INTO instances (circle_id, definition, state, version, entry, open, sealed, id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET circle_id = excluded.circle_id, definition = excluded.definition,
        state = excluded.state, version = excluded.version, entry = excluded.entry, open = excluded.open,
        sealed = excluded.sealed
    WHERE version = 0"""
UPDATE_INSTANCE = """
    UPDATE instances
    SET circle_id = ?, definition = ?, state = ?, version = ?, entry = ?, open = ?, sealed = ?
    WHERE id = ? AND version = ?"""
INSERT_DESK = """
    INSERT INTO desks (version, sealed, person) VALUES (?, ?, ?)
    ON CONFLICT (person) DO UPDATE SET version = excluded.version, sealed = excluded.sealed WHERE version = 0"""
UPDATE_DESK = "UPDATE desks SET version = ?, sealed = ? WHERE person = ? AND version = ?"
INSERT_PART = "INSERT INTO parts (instance, ref, person) VALUES (?, ?, ?)"
INSERT_LINE = "INSERT INTO journal (actor, n, at, sealed) VALUES (?, ?, ?, ?)"
DELETE_TIMER = "DELETE FROM timers WHERE actor = ? AND name = ?"
SET_TIMER = """
    INSERT INTO timers (actor, name, entry, due_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (actor, name) DO UPDATE SET entry = excluded.entry, due_at = excluded.due_at"""
SET_TEXT = """
    INSERT INTO texts (id, person, instance, until, sealed) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET person = excluded.person, instance = excluded.instance,
        until = excluded.until, sealed = excluded.sealed"""
OWNERS = "SELECT person, instance FROM texts WHERE id IN (SELECT value FROM json_each(?))"
TEXT = "SELECT person, instance, sealed FROM texts WHERE id = ?"
DELETE_TEXT = "DELETE FROM texts WHERE id = ?"
END_TEXT = "UPDATE texts SET until = ? WHERE id = ?"
UNCARRY_TEXTS = "DELETE FROM carried WHERE text IN (SELECT value FROM json_each(?))"
ADOPT = """
    INSERT INTO adopted (circle_id, workflow, in_use) VALUES (?, ?, ?)
    ON CONFLICT (circle_id, workflow) DO UPDATE SET in_use = excluded.in_use"""
SET_ASIDE = """
    INSERT INTO quarantine (id, at, error, scope, sealed) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET at = excluded.at, error = excluded.error, scope = excluded.scope,
        sealed = excluded.sealed"""
INSERT_INBOX = "INSERT INTO inbox (id, scope, sealed) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"
DELETE_INBOX = "DELETE FROM inbox WHERE id = ?"
DELETE_KEPT = "DELETE FROM bridge WHERE kind = ? AND key = ?"
SET_KEPT = """
    INSERT INTO bridge (kind, key, sealed) VALUES (?, ?, ?)
    ON CONFLICT (kind, key) DO UPDATE SET sealed = excluded.sealed"""

INSERT_PARCEL = """
    INSERT INTO outbox (row, transaction_id, lane, scope, person, circle_id, about, urgency, is_reaction,
        is_budgeted, rank, not_before, due_at, parcel, status, nudged, attempts)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0)"""
CARRY = "INSERT INTO carried (row, text) VALUES (?, ?)"
TAKE_BACK = "INSERT INTO taken_back (by, row) VALUES (?, ?)"
UNCARRY_ROWS = "DELETE FROM carried WHERE row IN (SELECT value FROM json_each(?))"
LEAVE = "INSERT INTO leaving (person) VALUES (?) ON CONFLICT (person) DO NOTHING"
DROP_LEAVING = """
    UPDATE outbox SET status = 'dropped', why = ?2, lease_until = NULL
    WHERE person IN (SELECT value FROM json_each(?1)) AND status = 'waiting' AND sealed IS NULL
        AND row NOT IN (SELECT by FROM taken_back)
    RETURNING row"""
STATUS = "SELECT row, status FROM outbox WHERE row IN (SELECT value FROM json_each(?))"
INSERT_AWAITED = "INSERT INTO awaited (row, forerunner) VALUES (?, ?)"
DELETE_AWAITED = "DELETE FROM awaited WHERE row IN (SELECT value FROM json_each(?))"
WITHDRAW = """
    UPDATE outbox SET status = 'dropped', why = 'withdrawn', lease_until = NULL
    WHERE row IN (SELECT value FROM json_each(?)) AND status = 'waiting' AND sealed IS NULL
    RETURNING row"""
DROP_FOLLOWERS = """
    UPDATE outbox SET status = 'dropped', why = ?2, lease_until = NULL
    WHERE row IN (SELECT row FROM awaited WHERE forerunner IN (SELECT value FROM json_each(?1)))
        AND status = 'waiting' AND sealed IS NULL
    RETURNING row"""
RELEASE = """
    UPDATE outbox SET due_at = not_before
    WHERE person IN (SELECT value FROM json_each(?)) AND status = 'waiting' AND lease_until IS NULL"""
NUDGE = """
    UPDATE outbox SET nudged = 1
    WHERE person IN (SELECT value FROM json_each(?)) AND status = 'waiting' AND lease_until IS NOT NULL"""
TO_GATHER = """
    SELECT row, parcel FROM outbox
    WHERE person = ? AND status = 'waiting' AND is_budgeted AND sealed IS NULL AND lease_until IS NULL
    ORDER BY seq LIMIT -1 OFFSET ?"""
GATHER = (
    "UPDATE outbox SET urgency = 'quiet', is_budgeted = 0, rank = ?, due_at = ?, parcel = ? WHERE row = ?"
)
ECHO = """
    UPDATE outbox SET status = 'sent', event_id = ?, ended_at = ?, sealed = NULL, lease_until = NULL
    WHERE transaction_id = ? AND status <> 'sent'"""
ECHOED = """
    DELETE FROM awaited WHERE forerunner IN
        (SELECT row FROM outbox WHERE transaction_id IN (SELECT value FROM json_each(?)))"""

FILLED = "SELECT 1 FROM house WHERE id = 2"
SET_FILLED = "INSERT INTO house (id, sealed) VALUES (2, ?) ON CONFLICT (id) DO NOTHING"
PARCELS = """
    SELECT o.seq, o.row, o.scope, o.parcel, s.wrapped FROM outbox o JOIN keys.seals s ON s.scope = o.scope
    WHERE o.seq > ? AND NOT o.is_reaction AND o.status IN ('sent', 'waiting') ORDER BY o.seq LIMIT ?"""

END_LEASES = "UPDATE outbox SET lease_until = NULL WHERE status = 'waiting' AND lease_until <= ?"
FREE = """
    status = 'waiting' AND due_at IS NOT NULL AND lease_until IS NULL
        AND lane NOT IN (SELECT lane FROM outbox WHERE status = 'waiting' AND lease_until IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM awaited WHERE awaited.row = outbox.row)"""
HEADS = f"""
    WITH due AS (
        SELECT seq, lane, rank, sealed IS NOT NULL AS begun,
            CASE WHEN rank <= {int(Rank.QUESTION)} THEN rank
                ELSE max({int(Rank.QUESTION)}, rank - (?1 - due_at) / {MOVES_UP_AFTER_MS}) END AS now
        FROM outbox WHERE due_at <= ?1 AND {FREE}),
    tracked AS (
        SELECT *, iif(rank = {int(Rank.NOTICE)}, {int(Rank.QUESTION)}, rank) AS track FROM due),
    placed AS (
        SELECT seq, lane, begun, min(now) OVER (PARTITION BY lane, track) AS now,
            row_number() OVER (PARTITION BY lane ORDER BY track, begun DESC, seq) AS place
        FROM tracked)
    SELECT seq, lane, now, begun FROM placed WHERE place = 1 ORDER BY now, begun DESC, seq LIMIT ?2"""  # noqa: S608 - of our own constants
LEASE = "UPDATE outbox SET lease_until = ?, nudged = 0 WHERE seq IN (SELECT value FROM json_each(?))"
JOURNEYS = """
    SELECT o.seq, o.row, o.transaction_id, o.attempts, o.room, o.scope, o.parcel, o.sealed, s.wrapped
    FROM outbox o LEFT JOIN keys.seals s ON s.scope = o.scope
    WHERE o.seq IN (SELECT value FROM json_each(?))"""
TO_SEAL = """
    SELECT o.scope, o.status, o.person, o.about, s.wrapped
    FROM outbox o JOIN keys.seals s ON s.scope = o.scope WHERE o.row = ?"""
KEEP_SEALED = "UPDATE outbox SET room = ?, sealed = ? WHERE row = ? AND status = 'waiting'"
REMEMBER_ROOM = """
    INSERT INTO direct_rooms (room, person, circle_id) VALUES (?, ?, (SELECT circle_id FROM instances WHERE id = ?))
    ON CONFLICT (room) DO NOTHING"""
MARK_SENT = """
    UPDATE outbox SET status = 'sent', event_id = ?, ended_at = ?, sealed = NULL, lease_until = NULL
    WHERE row = ? AND status <> 'sent'"""
FOLLOWED = "DELETE FROM awaited WHERE forerunner = ?"
POSTPONE = """
    UPDATE outbox SET due_at = CASE WHEN nudged AND ?1 THEN not_before ELSE ?2 END, lease_until = NULL, why = ?3,
        attempts = attempts + ?4, nudged = 0
    WHERE row = ?5 AND status = 'waiting'"""
END_PARCEL = """
    UPDATE outbox SET status = ?, why = ?, ended_at = ?, sealed = NULL, lease_until = NULL
    WHERE row = ? AND status = 'waiting'"""
NEXT_PARCEL = f"""
    SELECT min(at) FROM (
        SELECT min(lease_until) AS at FROM outbox WHERE status = 'waiting' AND lease_until IS NOT NULL
        UNION ALL SELECT min(due_at) FROM outbox WHERE {FREE})"""  # noqa: S608 - of our own constants
SENT_EVENT = "SELECT room, event_id FROM outbox WHERE row = ? AND event_id IS NOT NULL"
TIMELY_SENT = """
    SELECT ended_at FROM outbox
    WHERE person = ? AND status = 'sent' AND is_budgeted AND ended_at > ? ORDER BY ended_at"""
NAME = """
    SELECT p.sealed, s.wrapped FROM people p JOIN keys.seals s ON s.scope = 'p/' || p.id WHERE p.id = ?"""
