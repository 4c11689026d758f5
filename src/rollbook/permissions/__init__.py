"""Permissions of one's own, which roles can hold and other services read."""
