"""`rollbook doctor`: is this installation fit for its work, and if not, what to do."""
