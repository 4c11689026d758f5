"""Invitations: who is invited chooses a password, also while registration is closed."""
