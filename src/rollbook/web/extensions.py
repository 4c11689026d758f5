"""Keys of `app.extensions`: what is handed to the request handling when the app is created."""

LENGTH_LIMITS = "rollbook.length_limits"
REQUIRE_IF_MATCH = "rollbook.require_if_match"
EXTRA_PARAMETERS = "rollbook.extra_parameters"
CURSORS = "rollbook.cursors"
IDEMPOTENCY = "rollbook.idempotency"
AUTHENTICATE = "rollbook.authenticate"
