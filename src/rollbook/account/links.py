"""The links in messages. They come from settings only, never from the Host of a request."""

from dataclasses import dataclass

VERIFY_PATH, RESET_PATH, UNDO_PATH = "/account/verify", "/account/reset", "/account/undo"
INVITATION_PATH, SIGN_IN_PATH = "/account/invitation", "/account/link"


@dataclass(frozen=True)
class Links:
    """Each has `{token}` where the token goes."""

    verify: str
    reset: str
    undo: str
    invitation: str
    sign_in: str

    @classmethod
    def build(
        cls,
        public_address: str,
        *,
        verify: str | None,
        reset: str | None,
        undo: str | None,
        invitation: str | None,
        sign_in: str | None,
    ) -> "Links":
        """Build the links. Those that are None lead to the pages of rollbook."""
        own = public_address + "{}?token={{token}}"
        return cls(
            verify or own.format(VERIFY_PATH),
            reset or own.format(RESET_PATH),
            undo or own.format(UNDO_PATH),
            invitation or own.format(INVITATION_PATH),
            sign_in or own.format(SIGN_IN_PATH),
        )
