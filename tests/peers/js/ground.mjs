// What must be in place before matrix-js-sdk is loaded: imported first, for its effect.

import { webcrypto } from "node:crypto";

// matrix-js-sdk 43 asks for Node 22. What it really uses and older Nodes lack are these two: Node 18 (Debian 12) has no
// global crypto, Node 20 no Promise.withResolvers.
globalThis.crypto ??= webcrypto;
Promise.withResolvers ??= function withResolvers() {
    let resolve, reject;
    const promise = new this((resolved, rejected) => {
        resolve = resolved;
        reject = rejected;
    });
    return { promise, resolve, reject };
};

// stdout carries only the JSON lines of the protocol: what the SDK and its wasm print goes to stderr.
for (const level of ["log", "info", "debug", "trace"]) console[level] = console.error;
