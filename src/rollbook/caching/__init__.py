"""Caches of the workers, and changes that wait until no cache holds what they replaced."""
