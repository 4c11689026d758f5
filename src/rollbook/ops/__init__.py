"""Health and readiness, request ids and the log."""
