"""The client for code without `async`."""
