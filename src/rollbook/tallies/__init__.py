"""Numbers of users that are known without counting."""
