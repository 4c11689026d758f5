"""Cross-origin requests: pages of listed origins may call the API from a browser."""
