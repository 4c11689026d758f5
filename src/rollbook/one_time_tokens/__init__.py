"""One-time tokens: what a link in a message carries."""
