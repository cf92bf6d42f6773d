// An independent encrypted Matrix client for tests: matrix-js-sdk with its Rust crypto, driven by JSON lines.
//
// stdin   {"id": 1, "command": "send", "room": "!…", "body": "…"}
// stdout  {"id": 1, "answer": …} or {"id": 1, "error": "…"}, and unasked: {"event": "message" | "reaction" |
//         "redaction" | "edit" | "invite" | "joined" | "fault", …}
// stderr  whatever the SDK logs
//
// All state lives in memory and ends with the process; the process ends with `stop` or when stdin closes.

import "./ground.mjs";

import { createInterface } from "node:readline";

import * as sdk from "matrix-js-sdk";
import {
    AllDevicesIsolationMode,
    CryptoEvent,
    OnlySignedDevicesIsolationMode,
    decodeRecoveryKey,
} from "matrix-js-sdk/lib/crypto-api/index.js";

import { verificationCommands } from "./verification.mjs";
import { pollCommands } from "./polls.mjs";
import { isMessage, isSettled, relation, viewMessage, viewReactions } from "./view.mjs";
import { changed, until } from "./waiting.mjs";

const START_TIMEOUT_MS = 30_000;
const TIMELINE_EVENTS = 200;

let client = null;
let password = null;
let autojoin = false;
let stopping = false;
/** Secret storage keys of this run, by key id; `offered` is a recovery key given by `recover`, its id not yet known. */
const storageKeys = { byId: new Map(), offered: null };

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

function describe(error) {
    if (error instanceof sdk.MatrixError) return `${error.errcode ?? error.name} (HTTP ${error.httpStatus}): ${error.message}`;
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function fault(where, error) {
    console.error(where, error);
    if (!stopping) say({ event: "fault", where, error: describe(error) });
}

// ---------------------------------------------------------------------------------------------- rooms

function crypto() {
    if (client === null) throw new Error("not logged in: send `login` first");
    return client.getCrypto();
}

/** A joined room whose state has arrived, or undefined. */
function readyRoom(roomId) {
    const room = client.getRoom(roomId);
    const created = room?.currentState.getStateEvents("m.room.create", "");
    return created && room.getMyMembership() === "join" ? room : undefined;
}

function joinedRoom(roomId) {
    crypto();
    const room = readyRoom(roomId);
    if (!room) throw new Error(`not in room ${roomId} (membership ${client.getRoom(roomId)?.getMyMembership() ?? "none"})`);
    return room;
}

async function joinAndSettle(roomId, timeoutMs = START_TIMEOUT_MS) {
    const { roomId: joinedId } = await client.joinRoom(roomId);
    await until(() => readyRoom(joinedId), timeoutMs, () => `the state of ${joinedId} did not arrive`);
    return joinedId;
}

function acceptInvite(room) {
    joinAndSettle(room.roomId).then(
        (roomId) => say({ event: "joined", room: roomId }),
        (error) => fault(`autojoin ${room.roomId}`, error),
    );
}

function invites() {
    return client
        .getRooms()
        .filter((room) => room.getMyMembership() === "invite")
        .map((room) => viewInvite(room));
}

function viewInvite(room) {
    const member = room.currentState.getStateEvents("m.room.member", client.getUserId());
    return { room: room.roomId, inviter: member?.getSender() ?? null, direct: member?.getContent().is_direct === true };
}

async function messages(room) {
    const events = room.getLiveTimeline().getEvents();
    await Promise.all(events.map((event) => client.decryptEventIfNeeded(event)));
    return Promise.all(events.filter(isMessage).map((event) => viewMessage(client, room, event)));
}

/** What a failed wait may tell: ids and reasons, never what people wrote. */
async function seen(room) {
    const lines = (await messages(room)).map((message) => {
        const state = message.failure ?? (message.encrypted ? (message.decrypted ? "read" : "pending") : "plain");
        return `${message.event_id} ${message.sender} ${state}`;
    });
    return `seen in ${room.roomId}: ${lines.length ? lines.slice(-20).join("; ") : "nothing"}`;
}

async function sendMessage(room, content) {
    if (!room.hasEncryptionStateEvent()) {
        throw new Error(`room ${room.roomId} is not encrypted: this peer sends no plain messages`);
    }
    // The crypto learns of it a little later than the room.
    const enabled = async () => ((await crypto().isEncryptionEnabledInRoom(room.roomId)) ? true : undefined);
    await until(enabled, START_TIMEOUT_MS, () => `the crypto was not told that ${room.roomId} is encrypted`);
    return (await client.sendMessage(room.roomId, content)).event_id;
}

// ---------------------------------------------------------------------------------------------- what is told unasked

async function tell(event) {
    changed();
    const room = client.getRoom(event.getRoomId());
    if (!room || event.isState() || event.getSender() === client.getUserId()) return;
    const base = { room: room.roomId, event_id: event.getId(), sender: event.getSender() };
    const related = relation(event);
    if (event.getType() === "m.reaction") {
        say({ event: "reaction", ...base, target: related.event_id ?? null, key: related.key ?? null });
    } else if (event.isRedaction()) {
        say({ event: "redaction", ...base, target: event.event.redacts ?? event.getContent().redacts ?? null });
    } else if (isMessage(event)) {
        say({ event: "message", ...(await viewMessage(client, room, event)) });
    } else if (related.rel_type === "m.replace") {
        say({ event: "edit", ...base, target: related.event_id });
    }
}

function listen() {
    const told = (event) => tell(event).catch((error) => fault(`event ${event.getId()}`, error));
    client.on(sdk.RoomEvent.Timeline, (event, _room, toStart) => {
        // An encrypted event is told about by Decrypted, which fires for every attempt, also failed ones.
        if (toStart || (event.isEncrypted() && !event.isRedacted())) changed();
        else told(event);
    });
    client.on(sdk.MatrixEventEvent.Decrypted, told);
    const stirring = [
        sdk.ClientEvent.Sync,
        sdk.RoomEvent.Redaction,
        sdk.RoomEvent.LocalEchoUpdated,
        sdk.RoomStateEvent.Events,
        sdk.MatrixEventEvent.Replaced,
        CryptoEvent.DevicesUpdated,
    ];
    for (const name of stirring) client.on(name, changed);
    client.on(sdk.RoomEvent.MyMembership, (room, membership) => {
        changed();
        if (membership !== "invite") return;
        // The invite's own state is applied after this event.
        setImmediate(() => say({ event: "invite", ...viewInvite(room) }));
        if (autojoin) acceptInvite(room);
    });
}

// ---------------------------------------------------------------------------------------------- secrets

const cryptoCallbacks = {
    getSecretStorageKey: async ({ keys }) => {
        for (const keyId of Object.keys(keys)) {
            const known = storageKeys.byId.get(keyId);
            if (known) return [keyId, known];
        }
        return storageKeys.offered ? [Object.keys(keys)[0], storageKeys.offered] : null;
    },
    cacheSecretStorageKey: (keyId, _info, key) => storageKeys.byId.set(keyId, key),
};

/** User-interactive auth with the account's password; asked for only where the homeserver wants it. */
async function withPassword(makeRequest) {
    try {
        return await makeRequest(null);
    } catch (error) {
        if (error.httpStatus !== 401 || !error.data?.flows) throw error;
        const identifier = { type: "m.id.user", user: client.getUserId() };
        return await makeRequest({ type: "m.login.password", identifier, password, session: error.data.session });
    }
}

async function bootstrap({ secret_storage: secretStorage = false, replace = false }) {
    const known = await crypto().userHasCrossSigningKeys(client.getUserId(), true);
    if (known && !replace && !(await crypto().isCrossSigningReady())) {
        throw new Error("the account has cross-signing keys that this device does not hold: use `recover`, or `replace`");
    }
    await crypto().bootstrapCrossSigning({ setupNewCrossSigning: replace, authUploadDeviceSigningKeys: withPassword });
    let recoveryKey = null;
    if (secretStorage) {
        const key = await crypto().createRecoveryKeyFromPassphrase();
        await crypto().bootstrapSecretStorage({ createSecretStorageKey: async () => key, setupNewSecretStorage: true });
        recoveryKey = key.encodedPrivateKey;
    }
    await ownDeviceSigned();
    return { recovery_key: recoveryKey };
}

async function ownDeviceSigned() {
    const [user, device] = [client.getUserId(), client.getDeviceId()];
    await until(
        async () => ((await deviceTrust(user, device))?.signed_by_owner ? true : undefined),
        START_TIMEOUT_MS,
        () => `own device ${device} is not signed by its owner`,
    );
}

/** What is known of a device; undefined while it is unknown. Only members of shared encrypted rooms are followed. */
async function deviceTrust(user, device) {
    const status = await crypto().getDeviceVerificationStatus(user, device);
    if (status === null) return undefined;
    return {
        signed_by_owner: status.signedByOwner,
        cross_signing_verified: status.crossSigningVerified,
        locally_verified: status.localVerified,
        verified: status.isVerified(),
    };
}

async function login({ homeserver, user, password: given, device_name: deviceName = "js peer" }) {
    if (client !== null) throw new Error("already logged in");
    password = given;
    const answer = await sdk.createClient({ baseUrl: homeserver }).loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user },
        password,
        initial_device_display_name: deviceName,
    });
    const { user_id: userId, device_id: deviceId, access_token: accessToken } = answer;
    client = sdk.createClient({ baseUrl: homeserver, userId, deviceId, accessToken, cryptoCallbacks });
    await client.initRustCrypto({ useIndexedDB: false });
    listen();
    await client.startClient({ initialSyncLimit: TIMELINE_EVENTS });
    const synced = () => (client.isInitialSyncComplete() ? true : undefined);
    await until(synced, START_TIMEOUT_MS, () => `no first sync (state ${client.getSyncState()})`);
    // Others may send as soon as we answer: only when the server knows our device do they encrypt for it.
    const published = async () =>
        (await client.downloadKeysForUsers([userId])).device_keys[userId]?.[deviceId] ? true : undefined;
    await until(published, START_TIMEOUT_MS, () => `device keys of ${deviceId} were not uploaded`);
    return { user_id: userId, device_id: deviceId };
}

// ---------------------------------------------------------------------------------------------- commands

const commands = {
    login,
    bootstrap,

    /** Exclude devices that their owner has not signed, or, with `on: false`, include them again. */
    strict({ on = true }) {
        crypto().setDeviceIsolationMode(on ? new OnlySignedDevicesIsolationMode() : new AllDevicesIsolationMode(false));
        return { strict: on };
    },

    /** Sign this device with the account's keys out of secret storage. */
    async recover({ recovery_key: recoveryKey }) {
        storageKeys.offered = decodeRecoveryKey(recoveryKey);
        const refuse = async () => {
            throw new Error("secret storage does not hold all three cross-signing keys; nothing was replaced");
        };
        for (const name of ["master", "self_signing", "user_signing"]) {
            if (!(await client.secretStorage.get(`m.cross_signing.${name}`))) await refuse();
        }
        await crypto().userHasCrossSigningKeys(client.getUserId(), true);
        await crypto().bootstrapCrossSigning({ authUploadDeviceSigningKeys: refuse });
        await ownDeviceSigned();
        return {};
    },

    /** Take in the account's backed-up room keys, whose key lies in secret storage. */
    async restore_backup({ recovery_key: recoveryKey }) {
        storageKeys.offered = decodeRecoveryKey(recoveryKey);
        await crypto().loadSessionBackupPrivateKeyFromSecretStorage();
        const { total, imported } = await crypto().restoreKeyBackup();
        const enabled = await crypto().checkKeyBackupAndEnable();
        return { total, imported, trusted: enabled?.trustInfo.trusted ?? false };
    },

    /** Give room keys only to devices that this user has verified, and tell the others so. */
    async withhold({ on }) {
        crypto().globalBlacklistUnverifiedDevices = on;
        return {};
    },

    /** From the next message on, use another key in a room. */
    async turn_key({ room: roomId }) {
        await crypto().forceDiscardSession(joinedRoom(roomId).roomId);
    },

    /** `turns_after` is the number of messages after which the room wants each sender's key turned. */
    async create_room({ invite = [], name, direct = false, turns_after: turnsAfter }) {
        crypto();
        const turning = turnsAfter ? { rotation_period_msgs: turnsAfter } : {};
        const content = { algorithm: "m.megolm.v1.aes-sha2", ...turning };
        const encryption = { type: "m.room.encryption", state_key: "", content };
        const options = { preset: "private_chat", invite, name, is_direct: direct, initial_state: [encryption] };
        const { room_id: roomId } = await client.createRoom(options);
        // A sync that runs meanwhile may bring the room half made.
        const encrypted = () => (readyRoom(roomId)?.hasEncryptionStateEvent() ? true : undefined);
        await until(encrypted, START_TIMEOUT_MS, () => `the state of ${roomId} did not arrive`);
        return { room: roomId };
    },

    async invite({ room, user }) {
        await client.invite(joinedRoom(room).roomId, user);
    },

    async join({ room }) {
        crypto();
        return { room: await joinAndSettle(room) };
    },

    /** Join every invite, waiting and to come; each is told as a "joined" event. */
    autojoin({ on = true }) {
        crypto();
        autojoin = on;
        if (on) client.getRooms().filter((room) => room.getMyMembership() === "invite").forEach(acceptInvite);
        return { autojoin: on };
    },

    async wait_joined({ room, timeout_ms: timeoutMs }) {
        crypto();
        const membership = () => client.getRoom(room)?.getMyMembership() ?? "none";
        await until(() => readyRoom(room), timeoutMs, () => `not in room ${room} (membership ${membership()})`);
        return {};
    },

    /** Wait until `user` is a joined member as far as this peer knows: from then on it shares keys with them. */
    async wait_member({ room, user, timeout_ms: timeoutMs }) {
        const membership = () => joinedRoom(room).getMember(user)?.membership ?? "none";
        await until(
            () => (membership() === "join" ? true : undefined),
            timeoutMs,
            () => `${user} has membership ${membership()} in ${room}`,
        );
        return {};
    },

    async wait_invite({ inviter, timeout_ms: timeoutMs }) {
        crypto();
        const match = () => invites().find((invite) => !inviter || invite.inviter === inviter);
        return until(match, timeoutMs, () => `invites: ${JSON.stringify(invites())}`);
    },

    async rooms() {
        crypto();
        const joined = client.getRooms().filter((room) => room.getMyMembership() === "join");
        return Promise.all(
            joined.map(async (room) => ({
                room: room.roomId,
                name: room.name,
                encrypted: await crypto().isEncryptionEnabledInRoom(room.roomId),
                members: room.getJoinedMembers().map((member) => member.userId),
            })),
        );
    },

    invites() {
        crypto();
        return invites();
    },

    async send({ room: roomId, body, reply_to: replyTo }) {
        const content = { msgtype: "m.text", body, "m.mentions": {} };
        if (replyTo) content["m.relates_to"] = { "m.in_reply_to": { event_id: replyTo } };
        return { event_id: await sendMessage(joinedRoom(roomId), content) };
    },

    /** A message as some app makes it: quotes, pills, threads. */
    async send_content({ room: roomId, content }) {
        return { event_id: await sendMessage(joinedRoom(roomId), { msgtype: "m.text", "m.mentions": {}, ...content }) };
    },

    async edit({ room: roomId, event_id: eventId, body }) {
        const content = { msgtype: "m.text", body, "m.mentions": {} };
        const relates = { "m.relates_to": { rel_type: "m.replace", event_id: eventId } };
        const edit = { ...content, body: `* ${body}`, "m.new_content": content, ...relates };
        return { event_id: await sendMessage(joinedRoom(roomId), edit) };
    },

    async react({ room: roomId, event_id: eventId, key }) {
        const relates = { rel_type: "m.annotation", event_id: eventId, key };
        return await client.sendEvent(joinedRoom(roomId).roomId, "m.reaction", { "m.relates_to": relates });
    },

    async redact({ room: roomId, event_id: eventId }) {
        return await client.redactEvent(joinedRoom(roomId).roomId, eventId);
    },

    /** Every message of a room, oldest first; `at_least` reaches back that many timeline events. */
    async messages({ room: roomId, at_least: atLeast = 0 }) {
        const room = joinedRoom(roomId);
        const held = () => room.getLiveTimeline().getEvents().length;
        for (let before = -1; held() < atLeast && held() !== before; ) {
            before = held();
            await client.scrollback(room, TIMELINE_EVENTS);
        }
        return messages(room);
    },

    /** The first message of a room, or the first behind the message `after`, that could be read and fits. */
    async wait_message({ room: roomId, sender, contains = "", after, timeout_ms: timeoutMs }) {
        const room = joinedRoom(roomId);
        const fits = (message) => (!sender || message.sender === sender) && message.body?.includes(contains);
        const find = async () => {
            const all = await messages(room);
            const start = after ? all.findIndex((message) => message.event_id === after) : -1;
            return after && start < 0 ? undefined : all.slice(start + 1).find(fits);
        };
        return until(find, timeoutMs, () => seen(room));
    },

    /** One event by id, once nothing more will be learned about it: readable, or refused for good. */
    async wait_event({ room: roomId, event_id: eventId, timeout_ms: timeoutMs }) {
        const room = joinedRoom(roomId);
        const settled = async () => {
            const event = room.findEventById(eventId);
            if (!event) return undefined;
            await client.decryptEventIfNeeded(event);
            return isSettled(event) ? viewMessage(client, room, event) : undefined;
        };
        return until(settled, timeoutMs, () => seen(room));
    },

    async wait_redacted({ room: roomId, event_id: eventId, timeout_ms: timeoutMs }) {
        const room = joinedRoom(roomId);
        const redacted = () => (room.findEventById(eventId)?.isRedacted() ? {} : undefined);
        return until(redacted, timeoutMs, () => `${eventId} is ${room.findEventById(eventId) ? "not redacted" : "unknown"}`);
    },

    async wait_reaction({ room: roomId, event_id: eventId, sender, key, timeout_ms: timeoutMs }) {
        const room = joinedRoom(roomId);
        const fits = (reaction) => (!sender || reaction.sender === sender) && (!key || reaction.key === key);
        const placed = () => JSON.stringify(viewReactions(room, eventId));
        return until(() => viewReactions(room, eventId).find(fits), timeoutMs, () => `reactions: ${placed()}`);
    },

    /** What is known of a device; waits until it is known at all, or, with `signed`, until its owner signed it. */
    async device_trust({ user, device, signed = false, timeout_ms: timeoutMs = 0 }) {
        let latest;
        const probe = async () => {
            latest = await deviceTrust(user, device);
            return latest && (latest.signed_by_owner || !signed) ? latest : undefined;
        };
        return until(probe, timeoutMs, async () => {
            if (latest) return `device ${device} of ${user} is not signed by its owner`;
            const followed = (await crypto().getUserDeviceInfo([user])).has(user);
            return followed ? `${user} has no device ${device}` : `no encrypted room is shared with ${user}`;
        });
    },

    async user_trust({ user }) {
        const keys = await crypto().userHasCrossSigningKeys(user, true);
        const status = await crypto().getUserVerificationStatus(user);
        return {
            has_cross_signing_keys: keys,
            known: status.known,
            verified: status.isVerified(),
            cross_signing_verified: status.isCrossSigningVerified(),
            was_cross_signing_verified: status.wasCrossSigningVerified(),
            needs_user_approval: status.needsUserApproval,
        };
    },
};

Object.assign(commands, verificationCommands(crypto));
Object.assign(commands, pollCommands({ getClient: () => client, joinedRoom }));

// ---------------------------------------------------------------------------------------------- lines

function stop() {
    stopping = true;
    client?.stopClient();
    // Writes to a pipe are synchronous on POSIX: everything said has left.
    process.exit(0);
}

async function handle(line) {
    let id = null;
    try {
        const { id: given, command, ...parameters } = JSON.parse(line);
        id = given;
        if (command === "stop") {
            say({ id, answer: {} });
            stop();
        }
        if (!Object.hasOwn(commands, command)) throw new Error(`unknown command ${command}; known: ${Object.keys(commands).join(", ")}, stop`);
        say({ id, answer: (await commands[command](parameters)) ?? {} });
    } catch (error) {
        console.error(`command ${id}`, error);
        say({ id, error: describe(error) });
    }
}

process.on("unhandledRejection", (error) => fault("unhandled rejection", error));
process.on("uncaughtException", (error) => {
    fault("uncaught exception", error);
    process.exit(1);
});

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on("line", (line) => void handle(line));
lines.on("close", stop);
