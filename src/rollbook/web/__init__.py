"""Flask: endpoints, request parsing, responses and error handlers."""
