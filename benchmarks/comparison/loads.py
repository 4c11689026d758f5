"""What a case sends to a peer, and the script in Lua that makes wrk send it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Template

EMAIL_FIELD = '"email":'
"""How a response names an e-mail address: counting it tells how many users the response has."""


@dataclass(frozen=True)
class Rendered:
    """One request. `$NUMBER` in the path or the body becomes another number each time."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Load:
    """The requests of one case.

    `path`, `headers` and `body` are templates: `$id` is the value `id` of the next user in `users`,
    `$NUMBER` is another number for each request. `credentials` are the headers that sign the caller
    in. `status` and `emails` are what the response must have: its status, and how many users.
    """

    method: str
    path: str
    credentials: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    users: Sequence[Mapping[str, str]] = ({},)
    status: int = 200
    emails: int | None = None
    sign_in: Callable[[], list[str]] | None = None
    """For refreshes: start sessions, and return their refresh tokens, of which each is used once.

    `$TOKEN` in the body becomes the token; the response has the next one as `refresh_token`.
    """

    def render(self) -> list[Rendered]:
        """Render one request for each of the users, with `$NUMBER` and `$TOKEN` as they are."""
        headers = {**self.headers, **self.credentials}
        if self.body:
            headers.setdefault("Content-Type", "application/json")
        return [
            Rendered(
                self.method,
                Template(self.path).safe_substitute(user),
                {name: Template(text).safe_substitute(user) for name, text in headers.items()},
                Template(self.body).safe_substitute(user),
            )
            for user in self.users
        ]


REQUESTS = """
local specs, built, number = {{ {specs} }}, {{}}, {first_number}
local function fill(text) return (text:gsub("%$NUMBER", tostring(number))) end
local function build(spec)
  local body = spec.body ~= "" and fill(spec.body) or nil
  return wrk.format(spec.method, fill(spec.path), spec.headers, body)
end
function init()
  if not {is_fixed} then return end
  for index, spec in ipairs(specs) do built[index] = build(spec) end
end
function request()
  number = number + 1
  local index = number % #specs + 1
  return built[index] or build(specs[index])
end
"""
REFRESHES = """
local specs, tokens, first, last = {{ {specs} }}, {{ {tokens} }}, 1, {count}
function request()
  local spec, token = specs[1], tokens[first]
  tokens[first], first = nil, first + 1
  local body = spec.body:gsub("%$TOKEN", token)
  return wrk.format(spec.method, spec.path, spec.headers, body)
end
function keep(body)
  local token = body:match('"refresh_token": *"([^"]+)"')
  if token then last = last + 1; tokens[last] = token end
end
function response(status, headers, body) keep(body) end
"""
DIAGNOSIS = """
local shown = false
function response(status, headers, body)
  if keep then keep(body) end
  if status >= 400 and not shown then
    shown = true
    io.write("FAILED status ", status, ": ", body:sub(1, 500), "\\n")
  end
end
"""
RESULT = """
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, ' ..
    '"refused": %d, "broken": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


def build_script(load: Load, first_number: int, *, diagnoses: bool = False) -> str:
    """Build wrk's script. `first_number`: no request before it had the numbers after it."""
    rendered = load.render()
    specs = ",\n".join(_render_spec(request) for request in rendered)
    if load.sign_in:
        tokens = load.sign_in()
        quoted = ", ".join(quote_lua(token) for token in tokens)
        script = REFRESHES.format(specs=specs, tokens=quoted, count=len(tokens))
    else:
        is_fixed = not any("$NUMBER" in request.path + request.body for request in rendered)
        script = REQUESTS.format(
            specs=specs, first_number=first_number, is_fixed=str(is_fixed).lower()
        )
    return script + (DIAGNOSIS if diagnoses else "") + RESULT


def quote_lua(text: str) -> str:
    """Quote for Lua, whose strings are those of JSON as long as all characters are plain ASCII."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"not printable ASCII: {text!r}")
    return json.dumps(text)


def _render_spec(request: Rendered) -> str:
    headers = ", ".join(
        f"[{quote_lua(name)}] = {quote_lua(value)}" for name, value in request.headers.items()
    )
    return (
        f"{{method = {quote_lua(request.method)}, path = {quote_lua(request.path)},"
        f" body = {quote_lua(request.body)}, headers = {{{headers}}}}}"
    )
