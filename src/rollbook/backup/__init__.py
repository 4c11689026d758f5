"""`rollbook backup` and `rollbook restore`: everything that is stored, at one point in time."""
