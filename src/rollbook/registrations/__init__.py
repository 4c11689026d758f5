"""Registrations that wait for their link: with EMAIL_VERIFICATION=required."""
