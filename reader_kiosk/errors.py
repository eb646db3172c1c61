"""What the kiosk can't continue from, each kind by its name."""


class KioskError(Exception):
    """Something that the kiosk's keeper can mend; the message says how."""


class CardError(Exception):
    """The card or the reader failed in the middle of something: forget everything; the next try may succeed."""


class CardInUseError(CardError):
    """Another program of this machine has the card."""


class UnusableCardError(CardError):
    """A card that no further try makes readable: each kind below has its own sentence."""


class NoCardApplicationError(UnusableCardError):
    """The card answers, but has no PIV application that this kiosk can use."""


class NoCertificateError(UnusableCardError):
    """The PIV application has no certificate for logins."""


class DefectiveCardError(UnusableCardError):
    """What the card answers makes no sense."""


class PinError(Exception):
    """The PIN was not right; `attempts_remaining` is 0 when it is blocked, and None when the card does not count."""

    def __init__(self, attempts_remaining: int | None) -> None:
        super().__init__(f"{'?' if attempts_remaining is None else attempts_remaining} attempts remaining")
        self.attempts_remaining = attempts_remaining


class HubUnreachableError(Exception):
    """No answer from the hub, or none that makes sense."""
