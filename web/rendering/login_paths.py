"""PURE: which page asks what a login asks."""

from hub.domain.outcomes import Asked, Choose
from models.kinds import AuthenticatorKind

_PATHS = {
    AuthenticatorKind.ONE_TIME_PASSWORD: "/login/code",
    AuthenticatorKind.APPROVAL: "/login/approval",
    AuthenticatorKind.MATRIX: "/login/matrix",
    AuthenticatorKind.SOFT_TOKEN: "/login/soft-token",
}


def path_of(step: Choose | Asked) -> str:
    """Name the page of a login's next step."""
    return "/login/choice" if isinstance(step, Choose) else _PATHS[step.kind]
