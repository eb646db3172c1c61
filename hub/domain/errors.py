"""The errors that a caller of the hub can't continue from."""


class HubError(Exception):
    """Something that stops the hub, with a sentence an operator can act on."""


class SettingsError(HubError):
    """A setting is unknown, missing or unreadable."""


class KeyRingError(HubError):
    """The key ring is missing, unreadable, or lacks the key that a value was sealed with."""


class TamperedError(HubError):
    """A sealed value does not belong to the row it was found in."""


class RefusedError(HubError):
    """An operator's command can't be done as asked."""
