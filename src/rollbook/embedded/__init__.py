"""A private MongoDB for development and tests."""
