"""The hand-written SQL of the hot path, in words SQLite and PostgreSQL share as far as they go.

A list comes in as one parameter (``json_each``), so each statement is prepared once; ``engine.store.postgres`` says how
PostgreSQL reads that. What stands behind ``--`` is for PostgreSQL alone: it holds rows that must not change before the
transaction is over. With SQLite nobody else writes meanwhile anyway.
"""

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
SEALS_HELD = f"{SEALS} -- FOR KEY SHARE"

WITHOUT_KEY = """
    SELECT person FROM (SELECT id AS person FROM people UNION SELECT person FROM desks UNION SELECT person FROM texts)
        AS everybody
    WHERE person <> '' AND NOT EXISTS (SELECT 1 FROM keys.seals s WHERE s.scope = 'p/' || person)"""
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
    WHERE instances.version = 0"""
UPDATE_INSTANCE = """
    UPDATE instances
    SET circle_id = ?, definition = ?, state = ?, version = ?, entry = ?, open = ?, sealed = ?
    WHERE id = ? AND version = ?"""
INSERT_DESK = """
    INSERT INTO desks (version, sealed, person) VALUES (?, ?, ?)
    ON CONFLICT (person) DO UPDATE SET version = excluded.version, sealed = excluded.sealed
    WHERE desks.version = 0"""
UPDATE_DESK = "UPDATE desks SET version = ?, sealed = ? WHERE person = ? AND version = ?"
INSERT_PART = "INSERT INTO parts (instance, ref, person) VALUES (?, ?, ?)"
INSERT_LINE = "INSERT INTO journal (actor, n, at, sealed) VALUES (?, ?, ?, ?)"
DELETE_TIMER = "DELETE FROM timers WHERE actor = ? AND name = ?"
DELETE_RUNG = "DELETE FROM timers WHERE actor = ? AND name = ? AND entry = ? AND due_at = ?"
SET_TIMER = """
    INSERT INTO timers (actor, name, entry, due_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (actor, name) DO UPDATE SET entry = excluded.entry, due_at = excluded.due_at, claimed_until = NULL"""
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
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', FALSE, 0)"""
CARRY = "INSERT INTO carried (row, text) VALUES (?, ?)"
TAKE_BACK = "INSERT INTO taken_back (by, row) VALUES (?, ?)"
UNCARRY_ROWS = "DELETE FROM carried WHERE row IN (SELECT value FROM json_each(?))"
LEAVE = "INSERT INTO leaving (person) VALUES (?) ON CONFLICT (person) DO NOTHING"
DROP_LEAVING = """
    UPDATE outbox SET status = 'dropped', why = ?2, lease_until = NULL
    WHERE person IN (SELECT value FROM json_each(?1)) AND status = 'waiting' AND sealed IS NULL
        AND row NOT IN (SELECT by FROM taken_back)
    RETURNING row"""
STATUS = "SELECT row, status FROM outbox WHERE row IN (SELECT value FROM json_each(?)) -- FOR SHARE"
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
    UPDATE outbox SET nudged = TRUE
    WHERE person IN (SELECT value FROM json_each(?)) AND status = 'waiting' AND lease_until IS NOT NULL"""
TO_GATHER = """
    SELECT row, parcel FROM outbox
    WHERE person = ? AND status = 'waiting' AND is_budgeted AND sealed IS NULL AND lease_until IS NULL
    ORDER BY seq LIMIT 1000000 OFFSET ?"""
GATHER = """
    UPDATE outbox SET urgency = 'quiet', is_budgeted = FALSE, rank = ?, due_at = ?, parcel = ?
    WHERE row = ? AND status = 'waiting' AND sealed IS NULL AND lease_until IS NULL"""
ECHO = """
    UPDATE outbox SET status = 'sent', event_id = ?, ended_at = ?, sealed = NULL, lease_until = NULL
    WHERE transaction_id = ? AND status <> 'sent'"""
ECHOED = """
    DELETE FROM awaited WHERE forerunner IN
        (SELECT row FROM outbox WHERE transaction_id IN (SELECT value FROM json_each(?)))"""

DUE_TIMERS = (
    "SELECT actor, name, entry, due_at FROM timers WHERE due_at <= ? ORDER BY due_at, actor, name LIMIT ?"
)
CLAIM_TIMERS = """
    UPDATE timers SET claimed_until = now_ms() + ?2 WHERE id IN (
        SELECT id FROM timers WHERE due_at <= ?1 AND (claimed_until IS NULL OR claimed_until <= now_ms())
        ORDER BY due_at, actor, name LIMIT ?3 -- FOR UPDATE SKIP LOCKED
    ) RETURNING actor, name, entry, due_at"""
NEXT_TIMER = "SELECT due_at FROM timers ORDER BY due_at, actor, name LIMIT 1"
RUNNING_DEFINITIONS = """
    WITH RECURSIVE running AS (
        SELECT (SELECT min(definition) FROM instances WHERE circle_id = ?1 AND open = TRUE) AS digest
        UNION ALL
        SELECT (
            SELECT min(definition) FROM instances
            WHERE circle_id = ?1 AND open = TRUE AND definition > running.digest)
        FROM running WHERE running.digest IS NOT NULL)
    SELECT digest FROM running"""

FILLED = "SELECT 1 FROM house WHERE id = 2"
SET_FILLED = "INSERT INTO house (id, sealed) VALUES (2, ?) ON CONFLICT (id) DO NOTHING"
PARCELS = """
    SELECT o.seq, o.row, o.scope, o.parcel, s.wrapped FROM outbox o JOIN keys.seals s ON s.scope = o.scope
    WHERE o.seq > ? AND NOT o.is_reaction AND o.status IN ('sent', 'waiting') ORDER BY o.seq LIMIT ?"""

FREE_CLAIMS = """
    UPDATE outbox SET lease_until = NULL WHERE status = 'waiting' AND lease_until IS NOT NULL AND sealed IS NULL"""
END_LEASES = "UPDATE outbox SET lease_until = NULL WHERE status = 'waiting' AND lease_until <= ?"
FREE = """
    status = 'waiting' AND due_at IS NOT NULL AND lease_until IS NULL
        AND lane NOT IN (SELECT lane FROM outbox WHERE status = 'waiting' AND lease_until IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM awaited WHERE awaited.row = outbox.row)"""
HEADS = f"""
    WITH due AS (
        SELECT seq, lane, rank, sealed IS NOT NULL AS begun,
            CASE WHEN rank <= {int(Rank.QUESTION)} THEN rank
                WHEN rank - (?1 - due_at) / {MOVES_UP_AFTER_MS} <= {int(Rank.QUESTION)} THEN {int(Rank.QUESTION)}
                ELSE rank - (?1 - due_at) / {MOVES_UP_AFTER_MS} END AS now
        FROM outbox WHERE due_at <= ?1 AND {FREE}),
    tracked AS (
        SELECT *, CASE rank WHEN {int(Rank.NOTICE)} THEN {int(Rank.QUESTION)} ELSE rank END AS track FROM due),
    placed AS (
        SELECT seq, lane, begun, min(now) OVER (PARTITION BY lane, track) AS now,
            row_number() OVER (PARTITION BY lane ORDER BY track, begun DESC, seq) AS place
        FROM tracked)
    SELECT seq, lane, now, begun FROM placed WHERE place = 1 ORDER BY now, begun DESC, seq LIMIT ?2"""  # noqa: S608 - of our own constants
LEASE = "UPDATE outbox SET lease_until = ?, nudged = FALSE WHERE seq IN (SELECT value FROM json_each(?))"
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
        attempts = attempts + ?4, nudged = FALSE,
        tried_since = CASE WHEN ?4 > 0 THEN COALESCE(tried_since, due_at) END
    WHERE row = ?5 AND status = 'waiting'"""
END_PARCEL = """
    UPDATE outbox SET status = ?, why = ?, ended_at = ?, sealed = NULL, lease_until = NULL
    WHERE row = ? AND status = 'waiting'"""
NEXT_PARCEL = f"""
    SELECT min(at) FROM (
        SELECT min(lease_until) AS at FROM outbox WHERE status = 'waiting' AND lease_until IS NOT NULL
        UNION ALL SELECT min(due_at) FROM outbox WHERE {FREE}) AS moments"""  # noqa: S608 - of our own constants
SENT_EVENT = "SELECT room, event_id FROM outbox WHERE row = ? AND event_id IS NOT NULL"
TIMELY_SENT = """
    SELECT ended_at FROM outbox
    WHERE person = ? AND status = 'sent' AND is_budgeted AND ended_at > ? ORDER BY ended_at"""
NAME = """
    SELECT p.sealed, s.wrapped FROM people p JOIN keys.seals s ON s.scope = 'p/' || p.id WHERE p.id = ?"""

HOLD_LEASE = "SELECT 1 FROM speakers WHERE account = ? AND epoch = ? -- FOR UPDATE"
MOVE = "UPDATE speakers SET moves = moves + 1 WHERE account = ? AND epoch = ? RETURNING 1"
TAKE_LEASE = """
    INSERT INTO speakers (account, holder, epoch, since, until, moves, heard)
    VALUES (?1, ?2, 1, now_ms(), now_ms() + ?3, 0, FALSE)
    ON CONFLICT (account) DO UPDATE SET holder = excluded.holder, epoch = speakers.epoch + 1, since = excluded.since,
        until = excluded.until, heard = FALSE
    WHERE speakers.until <= now_ms()
    RETURNING epoch"""
RENEW_LEASE = """
    UPDATE speakers SET until = now_ms() + ?3, heard = ?4 WHERE account = ?1 AND epoch = ?2 RETURNING epoch"""
END_LEASE = "UPDATE speakers SET until = now_ms() WHERE account = ? AND epoch = ?"
LEASE_OF = (
    "SELECT holder, epoch, now_ms() - since, until - now_ms(), moves, heard FROM speakers WHERE account = ?"
)
