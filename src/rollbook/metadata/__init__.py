"""JSON objects that an app keeps with its users."""
