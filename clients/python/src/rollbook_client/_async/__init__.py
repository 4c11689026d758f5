"""The client for `async` code."""
