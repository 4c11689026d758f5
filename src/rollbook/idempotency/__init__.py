"""Requests with an Idempotency-Key are carried out once, and replayed."""
