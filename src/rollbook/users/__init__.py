"""Users: create, read, list, change, delete and restore."""
