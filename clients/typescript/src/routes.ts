/** The types of each path of the API, from those of its OpenAPI document. */

import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type User = Schemas["UserOut"];
/** What a session is continued with. The refresh token is valid once. Keep both secret. */
export type Tokens = { access: string; refresh?: string };
export type Page<Item> = { items: Item[]; pagination: Schemas["Pagination"] };

export type Method = "get" | "post" | "put" | "patch" | "delete";
type ByHand = "/auth/login" | "/auth/refresh" | "/auth/logout";
type Routes = {
    [P in keyof paths as P extends `/api${infer Rest}` ? Exclude<Rest, ByHand> : never]: paths[P];
};
export type PathsOf<M extends Method> = {
    [P in keyof Routes]: Routes[P][M] extends { responses: unknown } ? P : never;
}[keyof Routes];
export type Operation<P extends keyof Routes, M extends Method> = Routes[P][M];

type OrNone<T> = [T] extends [undefined] ? object : T;
type Loose<T> = { [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] };
type Part<O, In extends string> = O extends { parameters: { [K in In]?: infer T } }
    ? OrNone<Exclude<T, undefined>>
    : object;
type Header<O> = keyof Part<O, "header">;
type IfMatch<O> = "If-Match" extends Header<O> ? { ifMatch?: number | "*" | undefined } : object;
type Key<O> = "Idempotency-Key" extends Header<O> ? { idempotencyKey?: string } : object;
type Query<O> = Loose<Omit<Part<O, "query">, "cursor">>;
/** Parameters of the path and the query, by name, and those that are headers. */
export type Params<O> = Part<O, "path"> & Query<O> & IfMatch<O> & Key<O>;
export type Arguments<T> = object extends T ? [params?: T] : [params: T];

type Content<O> = O extends { requestBody?: infer R } ? Exclude<R, undefined> : never;
type OneOf<C> = C extends { content: infer T } ? T[keyof T] : never;
export type Body<O> = [Content<O>] extends [never] ? undefined : OneOf<Content<O>>;
export type Deletion<O> = [...Arguments<Params<O>>, Body<O>?];

type Json<R> = R extends { content: { "application/json": infer J } } ? J : never;
type Envelope<O> = O extends { responses: infer R } ? Json<R[keyof R & (200 | 201)]> : never;
export type Data<O> = Envelope<O> extends { data: infer D } ? D : never;
export type Item<O> = Data<O> extends (infer I)[] ? I : never;
type IsList<O> = Envelope<O> extends { pagination: unknown } ? true : false;
export type ListPaths = {
    [P in PathsOf<"get">]: IsList<Operation<P, "get">> extends true ? P : never;
}[PathsOf<"get">];
type MetadataFilters = { [name: `${string}metadata.${string}`]: string };
export type UserQuery = Query<Operation<"/users", "get">> & MetadataFilters;
/** A list of whole users: `fields` would show less of them, and `include_deleted` more. */
export type WholeUserQuery = Omit<UserQuery, "fields" | "include_deleted">;
