"""What the kiosk can't continue from, each kind by its name."""


class KioskError(Exception):
    """Something that the kiosk's keeper can mend; the message says how."""


class CardError(Exception):
    """The card or the reader failed in the middle of something: forget everything, begin again."""


class NoCardApplicationError(CardError):
    """The card answers, but has no PIV application or no certificate in it."""


class PinError(Exception):
    """The PIN was not right; `attempts_remaining` is what the card says, 0 when it is blocked."""

    def __init__(self, attempts_remaining: int) -> None:
        super().__init__(f"{attempts_remaining} attempts remaining")
        self.attempts_remaining = attempts_remaining


class HubUnreachableError(Exception):
    """No answer from the hub, or none that makes sense."""
