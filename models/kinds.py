"""The closed lists of kinds that rows and decisions share."""

from enum import StrEnum


class AuthenticatorKind(StrEnum):
    """What can prove an account (NIST SP 800-63B-4, 3)."""

    PASSWORD = "password"
    MATRIX = "matrix"
    ONE_TIME_PASSWORD = "one_time_password"
    SOFT_TOKEN = "soft_token"
    IC_CARD = "ic_card"
    APPROVAL = "approval"


class Factor(StrEnum):
    """What a proof rests on; a fingerprint stays inside the device that reads it."""

    KNOWLEDGE = "knowledge"
    POSSESSION = "possession"


class Channel(StrEnum):
    """Where a delivery leaves the hub."""

    MAIL = "mail"
    SLACK = "slack"


class Letter(StrEnum):
    """What a delivery carries, the most urgent first."""

    CODE = "code"
    APPROVAL = "approval"
    CONFIRMATION = "confirmation"
    NOTICE = "notice"
    ANSWER = "answer"


class Answer(StrEnum):
    """What our answer to a mail says."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    REFUSED_DESK_TOLD = "refused-desk-told"
    LIST = "list"
    REMOVE_HERE = "remove-here"
    HELP = "help"
    HOW_TO_CONFIRM = "how-to-confirm"
    UNCLEAR = "unclear"
    AUTOMATIC = "automatic"
    NOT_SURE = "not-sure"
    TOO_LATE = "too-late"


class MailUse(StrEnum):
    """What an address of ours is for."""

    REPLY = "reply"
    BOUNCE = "bounce"
    OPERATOR = "operator"


class Verdict(StrEnum):
    """What a message that came in was taken for."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    LISTED = "listed"
    LINKED = "linked"
    HELPED = "helped"
    THANKED = "thanked"
    UNCLEAR = "unclear"
    REPEATED = "repeated"
    DOUBTED = "doubted"
    TOO_LATE = "too-late"
    AUTOMATIC = "automatic"
    BOUNCED = "bounced"
    DELIVERED = "delivered"
    SHELVED = "shelved"
    DROPPED = "dropped"


class Notice(StrEnum):
    """What a notice tells."""

    CONTACT_ADDED = "contact-added"
    CONTACT_REMOVED = "contact-removed"
    SOFT_TOKEN_ADDED = "soft-token-added"
    SOFT_TOKEN_REMOVED = "soft-token-removed"
    MATRIX_OFF = "matrix-off"
    MATRIX_ON = "matrix-on"
    NEW_LOGIN = "new-login"
    CONTACT_SUSPENDED = "contact-suspended"
    SLACK_LINKED = "slack-linked"
    SLACK_SUSPENDED = "slack-suspended"
    PASSWORD_SET = "password-set"
    MATRIX_ISSUED = "matrix-issued"
    UNLOCKED = "unlocked"
    CODES_ALLOWED = "codes-allowed"
    CARD_BOUND = "card-bound"
    CARD_BLOCKED = "card-blocked"
    CARD_UNBLOCKED = "card-unblocked"
    CARD_REMOVED = "card-removed"
    CONTACT_RESUMED = "contact-resumed"
    PASSWORD_SET_BY_DESK = "password-set-by-desk"
    UNLOCKED_BY_DESK = "unlocked-by-desk"
    ACCOUNT_DISABLED = "account-disabled"
    ACCOUNT_ENABLED = "account-enabled"
    ACCOUNT_RESET = "account-reset"
    CONTACT_RENAMED = "contact-renamed"
    ANSWERS_WRONG = "answers-wrong"
    PASSWORDS_WRONG = "passwords-wrong"
    # For the help desk, not for the member.
    DISOWNED = "disowned"
    CONTACT_UNREACHABLE = "contact-unreachable"


# Letters to the help desk: they have no link of the member's and take no command.
FOR_DESK = frozenset({Notice.DISOWNED, Notice.CONTACT_UNREACHABLE})
# Notices of logins, made or failed: nothing was changed, and each says so in its subject.
OF_LOGINS = frozenset({Notice.NEW_LOGIN, Notice.ANSWERS_WRONG, Notice.PASSWORDS_WRONG})


class Purpose(StrEnum):
    """What a challenge's answer is good for."""

    LOGIN = "login"
    CONFIRM = "confirm"


class Zone(StrEnum):
    """Where a request comes from, by its network."""

    ON_CAMPUS = "on-campus"
    OFF_CAMPUS = "off-campus"


class EventKind(StrEnum):
    """What the audit tells."""

    ACCOUNT_ADDED = "account-added"
    ACCOUNT_DISABLED = "account-disabled"
    ACCOUNT_ENABLED = "account-enabled"
    ACCOUNT_RESET = "account-reset"
    PASSWORD_SET = "password-set"
    PASSWORD_RIGHT = "password-right"
    PASSWORD_WRONG = "password-wrong"
    CODE_ASKED = "code-asked"
    APPROVAL_ASKED = "approval-asked"
    APPROVED = "approved"
    ANSWER_WRONG = "answer-wrong"
    ANSWER_THROTTLED = "answer-throttled"
    ADMITTED = "admitted"
    STEPPED_UP = "stepped-up"
    STEP_UP_WRONG = "step-up-wrong"
    ENROLMENT_REFUSED = "enrolment-refused"
    SESSION_ENDED = "session-ended"
    CONTACT_ADDED = "contact-added"
    CONTACT_CONFIRMED = "contact-confirmed"
    CONTACT_REFUSED = "contact-refused"
    CONTACT_ALLOWED = "contact-allowed"
    CONTACT_CHANGED = "contact-changed"
    CONTACT_RENAMED = "contact-renamed"
    CONTACT_REMOVED = "contact-removed"
    CONTACT_SUSPENDED = "contact-suspended"
    CONTACT_RESUMED = "contact-resumed"
    BOUNCED = "bounced"
    MAIL_READ = "mail-read"
    SLACK_LINK_ASKED = "slack-link-asked"
    SOFT_TOKEN_BOUND = "soft-token-bound"
    SOFT_TOKEN_REMOVED = "soft-token-removed"
    MATRIX_ISSUED = "matrix-issued"
    MATRIX_SWITCHED = "matrix-switched"
    DISOWNED = "disowned"
    KIND_REOPENED = "kind-reopened"
    COUNTS_CLEARED = "counts-cleared"
    CODES_ALLOWED = "codes-allowed"
    KIOSK_ADDED = "kiosk-added"
    KIOSK_ENROLLED = "kiosk-enrolled"
    KIOSK_REVOKED = "kiosk-revoked"
    CARD_BOUND = "card-bound"
    CARD_BINDING_ASKED = "card-binding-asked"
    CARD_BLOCKED = "card-blocked"
    CARD_UNBLOCKED = "card-unblocked"
    CARD_REFUSED = "card-refused"
    CARD_NAMED = "card-named"
    AUDIT_PRUNED = "audit-pruned"
    KEYS_ROTATED = "keys-rotated"
    KEYS_RETIRED = "keys-retired"
