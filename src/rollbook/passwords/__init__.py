"""The password policy, password hashes, and how many are computed at once."""
