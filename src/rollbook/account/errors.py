"""Errors about accounts."""

from rollbook.kit.errors import Forbidden


class SignInLinksOff(Forbidden):
    """SIGN_IN_LINKS=false: users sign in with a password."""

    code, message = "sign_in_links_off", "Users of this server sign in with a password."
