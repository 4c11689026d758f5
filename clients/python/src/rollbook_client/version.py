"""The version of the client, which is that of rollbook."""

VERSION = "0.3.0"
AGENT = f"rollbook-client/{VERSION}"
"""What lists of sessions show as the user agent."""
