"""Building blocks without Flask and MongoDB."""
