"""Limits for requests, sign-in attempts and registrations."""
