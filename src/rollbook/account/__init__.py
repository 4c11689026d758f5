"""The life of an account: verify an address, recover a password."""
