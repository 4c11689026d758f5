"""Bring stored data, indexes and validators to the form that this version expects."""
