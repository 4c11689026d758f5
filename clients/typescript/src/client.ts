/** A client of rollbook for browsers and Node.js. */

import type { Arguments, Body, Data, Deletion, Item, ListPaths, Method } from "./routes.js";
import type { Operation, Page, Params, PathsOf, Schemas, Tokens, User } from "./routes.js";
import type { UserQuery, WholeUserQuery } from "./routes.js";

export type { Page, Schemas, Tokens, User } from "./routes.js";

export type Options = {
    /** Of a session that was started before. */
    tokens?: Tokens | undefined;
    /** Called with new tokens, to store them, and with undefined when the session has ended. */
    onTokens?: ((tokens: Tokens | undefined) => void) | undefined;
    /** In a browser: the refresh token is a cookie that scripts cannot read (REFRESH_COOKIE). */
    refreshCookie?: boolean;
    /** Seconds that a call may spend on waiting, for 429, 503 and lost connections; 30. */
    maxWait?: number;
    /** Seconds until a request without a response is given up; 15. */
    timeout?: number;
    /** API_PREFIX of the server; "/api". */
    apiPrefix?: string;
    fetch?: typeof fetch;
};

const EXPIRED = ["token_expired", "invalid_token"];
const ENDED = [...EXPIRED, "unauthenticated", "invalid_refresh_token"];
const NOTHING_DONE = ["too_busy", "limits_unavailable", "not_ready"];
const NOTHING_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"];
const FIRST_WAIT = 0.5; // Seconds. Each further wait without Retry-After is twice as long.
const MIN_WAIT = 0.1;
const MAX_JITTER = 0.25; // A part of the wait, so that clients do not return all at once.
const MAX_FAILURES = 3; // Requests of one call that are sent again without a response.

/** rollbook refused the request, or something else responded: then `code` is "unknown". */
export class RollbookError extends Error {
    override name = "RollbookError";

    constructor(
        readonly status: number,
        readonly code: Schemas["ErrorCode"] | "unknown",
        message: string,
        readonly details: Schemas["Detail"][] = [],
        readonly requestId?: string,
        /** Seconds to wait, after 429 and 503. */
        readonly retryAfter?: number,
    ) {
        super(message);
    }
}

type Call = { method: Uppercase<Method>; path: string; body?: unknown; params?: object };
type Sendable = { url: string; init: RequestInit; isRepeatable: boolean };
type Received = { status: number; url: string; retryAfter: number | undefined; body: any };
/** Once `refused`, calls are too: without a token, they might do something else. */
type Session = {
    tokens: Tokens | undefined;
    refreshing?: Promise<void> | undefined;
    refused?: RollbookError;
};

/** The seconds that one call may spend on waiting (RFC 9110 §10.2.3, Retry-After). */
class RetryBudget {
    #left: number;
    #failures = 0;

    constructor(maxWait: number) {
        this.#left = maxWait;
    }

    /** Take the seconds to wait, or undefined: they are more than what is left. */
    take(received: Received | undefined): number | undefined {
        if (!received && this.#failures === MAX_FAILURES) return undefined;
        const requested = received?.retryAfter ?? FIRST_WAIT * 2 ** this.#failures++;
        if (requested > this.#left) return undefined;
        const jittered = Math.max(requested, MIN_WAIT) * (1 + MAX_JITTER * Math.random());
        const wait = Math.min(jittered, this.#left);
        this.#left -= wait;
        return wait;
    }
}

/** A connection to one rollbook. Every method throws a RollbookError, or what `fetch` throws. */
export class Rollbook {
    readonly #base: string;
    readonly #options: Options;
    #session: Session | undefined;
    #continuing: Promise<void> | undefined;

    constructor(url: string, options: Options = {}) {
        if (!/^(https?:\/\/|\/|$)/.test(url)) {
            throw new TypeError(`"${url}" is no URL. Write http://host:port or https://host.`);
        }
        const prefix = options.apiPrefix ?? "/api";
        const base = url.replace(/\/+$/, "");
        this.#base = base.endsWith(prefix) ? base : base + prefix;
        this.#options = options;
        this.#session = options.tokens && { tokens: options.tokens };
    }

    get tokens(): Tokens | undefined {
        return this.#session?.tokens;
    }

    /** Start a session. `login` is an e-mail address or a username. */
    async signIn(login: string, password: string): Promise<User> {
        const name = login.includes("@") ? "email" : "username";
        const data = await this.#requestTokens("/auth/login", { [name]: login, password });
        this.#start(data);
        return data.user;
    }

    /** End the session. Its tokens are invalid at once. */
    async signOut(): Promise<void> {
        const session = this.#session;
        try {
            const body = this.#options.refreshCookie ? { refresh_cookie: true } : undefined;
            await this.#send({ method: "POST", path: "/auth/logout", body });
        } catch (error) {
            if (!(error instanceof RollbookError && ENDED.includes(error.code))) throw error;
        }
        if (session) this.#replace(session, undefined);
        if (session === this.#session) this.#session = undefined;
    }

    get<P extends PathsOf<"get">>(
        path: P,
        ...[params]: Arguments<Params<Operation<P, "get">>>
    ): Promise<Data<Operation<P, "get">>> {
        return this.#read({ method: "GET", path, ...(params && { params }) });
    }

    post<P extends PathsOf<"post">>(
        path: P,
        body: Body<Operation<P, "post">>,
        ...[params]: Arguments<Params<Operation<P, "post">>>
    ): Promise<Data<Operation<P, "post">>> {
        return this.#read({ method: "POST", path, body, ...(params && { params }) });
    }

    put<P extends PathsOf<"put">>(
        path: P,
        body: Body<Operation<P, "put">>,
        params: Params<Operation<P, "put">>,
    ): Promise<Data<Operation<P, "put">>> {
        return this.#read({ method: "PUT", path, body, params });
    }

    /** Change the fields that are sent. An array is a JSON Patch (RFC 6902). */
    patch<P extends PathsOf<"patch">>(
        path: P,
        body: Body<Operation<P, "patch">>,
        params: Params<Operation<P, "patch">>,
    ): Promise<Data<Operation<P, "patch">>> {
        return this.#read({ method: "PATCH", path, body, params });
    }

    async delete<P extends PathsOf<"delete">>(
        path: P,
        ...[params, body]: Deletion<Operation<P, "delete">>
    ): Promise<void> {
        await this.#send({ method: "DELETE", path, body, ...(params && { params }) });
    }

    /** The items of all pages, which are requested one by one. */
    list(path: "/users", params?: WholeUserQuery): AsyncGenerator<User>;
    list(path: "/users", params: UserQuery): AsyncGenerator<Schemas["UserListOut"]>;
    list<P extends ListPaths>(
        path: P,
        ...params: Arguments<Params<Operation<P, "get">>>
    ): AsyncGenerator<Item<Operation<P, "get">>>;
    async *list(path: string, params?: object): AsyncGenerator<unknown> {
        for await (const page of this.#pages(path, params)) yield* page.items;
    }

    pages(path: "/users", params?: WholeUserQuery): AsyncGenerator<Page<User>>;
    pages(path: "/users", params: UserQuery): AsyncGenerator<Page<Schemas["UserListOut"]>>;
    pages<P extends ListPaths>(
        path: P,
        ...params: Arguments<Params<Operation<P, "get">>>
    ): AsyncGenerator<Page<Item<Operation<P, "get">>>>;
    pages(path: string, params?: object): AsyncGenerator<Page<unknown>> {
        return this.#pages(path, params);
    }

    async *#pages(path: string, params?: object): AsyncGenerator<Page<any>> {
        let query: Record<string, unknown> = { ...params };
        while (true) {
            const { data, pagination } = await this.#send({ method: "GET", path, params: query });
            yield { items: data, pagination };
            if (pagination.next_cursor === null) return;
            const { page: _, ...rest } = query;
            query = { ...rest, cursor: pagination.next_cursor };
        }
    }

    async #read<T>(call: Call): Promise<T> {
        return (await this.#send(call)).data;
    }

    /** Send a request in the session, and return the envelope of the response. */
    async #send(call: Call): Promise<any> {
        const request = buildRequest(this.#base, call);
        const budget = this.#newBudget();
        if (this.#options.refreshCookie && !this.#session) await this.#continue();
        const session = this.#session;
        if (session?.refused) throw session.refused;
        const tokens = session?.tokens;
        const received = await this.#exchange(request, tokens, budget);
        const canRefresh = tokens?.refresh !== undefined || this.#options.refreshCookie;
        if (session && tokens && canRefresh && EXPIRED.includes(findCode(received) ?? "")) {
            await this.#refresh(session, tokens, budget);
            if (session.tokens) {
                return parseBody(await this.#exchange(request, session.tokens, budget));
            }
        }
        return parseBody(received);
    }

    /** Continue the session of the cookie, if there is one: once, when a page was loaded again. */
    #continue(): Promise<void> {
        this.#continuing ??= this.#requestTokens("/auth/refresh", {}).then(
            (data) => {
                if (!this.#session) this.#start(data);
            },
            (error: unknown) => {
                if (error instanceof RollbookError && ENDED.includes(error.code)) return;
                this.#continuing = undefined;
                throw error;
            },
        );
        return this.#continuing;
    }

    /** Replace expired tokens. Calls at the same time do it once, and share a failure to. */
    #refresh(session: Session, expired: Tokens, budget: RetryBudget): Promise<void> {
        if (session.tokens !== expired) return Promise.resolve();
        session.refreshing ??= this.#renew(session, expired, budget).finally(() => {
            session.refreshing = undefined;
        });
        return session.refreshing;
    }

    async #renew(session: Session, expired: Tokens, budget: RetryBudget): Promise<void> {
        let tokens: Tokens | undefined;
        try {
            const body = expired.refresh === undefined ? {} : { refresh_token: expired.refresh };
            tokens = readTokens(await this.#requestTokens("/auth/refresh", body, budget));
        } catch (error) {
            if (error instanceof RollbookError && error.code === "invalid_refresh_token") {
                session.refused = error;
                if (session.tokens === expired) this.#replace(session, undefined);
            }
            throw error;
        }
        if (session.tokens === expired) this.#replace(session, tokens);
    }

    async #requestTokens(
        path: string,
        fields: object,
        budget = this.#newBudget(),
    ): Promise<Schemas["SignedInOut"]> {
        const body = this.#options.refreshCookie ? { ...fields, refresh_cookie: true } : fields;
        const request = buildRequest(this.#base, { method: "POST", path, body });
        return parseBody(await this.#exchange(request, undefined, budget)).data;
    }

    #start(data: Schemas["SignedInOut"]): void {
        this.#session = { tokens: undefined };
        this.#replace(this.#session, readTokens(data));
    }

    /** Keep other tokens, or undefined: the session has ended. Only those of the latest count. */
    #replace(session: Session, tokens: Tokens | undefined): void {
        const isChanged = session.tokens !== tokens;
        session.tokens = tokens;
        if (isChanged && session === this.#session) this.#options.onTokens?.(tokens);
    }

    #newBudget(): RetryBudget {
        return new RetryBudget(this.#options.maxWait ?? 30);
    }

    /** Send a request until the response is final, or the time to wait is used up. */
    async #exchange(
        request: Sendable,
        tokens: Tokens | undefined,
        budget: RetryBudget,
    ): Promise<Received> {
        while (true) {
            let received: Received | undefined;
            let failure: unknown;
            try {
                received = await this.#sendOnce(request, tokens);
            } catch (error) {
                failure = error;
            }
            const may = received ? mayResend(request, received) : isSafe(request, failure);
            const wait = may ? budget.take(received) : undefined;
            if (wait !== undefined) {
                await new Promise((resume) => setTimeout(resume, wait * 1000));
            } else if (received) {
                return received;
            } else {
                throw failure;
            }
        }
    }

    async #sendOnce({ url, init }: Sendable, tokens: Tokens | undefined): Promise<Received> {
        const { fetch: send = fetch, timeout = 15, refreshCookie } = this.#options;
        const headers = new Headers(init.headers);
        if (tokens) headers.set("Authorization", `Bearer ${tokens.access}`);
        const signal = AbortSignal.timeout(timeout * 1000);
        const credentials = refreshCookie ? "include" : "same-origin";
        const response = await send(url, { ...init, headers, signal, credentials });
        const text = await response.text();
        const after = response.headers.get("Retry-After") ?? "";
        const retryAfter = /^\d+$/.test(after) ? Number(after) : undefined;
        return { status: response.status, url, retryAfter, body: parseJson(text) };
    }
}

function buildRequest(base: string, { method, path, body, params = {} }: Call): Sendable {
    const { ifMatch, idempotencyKey, ...rest } = params as Record<string, unknown>;
    const headers: Record<string, string> = { Accept: "application/json" };
    if (ifMatch !== undefined) headers["If-Match"] = ifMatch === "*" ? "*" : `"${ifMatch}"`;
    const hasKey = method === "POST" && !path.startsWith("/auth/");
    if (hasKey) headers["Idempotency-Key"] = String(idempotencyKey ?? createKey());
    if (body !== undefined) {
        const kind = Array.isArray(body) ? "json-patch+json" : "json";
        headers["Content-Type"] = `application/${kind}`;
    }
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodePart(rest[name]));
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(rest)) {
        const isInPath = path.includes(`{${name}}`);
        if (!isInPath && value !== undefined && value !== null) query.set(name, String(value));
    }
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = JSON.stringify(body);
    const isRepeatable = method === "GET" || hasKey || path === "/auth/refresh";
    const suffix = String(query);
    return { url: `${base}${filled}${suffix && `?${suffix}`}`, init, isRepeatable };
}

/** Encode a part of a path. One that would make it another path is refused. */
function encodePart(value: unknown): string {
    if (typeof value !== "string" || ["", ".", ".."].includes(value)) {
        throw new TypeError(`${JSON.stringify(value)} cannot be a part of a path`);
    }
    return encodeURIComponent(value);
}

function createKey(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function readTokens(data: Schemas["SignedInOut"]): Tokens {
    const refresh = data.refresh_token === undefined ? {} : { refresh: data.refresh_token };
    return { access: data.access_token, ...refresh };
}

function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

/** Whether a request may be sent again without a response. Node.js tells when nothing was sent. */
function isSafe(request: Sendable, failure: unknown): boolean {
    const cause = failure instanceof Error ? (failure.cause as { code?: string }) : undefined;
    return request.isRepeatable || NOTHING_SENT.includes(cause?.code ?? "");
}

/** Whether a request may be sent again: after a 503 it may have been done, but for some codes. */
function mayResend(request: Sendable, received: Received): boolean {
    const code = findCode(received);
    if (received.status === 503) return request.isRepeatable || NOTHING_DONE.includes(code ?? "");
    return received.status === 429 || code === "idempotency_key_in_flight";
}

function findCode({ body }: Received): string | undefined {
    const code = body?.error?.code;
    return typeof code === "string" ? code : undefined;
}

/** Return the envelope of a response, or throw its error. */
function parseBody(received: Received): any {
    const { status, url, body, retryAfter } = received;
    if (status === 204) return {};
    if (status < 300 && body?.data !== undefined) return body;
    if (findCode(received) === undefined) {
        const hint = status < 500 ? " Check the URL." : "";
        const message = `${url.replace(/\?.*/, "")} did not respond as rollbook does.${hint}`;
        throw new RollbookError(status, "unknown", message);
    }
    const { code, details = [] } = body.error;
    const texts = details.map((detail: Schemas["Detail"]) => `${detail.field}: ${detail.message}`);
    const message = [body.message, ...texts].join(" ");
    throw new RollbookError(status, code, message, details, body.request_id, retryAfter);
}
