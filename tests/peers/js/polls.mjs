// Polls as matrix-js-sdk understands them: what it reads of one, whether it counts as closed, and voting in it.

import { PollResponseEvent } from "matrix-js-sdk/lib/extensible_events_v1/PollResponseEvent.js";
import { M_POLL_KIND_DISCLOSED, M_POLL_START } from "matrix-js-sdk/lib/@types/polls.js";

import { until } from "./waiting.mjs";

const ENABLED_TIMEOUT_MS = 30_000;

/** The votes that stand, by the SDK's own count of what came in: the newest of each sender, in its own order. */
async function votesIn(poll) {
    const responses = (await poll.getResponses()).getRelations().filter((event) => !event.isRedacted());
    const votes = {};
    for (const event of responses.sort((a, b) => a.getTs() - b.getTs())) {
        const answers = event.unstableExtensibleEvent?.answerIds ?? [];
        votes[event.getSender()] = answers;
    }
    return votes;
}

async function viewPoll(client, room, event) {
    await client.decryptEventIfNeeded(event);
    if (!M_POLL_START.matches(event.getType())) return null;
    const start = event.unstableExtensibleEvent;
    const poll = room.polls.get(event.getId());
    if (!start || !poll) return null;
    return {
        event_id: event.getId(),
        sender: event.getSender(),
        question: start.question.text,
        answers: start.answers.map((answer) => ({ id: answer.id, text: answer.text })),
        disclosed: M_POLL_KIND_DISCLOSED.matches(start.rawKind) && start.kind.matches(start.rawKind),
        most_answers: start.maxSelections,
        encrypted: event.isEncrypted(),
        ended: poll.isEnded,
        votes: await votesIn(poll),
    };
}

/** The commands, for a peer whose client and rooms are found by these functions. */
export function pollCommands({ getClient, joinedRoom }) {
    return {
        /** Vote as an app does; no answers take the vote back. */
        async vote({ room: roomId, poll, answers = [] }) {
            const [client, room] = [getClient(), joinedRoom(roomId)];
            const enabled = async () =>
                (await client.getCrypto().isEncryptionEnabledInRoom(room.roomId)) ? true : undefined;
            await until(enabled, ENABLED_TIMEOUT_MS, () => `the crypto was not told that ${room.roomId} is encrypted`);
            const { type, content } = PollResponseEvent.from(answers, poll).serialize();
            if (answers.length === 0) content[type] = { answers: [] };
            return await client.sendEvent(room.roomId, type, content);
        },

        /** The newest poll whose question holds the text; with `ended`, once it counts as closed. */
        async wait_poll({ room: roomId, contains = "", ended = false, timeout_ms: timeoutMs }) {
            const [client, room] = [getClient(), joinedRoom(roomId)];
            let known = [];
            const find = async () => {
                const events = room.getLiveTimeline().getEvents();
                known = (await Promise.all(events.map((event) => viewPoll(client, room, event)))).filter(Boolean);
                return known.reverse().find((poll) => poll.question.includes(contains) && (!ended || poll.ended));
            };
            return until(find, timeoutMs, () => `${known.length} polls in ${room.roomId}, none that fits`);
        },
    };
}
