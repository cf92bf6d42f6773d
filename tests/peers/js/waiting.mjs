// Waiting for something to become true, with a bound.

const PROBE_EVERY_MS = 200;
const waiters = new Set();

/**
 * Resolve with the first value of `probe` that is not undefined, or reject after `timeoutMs` with what `missing` tells.
 *
 * Probes run when the SDK reports something and every PROBE_EVERY_MS (some changes, device lists among them, come
 * with no event).
 */
export async function until(probe, timeoutMs, missing) {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
        const value = await probe();
        if (value !== undefined) return value;
        const leftMs = deadline - Date.now();
        if (leftMs <= 0) throw new Error(`timed out after ${timeoutMs} ms: ${await missing()}`);
        await new Promise((resolve) => {
            const timer = setTimeout(wake, Math.min(PROBE_EVERY_MS, leftMs));
            function wake() {
                clearTimeout(timer);
                waiters.delete(wake);
                resolve();
            }
            waiters.add(wake);
        });
    }
}

/** Let every waiter look again, after the SDK finished what it is doing. */
export const changed = () => setImmediate(() => [...waiters].forEach((wake) => wake()));
