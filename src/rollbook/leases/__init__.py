"""Leases: what only one process of all replicas should do."""
