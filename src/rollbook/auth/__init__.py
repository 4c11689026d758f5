"""Sign in, refresh and sign out; turn an access token into its caller."""
