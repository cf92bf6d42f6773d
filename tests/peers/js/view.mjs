// What the peer tells about an event: plain JSON, read off the SDK's objects.

import { DecryptionFailureCode, EventShieldColour, EventShieldReason } from "matrix-js-sdk/lib/crypto-api/index.js";

/** The relation of an event as it stands on the wire (encrypted events carry it in clear). */
export function relation(event) {
    return event.getWireContent()["m.relates_to"] ?? event.getContent()["m.relates_to"] ?? {};
}

/** Whether an event is something a person would see as a message of its own. */
export function isMessage(event) {
    if (event.isState() || event.isRedaction()) return false;
    if (event.isDecryptionFailure()) return true;
    if (!["m.room.message", "m.room.encrypted"].includes(event.getType())) return false;
    return relation(event).rel_type !== "m.replace";
}

/** Whether nothing more will be learned about an event: readable, or refused for a reason that a late key cannot change. */
export function isSettled(event) {
    if (!event.isEncrypted() || event.isRedacted()) return true;
    if (event.isDecryptionFailure()) {
        return event.decryptionFailureReason !== DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID;
    }
    return event.getClearContent() !== null;
}

async function viewShield(crypto, event) {
    const info = event.isEncrypted() ? await crypto.getEncryptionInfoForEvent(event) : null;
    if (info === null) return null;
    return {
        colour: EventShieldColour[info.shieldColour],
        reason: info.shieldReason === null ? null : EventShieldReason[info.shieldReason],
    };
}

/** The unredacted reactions to an event, oldest first: `[{event_id, sender, key}]`. */
export function viewReactions(room, eventId) {
    const relations = room.relations.getChildEventsForEvent(eventId, "m.annotation", "m.reaction");
    return (relations?.getRelations() ?? [])
        .filter((reaction) => !reaction.isRedacted())
        .sort((a, b) => a.getTs() - b.getTs())
        .map((reaction) => ({
            event_id: reaction.getId(),
            sender: reaction.getSender(),
            key: reaction.getRelation()?.key ?? "",
        }));
}

/**
 * A message as the peer reads it, edits applied.
 *
 * `decrypted` is true only for an encrypted message that could be read; `encrypted` tells the two kinds of false apart.
 * `body`, `content` are null where it could not be read or was redacted.
 */
export async function viewMessage(client, room, event) {
    await client.decryptEventIfNeeded(event);
    const edit = event.replacingEvent();
    if (edit) await client.decryptEventIfNeeded(edit);
    const failed = event.isDecryptionFailure();
    const readable = !failed && !event.isRedacted() && event.getType() !== "m.room.encrypted";
    const content = readable ? event.getContent() : null;
    const related = relation(event);
    return {
        room: room.roomId,
        event_id: event.getId(),
        sender: event.getSender(),
        sent_at_ms: event.getTs(),
        body: content?.body ?? null,
        content,
        encrypted: event.isEncrypted(),
        decrypted: readable && event.isEncrypted(),
        failure: failed ? (event.decryptionFailureReason ?? DecryptionFailureCode.UNKNOWN_ERROR) : null,
        shield: await viewShield(client.getCrypto(), event),
        edited: edit !== null && edit !== undefined,
        edit_shield: edit ? await viewShield(client.getCrypto(), edit) : null,
        redacted: event.isRedacted(),
        reply_to: related["m.in_reply_to"]?.event_id ?? null,
        replaces: related.rel_type === "m.replace" ? related.event_id : null,
        thread: related.rel_type === "m.thread" ? related.event_id : null,
        session: event.getWireContent().session_id ?? null,
        reactions: viewReactions(room, event.getId()),
    };
}
