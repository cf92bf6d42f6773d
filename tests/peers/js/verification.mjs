// Comparing keys by emoji: what a person does in their app, as commands.

import { VerificationPhase, VerifierEvent } from "matrix-js-sdk/lib/crypto-api/index.js";

import { changed, until } from "./waiting.mjs";

/** The commands of `peer.mjs` about verification; one comparison at a time. */
export function verificationCommands(crypto) {
    let request = null;
    let outcome = null;

    function follow(given) {
        request = given;
        outcome = null;
        request.on("change", changed);
    }

    /** Let the verifier do its part: accept or begin, and go on by itself until a person is needed. */
    function run(verifier) {
        verifier.on(VerifierEvent.ShowSas, changed);
        verifier.verify().then(
            () => ((outcome = "done"), changed()),
            (error) => ((outcome = String(error.message ?? error)), changed()),
        );
    }

    const phase = () => (request ? VerificationPhase[request.phase] : "none");
    const told = () => `phase ${phase()}, cancelled with ${request?.cancellationCode ?? "nothing"}, outcome ${outcome}`;
    const callbacks = () => request?.verifier?.getShowSasCallbacks() ?? undefined;

    return {
        /** Ask to compare, in a room, or with one device. */
        async verify_request({ user, room, device }) {
            follow(await (room ? crypto().requestVerificationDM(user, room) : crypto().requestDeviceVerification(user, device)));
            return { transaction: request.transactionId ?? null };
        },

        async verify_wait_phase({ phase: wanted, timeout_ms: timeoutMs }) {
            await until(() => (phase() === wanted ? true : undefined), timeoutMs, told);
            return { code: request.cancellationCode ?? null, by: request.cancellingUserId ?? null };
        },

        /** Begin with emoji ourselves. */
        async verify_start() {
            run(await request.startVerification("m.sas.v1"));
        },

        /** Wait until the other side has begun, and take it up. */
        async verify_accept({ timeout_ms: timeoutMs }) {
            run(await until(() => request.verifier, timeoutMs, told));
        },

        /** What a person sees: the emoji with their English names, and the numbers. */
        async verify_wait_strings({ timeout_ms: timeoutMs }) {
            const { sas } = await until(callbacks, timeoutMs, told);
            return { emoji: sas.emoji ?? [], decimal: sas.decimal ?? [] };
        },

        /** The person says that both are the same, or that they are not, or stops. */
        async verify_say({ word }) {
            const shown = callbacks();
            if (word === "same") await shown.confirm();
            else if (word === "different") shown.mismatch();
            else await request.cancel();
        },

        /** Wait until this app trusts the other one's identity, which its own signature has to come back for. */
        async verify_wait_trusted({ user, timeout_ms: timeoutMs }) {
            const trusted = async () => ((await crypto().getUserVerificationStatus(user)).isVerified() ? true : undefined);
            await until(trusted, timeoutMs, () => `${user} is not verified; ${told()}`);
        },

        /** The key of a device as this app knows it. */
        async device_fingerprint({ user, device }) {
            return { key: (await crypto().getUserDeviceInfo([user])).get(user)?.get(device)?.getFingerprint() ?? null };
        },

        async verify_wait_outcome({ timeout_ms: timeoutMs }) {
            return { outcome: await until(() => outcome ?? undefined, timeoutMs, told) };
        },
    };
}
