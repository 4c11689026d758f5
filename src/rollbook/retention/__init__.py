"""Purge users who were deleted long ago."""
