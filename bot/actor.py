"""PURE: who did something in Slack, and from which workspace, as the signed payload tells it."""

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]


def team_in(body: Body) -> str:
    """Name the workspace in which the person acts; empty when the payload names none."""
    team = body.get("team")
    if isinstance(team, Mapping) and team.get("id"):
        return str(team["id"])
    if isinstance(team, str) and team:
        return team
    # An organisation's install leaves `authorizations` without a workspace, and `team` empty.
    for told in (body, _part(body, "user"), *_authorizations(body), _part(body, "view")):
        if told.get("team_id"):
            return str(told["team_id"])
    return ""


def home_in(body: Body) -> str:
    """Name the workspace that the person belongs to: in a channel shared with others, not always the one acted in."""
    user, event = _part(body, "user"), _part(body, "event")
    return str(user.get("team_id") or event.get("user_team") or "") or team_in(body)


def organisation_in(body: Body) -> str:
    """Name the organisation that the person's workspace belongs to; empty outside one."""
    organisation = body.get("enterprise")
    if isinstance(organisation, Mapping) and organisation.get("id"):
        return str(organisation["id"])
    if isinstance(organisation, str) and organisation:
        return organisation
    for told in (body, _part(body, "team"), _part(body, "user"), *_authorizations(body)):
        if told.get("enterprise_id"):
            return str(told["enterprise_id"])
    return ""


def domain_in(body: Body) -> str:
    """Give the domain by which people know the workspace; empty when the payload has none."""
    return str(body.get("team_domain") or _part(body, "team").get("domain") or "")


def _part(body: Body, name: str) -> Body:
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}


def _authorizations(body: Body) -> list[Body]:
    told = body.get("authorizations")
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
