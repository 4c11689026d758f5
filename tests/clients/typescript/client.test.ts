// Runs against the server at ROLLBOOK_URL, whose admin is ADMIN_EMAIL with ADMIN_PASSWORD.
import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { Rollbook, RollbookError, type Tokens } from "rollbook-client";

const { ROLLBOOK_URL = "", ADMIN_EMAIL = "", ADMIN_PASSWORD = "" } = process.env;
const password = "plenty of long words";

async function signIn(options = {}): Promise<Rollbook> {
    const rollbook = new Rollbook(ROLLBOOK_URL, options);
    await rollbook.signIn(ADMIN_EMAIL, ADMIN_PASSWORD);
    return rollbook;
}

async function getError(call: Promise<unknown>): Promise<RollbookError> {
    const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
    );
    assert(error instanceof RollbookError, String(error));
    return error;
}

test("a user is created, changed, deleted and restored", async () => {
    const rollbook = await signIn();
    const tea = { email: "tea@example.com", username: "tea", password };
    const created = await rollbook.post("/users", tea);
    const params = { ref: "tea", ifMatch: 1 };
    const changed = await rollbook.patch("/users/{ref}", { first_name: "Tea" }, params);
    assert.deepEqual([changed?.id, changed?.first_name, changed?.version], [created?.id, "Tea", 2]);
    const user = await rollbook.get("/users/{ref}", { ref: "tea@example.com" });
    assert.equal(user.first_name, "Tea");
    const patch = [{ op: "add" as const, path: "/metadata/team", value: "blue" }];
    const patched = await rollbook.patch("/users/{ref}", patch, { ref: "tea" });
    assert.deepEqual(patched?.metadata, { team: "blue" });
    await rollbook.delete("/users/{ref}", { ref: "tea" });
    const error = await getError(rollbook.get("/users/{ref}", { ref: "tea" }));
    assert.equal(error.code, "user_not_found");
    const restored = await rollbook.post("/users/{ref}/restore", undefined, { ref: user.id });
    assert.equal(restored?.username, "tea");
});

test("an error has a code, details and a request id", async () => {
    const rollbook = await signIn();
    const error = await getError(rollbook.post("/users", { email: "no address", password }));
    assert.deepEqual([error.status, error.code], [400, "validation_failed"]);
    assert.deepEqual(error.details.map((detail) => detail.field), ["email"]);
    assert.equal(error.requestId?.length, 32);
    const stale = rollbook.patch("/users/{ref}", { first_name: "X" }, { ref: "me", ifMatch: 99 });
    assert.equal((await getError(stale)).code, "stale_version");
});

test("a list continues over all pages", async () => {
    const rollbook = await signIn();
    for (const n of [1, 2, 3]) {
        const username = `page${n}`;
        await rollbook.post("/users", { email: `${username}@example.com`, username, password });
    }
    const names: (string | null)[] = [];
    const query = { q: "page", sort: "username", page_size: 2 };
    for await (const user of rollbook.list("/users", query)) names.push(user.username);
    assert.deepEqual(names, ["page1", "page2", "page3"]);
    const lengths: number[] = [];
    for await (const page of rollbook.pages("/users", query)) lengths.push(page.items.length);
    assert.deepEqual(lengths, [2, 1]);
});

test("parallel calls refresh an expired token once", async () => {
    const first = await signIn();
    const kept: (Tokens | undefined)[] = [];
    const tokens = { access: "broken", refresh: first.tokens!.refresh! };
    const rollbook = new Rollbook(ROLLBOOK_URL, { tokens, onTokens: (each) => kept.push(each) });
    const users = await Promise.all([1, 2, 3, 4, 5].map(() => rollbook.get("/auth/me")));
    assert.deepEqual(new Set(users.map((user) => user.email)), new Set([ADMIN_EMAIL]));
    assert.equal(kept.length, 1);
    await rollbook.signOut();
    assert.equal((await getError(first.get("/auth/me"))).code, "invalid_refresh_token");
    assert.equal(first.tokens, undefined);
    assert.equal((await getError(rollbook.get("/auth/me"))).code, "unauthenticated");
});

test("a reference with any characters is encoded", async () => {
    const rollbook = await signIn();
    const external_id = "auth0|5f#7?c &%ü";
    await rollbook.post("/users", { email: "t2@example.com", password, external_id });
    const user = await rollbook.get("/users/{ref}", { ref: `ext:${external_id}` });
    assert.equal(user.email, "t2@example.com");
});

test("a lost response creates no second user", async () => {
    let lost = 0;
    const lossy: typeof fetch = async (url, init) => {
        const response = await fetch(url, init);
        if (init?.method === "POST" && String(url).endsWith("/users") && lost++ === 0) {
            throw new TypeError("lost");
        }
        return response;
    };
    const rollbook = await signIn({ fetch: lossy });
    const user = await rollbook.post("/users", { email: "t3@example.com", password });
    assert.deepEqual([user?.version, lost], [1, 2]);
});

async function serve(respond: RequestListener): Promise<[Server, string]> {
    const server = createServer(respond);
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
}

test("a call waits as long as Retry-After says, within maxWait", async () => {
    let count = 0;
    const body = JSON.stringify({ message: "Busy.", error: { code: "too_busy", details: [] } });
    const [server, url] = await serve((_, response) => {
        const isBusy = ++count % 2 === 1;
        response.writeHead(isBusy ? 503 : 200, { "Retry-After": "1" });
        response.end(isBusy ? body : JSON.stringify({ data: { min_length: 8 } }));
    });
    const started = performance.now();
    const policy = await new Rollbook(url).get("/password-policy");
    assert.equal(policy.min_length, 8);
    assert(performance.now() - started >= 1000);
    const error = await getError(new Rollbook(url, { maxWait: 0 }).get("/password-policy"));
    assert.deepEqual([error.code, error.retryAfter], ["too_busy", 1]);
    server.close();
});

test("a response of something else names the URL", async () => {
    for (const status of [200, 404, 502]) {
        const [server, url] = await serve((_, response) => {
            response.writeHead(status).end("<!doctype html>");
        });
        const error = await getError(new Rollbook(url).get("/auth/me"));
        assert.deepEqual([error.status, error.code], [status, "unknown"]);
        assert(error.message.includes(`${url}/api/auth/me did not respond as rollbook does`));
        server.close();
    }
});

/** A `fetch` that answers each path with its responses in turn, and the requests that it got. */
function answer(responses: Record<string, [number, object][]>): [typeof fetch, Request[]] {
    const requests: Request[] = [];
    const send: typeof fetch = async (url, init) => {
        const request = new Request(url, init);
        requests.push(request);
        const next = responses[new URL(request.url).pathname]?.shift();
        if (!next) throw new TypeError("no response");
        return new Response(JSON.stringify(next[1]), { status: next[0] });
    };
    return [send, requests];
}

const refuse = (code: string) => ({ message: "", error: { code, details: [] } });
const grant = (name: string) => ({
    data: { access_token: name, refresh_token: `${name}-refresh`, user: { username: name } },
});
const tokens = { access: "old", refresh: "old-refresh" };

test("a key stays the same when a call is sent again after a refresh", async () => {
    const [send, requests] = answer({
        "/api/users": [[401, refuse("token_expired")], [201, { data: null }]],
        "/api/auth/refresh": [[200, grant("new")]],
    });
    const rollbook = new Rollbook("http://x", { fetch: send, tokens });
    assert.equal(await rollbook.post("/users", { email: "a@b.cd", password }), null);
    const [first, , second] = requests;
    assert.equal(first!.headers.get("Idempotency-Key"), second!.headers.get("Idempotency-Key"));
    assert.equal(second!.headers.get("Authorization"), "Bearer new");
});

test("a call is not sent again for another user, or for none", async () => {
    const [send, requests] = answer({
        "/api/users/me": [[401, refuse("token_expired")]],
        "/api/auth/login": [[200, grant("eve")]],
        "/api/auth/refresh": [[401, refuse("invalid_refresh_token")]],
    });
    const rollbook = new Rollbook("http://x", { fetch: send, tokens });
    const change = getError(rollbook.patch("/users/{ref}", { first_name: "Ada" }, { ref: "me" }));
    await rollbook.signIn("eve", password);
    assert.equal((await change).code, "invalid_refresh_token");
    assert.equal(requests.filter((request) => request.method === "PATCH").length, 1);
    assert.equal(rollbook.tokens?.access, "eve");
});

test("only what may be done twice is sent again after a 503", async () => {
    const busy: [number, object][] = [[503, refuse("too_busy")], [503, refuse("unavailable")]];
    const [send, requests] = answer({ "/api/users/me": busy });
    const rollbook = new Rollbook("http://x", { fetch: send });
    const change = rollbook.patch("/users/{ref}", { first_name: "Ada" }, { ref: "me" });
    assert.equal((await getError(change)).code, "unavailable");
    assert.equal(requests.length, 2);
});

test("what could not connect is sent again", async () => {
    const [server, url] = await serve(() => undefined);
    await new Promise((closed) => server.close(closed));
    const started = performance.now();
    const change = new Rollbook(`${url}/api`).patch("/users/{ref}", {}, { ref: "me" });
    await assert.rejects(change, /fetch failed/);
    assert(performance.now() - started > 3000);
});

test("a reference that would make another path is refused", async () => {
    const rollbook = new Rollbook("http://x");
    for (const id of ["", ".", ".."]) {
        const end = rollbook.delete("/auth/sessions/{id}", { id });
        await assert.rejects(end, /cannot be a part of a path/);
    }
    assert.throws(() => new Rollbook("localhost:5000"), /no URL/);
});

export function typesAreChecked(rollbook: Rollbook): void {
    // @ts-expect-error: there is no such path
    void rollbook.get("/nothing");
    // @ts-expect-error: `ref` is missing
    void rollbook.get("/users/{ref}");
    // @ts-expect-error: a new user needs an e-mail address
    void rollbook.post("/users", { password });
    // @ts-expect-error: a page size is a number
    void rollbook.list("/users", { page_size: "many" });
    // @ts-expect-error: a role has no sessions
    void rollbook.list("/roles/{name}", { name: "user" });
    // @ts-expect-error: the client keeps the tokens itself
    void rollbook.post("/auth/refresh", {});
    void rollbook.list("/users", { "metadata.team": "blue", q: undefined });
    // @ts-expect-error: a session has no version to match
    void rollbook.delete("/auth/sessions/{id}", { id: "x", ifMatch: 1 });
}
