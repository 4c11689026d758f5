"""Generated from docs/openapi.json by `make clients`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class AcceptanceIn(TypedDict):
    """
    The token of a link, and what who is invited chooses.
    """

    token: str
    password: str
    name: NotRequired[str | None]
    username: NotRequired[str | None]


class ActorOut(TypedDict):
    """
    Who did it. `id` is null for anyone who is not a user.
    """

    type: Literal["user", "anonymous", "cli", "system"]
    id: str | None


class AddressIn(TypedDict):
    """
    An address, which may have an account or not.
    """

    email: str


class CookieRefresh(TypedDict):
    refresh_cookie: Literal[True]


class Detail(TypedDict):
    field: str
    code: str
    message: str


class DetailOut(TypedDict):
    """
    A problem that the operator should solve, although requests are served.
    """

    field: str
    code: str
    message: str


class EmailLogin(TypedDict):
    email: str
    password: str
    refresh_cookie: NotRequired[bool]


ErrorCode: TypeAlias = Literal[
    "already_invited",
    "bad_request",
    "broken_request",
    "conflict",
    "cross_origin",
    "current_password_needed",
    "email_lookalike",
    "email_taken",
    "email_unverified",
    "external_id_taken",
    "forbidden",
    "headers_too_large",
    "host_not_allowed",
    "id_taken",
    "idempotency_key_in_flight",
    "idempotency_key_reused",
    "internal_error",
    "invalid_client_address",
    "invalid_credentials",
    "invalid_refresh_token",
    "invalid_token",
    "invitation_not_found",
    "key_slot_taken",
    "last_admin",
    "limits_unavailable",
    "mail_not_configured",
    "malformed_json",
    "message_not_found",
    "method_not_allowed",
    "no_admin_yet",
    "not_acceptable",
    "not_deleted",
    "not_found",
    "not_ready",
    "origin_not_allowed",
    "overloaded",
    "password_refused",
    "patch_conflict",
    "payload_too_large",
    "permission_in_use",
    "permission_not_found",
    "permission_taken",
    "precondition_required",
    "recent_sign_in_needed",
    "registration_closed",
    "request_timeout",
    "rights_changed",
    "role_built_in",
    "role_in_use",
    "role_not_found",
    "role_taken",
    "session_not_found",
    "several_deleted",
    "sign_in_links_off",
    "stale_version",
    "token_expired",
    "too_broad",
    "too_busy",
    "too_many_permissions",
    "too_many_requests",
    "unauthenticated",
    "unavailable",
    "unknown_client",
    "unknown_role",
    "unsupported_media_type",
    "uri_too_long",
    "user_not_found",
    "username_reserved",
    "username_taken",
    "validation_failed",
    "wrong_password",
]


class HealthOut(TypedDict):
    status: Literal["alive"]
    version: str
    auth_required: bool


class IntrospectIn(TypedDict):
    """
    A form (RFC 7662 §2.1). Other parameters are ignored.
    """

    token: str
    token_type_hint: NotRequired[str]


class IntrospectionOut(TypedDict):
    """
    RFC 7662 §2.2. `scope` lists the permissions that the user has now.
    """

    active: bool
    token_type: NotRequired[Literal["Bearer"]]
    scope: NotRequired[str]
    sub: NotRequired[str]
    sid: NotRequired[str]
    role: NotRequired[str]
    iss: NotRequired[str]
    aud: NotRequired[list[str] | str]
    iat: NotRequired[int]
    nbf: NotRequired[int]
    exp: NotRequired[int]
    jti: NotRequired[str]


class InvitationIn(TypedDict):
    """
    Whom to invite.
    """

    email: str
    role: NotRequired[str]
    name: NotRequired[str | None]


class InvitationOut(TypedDict):
    """
    A pending invitation.
    """

    id: str
    email: str
    role: str
    name: str | None
    invited_by: str | None
    created_at: str
    expires_at: str


class InvitationShownOut(TypedDict):
    """
    What a form shows to who is invited. `inviter` is a name.
    """

    email: str
    role: str
    name: str | None
    inviter: str | None
    expires_at: str


JsonValue: TypeAlias = Any


class JwkOut(TypedDict):
    """
    A public RSA key (RFC 7517, RFC 7518 §6.3.1).
    """

    kty: Literal["RSA"]
    use: Literal["sig"]
    alg: Literal["RS256"]
    kid: str
    n: str
    e: str


class JwkSetOut(TypedDict):
    """
    RFC 7517 §5. Empty with HS256.
    """

    keys: list[JwkOut]


class LinkSignInIn(TypedDict):
    """
    The token of a link to sign in.
    """

    token: str
    refresh_cookie: NotRequired[bool]


class LogoutIn(TypedDict):
    """
    `refresh_cookie` ends the session of the cookie, also without an access token.
    """

    refresh_cookie: NotRequired[bool]


class MeOut(TypedDict):
    """
    The caller and their permissions, which depend on the role and not on the version.
    """

    id: str
    name: str
    email: str
    email_verified_at: str | None
    pending_email: str | None
    username: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    locale: str | None
    external_id: str | None
    role: str
    is_active: bool
    created_at: str
    updated_at: str
    last_login: str | None
    metadata: dict[str, JsonValue]
    app_metadata: dict[str, JsonValue]
    private_metadata: NotRequired[dict[str, JsonValue]]
    version: int
    permissions: list[str]


class MetadataSchemasOut(TypedDict):
    """
    JSON Schemas (Draft 2020-12). A kind without a schema, `{}`, may hold any object.
    """

    metadata: dict[str, Any]
    app_metadata: dict[str, Any]
    private_metadata: NotRequired[dict[str, Any]]


class Pagination(TypedDict):
    page: int | None
    page_size: int
    total_items: int | None
    total_pages: int | None
    has_next: bool
    has_previous: bool
    next_cursor: str | None


class PasswordPolicyOut(TypedDict):
    """
    What a password has to be, for a client that wants to check it beforehand.
    """

    policy: Literal["basic", "standard", "complex", "strict"]
    min_length: int
    max_length: int
    requires: list[Literal["lower", "upper", "digit", "special"]]
    refuses: list[Literal["common", "guessable", "personal", "breached"]]


class PasswordResetIn(TypedDict):
    """
    The token of a link, and the new password.
    """

    token: str
    password: str


PatchOperation = TypedDict(
    "PatchOperation",
    {
        "op": Literal["add", "remove", "replace", "move", "copy", "test"],
        "path": str,
        "value": NotRequired[JsonValue],
        "from": NotRequired[str | None],
    },
)


class PermissionCreate(TypedDict):
    """
    A permission of one's own. rollbook gives it to roles, and other services read it.
    """

    name: str
    description: NotRequired[str]


class PermissionOut(TypedDict):
    """
    A permission of one's own.
    """

    id: str
    name: str
    description: str
    created_at: str


Pong: TypeAlias = Literal["pong"]


class Problem(TypedDict):
    """
    RFC 9457, for clients that accept application/problem+json.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: ErrorCode
    errors: list[Detail]
    request_id: str


class ReadyOut(TypedDict):
    status: Literal["ready"]
    details: list[DetailOut]


Permission: TypeAlias = str


class RoleLimits(TypedDict):
    """
    Limits for each user of the role. Null means RATELIMIT_READ and RATELIMIT_WRITE.
    """

    read: NotRequired[str | None]
    write: NotRequired[str | None]


class RoleLimitsOut(TypedDict):
    """
    Null means RATELIMIT_READ and RATELIMIT_WRITE.
    """

    read: str | None
    write: str | None


class RoleOut(TypedDict):
    """
    A role. One that is `built_in` cannot be deleted.
    """

    id: str
    name: str
    description: str
    permissions: list[str]
    limits: RoleLimitsOut
    built_in: bool
    created_at: str
    updated_at: str
    version: int


class RolePut(TypedDict):
    """
    What to change of a role. A field that is left out stays as it is.
    """

    description: NotRequired[str]
    permissions: NotRequired[list[Permission]]
    limits: NotRequired[RoleLimits]


class ServerMetadataOut(TypedDict):
    """
    RFC 8414 §2. There is no `jwks_uri` with HS256, whose key is secret.
    """

    issuer: str
    jwks_uri: NotRequired[str]
    introspection_endpoint: str
    introspection_endpoint_auth_methods_supported: list[str]
    access_token_signing_alg_values_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]


class SessionOut(TypedDict):
    """
    A session that has not ended. `last_used_at` is its sign-in or its last refresh.
    """

    id: str
    created_at: str
    last_used_at: str
    expires_at: str
    ip: str | None
    user_agent: str | None
    is_current: bool


class TargetOut(TypedDict):
    """
    What it was done to. `id` is a role's name or a key's kid, and null when it is unknown.
    """

    type: str
    id: str | None


class TokenIn(TypedDict):
    """
    The token of a link. It is valid once.
    """

    token: str


class TokenRefresh(TypedDict):
    refresh_token: str
    refresh_cookie: NotRequired[bool]


class UserCreate(TypedDict):
    """
    A new user.
    """

    id: NotRequired[str | None]
    name: NotRequired[str | None]
    email: str
    password: str
    username: NotRequired[str | None]
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]
    phone: NotRequired[str | None]
    locale: NotRequired[str | None]
    external_id: NotRequired[str | None]
    role: NotRequired[str]
    is_active: NotRequired[bool]
    email_verified: NotRequired[bool]
    metadata: NotRequired[dict[str, Any]]
    app_metadata: NotRequired[dict[str, Any]]
    private_metadata: NotRequired[dict[str, Any]]


class UserDelete(TypedDict):
    """
    Proof that the caller is the owner, to delete one's own account. May be left out.
    """

    current_password: NotRequired[str | None]


class UserListOut(TypedDict):
    """
    A user in a list: the requested `fields`, or all but `deleted_at`.

    `deleted_at` comes with `include_deleted`.
    """

    id: NotRequired[str]
    name: NotRequired[str]
    email: NotRequired[str]
    email_verified_at: NotRequired[str | None]
    pending_email: NotRequired[str | None]
    username: NotRequired[str | None]
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]
    phone: NotRequired[str | None]
    locale: NotRequired[str | None]
    external_id: NotRequired[str | None]
    role: NotRequired[str]
    is_active: NotRequired[bool]
    created_at: NotRequired[str]
    updated_at: NotRequired[str]
    last_login: NotRequired[str | None]
    metadata: NotRequired[dict[str, JsonValue]]
    app_metadata: NotRequired[dict[str, JsonValue]]
    private_metadata: NotRequired[dict[str, JsonValue]]
    version: NotRequired[int]
    deleted_at: NotRequired[str | None]


class UserOut(TypedDict):
    """
    A user, as everyone who may read one sees it.
    """

    id: str
    name: str
    email: str
    email_verified_at: str | None
    pending_email: str | None
    username: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    locale: str | None
    external_id: str | None
    role: str
    is_active: bool
    created_at: str
    updated_at: str
    last_login: str | None
    metadata: dict[str, JsonValue]
    app_metadata: dict[str, JsonValue]
    private_metadata: NotRequired[dict[str, JsonValue]]
    version: int


class UserPatch(TypedDict):
    """
    What to change. A field that is left out stays; null clears an optional one (RFC 7396).
    """

    name: NotRequired[str]
    email: NotRequired[str]
    password: NotRequired[str]
    username: NotRequired[str | None]
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]
    phone: NotRequired[str | None]
    locale: NotRequired[str | None]
    external_id: NotRequired[str | None]
    role: NotRequired[str]
    is_active: NotRequired[bool]
    email_verified: NotRequired[bool]
    metadata: NotRequired[dict[str, Any] | None]
    app_metadata: NotRequired[dict[str, Any] | None]
    private_metadata: NotRequired[dict[str, Any] | None]
    current_password: NotRequired[str]


class UsernameLogin(TypedDict):
    username: str
    password: str
    refresh_cookie: NotRequired[bool]


class ChangeOut(TypedDict):
    """
    A field before and after. Both are null for a secret.
    """

    before: str | bool | int | list[str] | dict[str, JsonValue] | None
    after: str | bool | int | list[str] | dict[str, JsonValue] | None


class Error1(TypedDict):
    code: ErrorCode
    details: list[Detail]


class Error(TypedDict):
    data: None
    message: str
    status_code: int
    error: Error1
    request_id: str


JsonPatch: TypeAlias = list[PatchOperation]
"""
Operations that are applied in order, all or none (RFC 6902).
"""


LoginIn: TypeAlias = EmailLogin | UsernameLogin


RefreshIn: TypeAlias = TokenRefresh | CookieRefresh


class RoleCreate(TypedDict):
    """
    A new role: a name for what its users may do.
    """

    name: str
    description: NotRequired[str]
    permissions: list[Permission]
    limits: NotRequired[RoleLimits]


class SignedInOut(TypedDict):
    """
    Send the access token as `Authorization: Bearer …`. A refresh token is valid once.
    """

    access_token: str
    refresh_token: NotRequired[str]
    token_type: Literal["Bearer"]
    expires_in: int
    user: UserOut


class AuditEntryOut(TypedDict):
    """
    What was done, to what, by whom, when and from where. `version` is the target's, after it.
    """

    id: str
    at: str
    action: str
    actor: ActorOut
    target: TargetOut
    version: int | None
    changes: dict[str, ChangeOut]
    ip: str | None
    user_agent: str | None
    request_id: str | None
    redacted: bool
