"""The policy: never less than two factors, matrix never first, no enrolment off campus by matrix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import policy
from hub.domain.outcomes import ByApproval, ByContact, ByMatrix, BySoftToken
from hub.domain.policy import Bound, BoundContact
from hub.settings import load
from models.kinds import AuthenticatorKind, Channel, Factor, Zone

KINDS = st.sampled_from(AuthenticatorKind)
CONTACTS = st.lists(
    st.builds(BoundContact, st.integers(1, 99), st.text(min_size=1, max_size=32), st.sampled_from(Channel)),
    max_size=10,
    unique_by=lambda contact: contact.id,
)
BOUND = st.builds(Bound, CONTACTS.map(tuple), st.integers(0, 3), st.booleans(), st.booleans())
ZONES = st.sampled_from(Zone)
KNOWN = {AuthenticatorKind.PASSWORD, AuthenticatorKind.IC_CARD}


@given(st.lists(KINDS, max_size=8))
def test_nobody_is_admitted_with_less_than_two_factors(proved: list[AuthenticatorKind]) -> None:
    """Something known and something had, of different kinds or on one card; the same kind twice is one proof."""
    assert policy.is_enough(proved) == (bool(KNOWN & set(proved)) and bool(set(proved) - {AuthenticatorKind.PASSWORD}))
    if policy.is_enough(proved):
        assert policy.factors(proved) == {Factor.KNOWLEDGE, Factor.POSSESSION}
    assert policy.is_enough(proved) == policy.is_enough(proved * 2)


@given(BOUND)
def test_every_offer_is_enough_after_the_password_and_none_is_invented(bound: Bound) -> None:
    """What is offered is bound, once each, and with the password it admits; the password alone never does."""
    offers = policy.offers(bound)
    ways = [offer.way for offer in offers]
    assert len(set(ways)) == len(ways)
    for way in ways:
        match way:
            case ByContact(contact_id):
                assert contact_id in {contact.id for contact in bound.contacts}
                kind = AuthenticatorKind.ONE_TIME_PASSWORD
            case ByApproval(contact_id):
                assert contact_id in {one.id for one in bound.contacts if one.channel is Channel.SLACK}
                kind = AuthenticatorKind.APPROVAL
            case BySoftToken():
                assert bound.soft_tokens
                kind = AuthenticatorKind.SOFT_TOKEN
            case ByMatrix():
                assert bound.matrix_card
                kind = AuthenticatorKind.MATRIX
        assert policy.is_enough((AuthenticatorKind.PASSWORD, kind))
        assert not policy.is_enough((kind,))
    assert not policy.is_enough((AuthenticatorKind.PASSWORD,))


@given(BOUND)
def test_matrix_is_never_the_default_while_a_contact_or_soft_token_is_bound(bound: Bound) -> None:
    """Contacts first, then Soft Token, then Matrix; alone, the card is all that is asked, switched off or not."""
    ways = [offer.way for offer in policy.offers(bound)]
    others = bool(bound.contacts or bound.soft_tokens)
    if others:
        assert ways[0] != ByMatrix()
        assert (ByMatrix() in ways) == (bound.matrix_card and not bound.matrix_off)
        if ByMatrix() in ways:
            assert ways[-1] == ByMatrix()
    else:
        assert ways == ([ByMatrix()] if bound.matrix_card else [])
    assert [way.contact_id for way in ways if isinstance(way, ByContact)] == [one.id for one in bound.contacts]
    assert ways[: len(bound.contacts)] == [ByContact(one.id) for one in bound.contacts]
    assert policy.may_switch_matrix_off(bound) == others


@given(BOUND)
def test_labels_are_offered_and_never_addresses(bound: Bound) -> None:
    """Contacts carry their label and channel, the others neither."""
    named = {contact.id: (contact.label, contact.channel) for contact in bound.contacts}
    for offer in policy.offers(bound):
        expected = named[offer.way.contact_id] if isinstance(offer.way, ByContact | ByApproval) else ("", None)
        assert (offer.label, offer.channel) == expected


@given(st.sets(KINDS), ZONES, ZONES)
def test_enrolment_is_refused_off_campus_by_matrix(
    proved: set[AuthenticatorKind], session_zone: Zone, zone: Zone
) -> None:
    """Where the session was opened counts, and where the request comes from; no other way is held back."""
    allowed = policy.may_enrol(session_amr=policy.amr(proved), session_zone=session_zone, zone=zone)
    off_campus = Zone.OFF_CAMPUS in {session_zone, zone}
    assert allowed == (not (AuthenticatorKind.MATRIX in proved and off_campus))


@given(st.lists(KINDS, max_size=8))
def test_the_methods_of_a_session_are_those_that_were_proved(proved: list[AuthenticatorKind]) -> None:
    """RFC 8176's values in one order whatever came first, each once, `mfa` last and only with two factors."""
    written = policy.amr(proved)
    values = written.split()
    assert written == policy.amr(reversed(proved))
    assert len(set(values)) == len(values)
    assert ("mfa" in values) == policy.is_enough(proved)
    if "mfa" in values:
        assert values[-1] == "mfa"
    assert ("pwd" in values) == (AuthenticatorKind.PASSWORD in proved)
    assert ("matrix" in values) == (AuthenticatorKind.MATRIX in proved)
    assert ({"sc", "pin", "hwk"} <= set(values)) == (AuthenticatorKind.IC_CARD in proved)
    delivered = {AuthenticatorKind.ONE_TIME_PASSWORD, AuthenticatorKind.SOFT_TOKEN}
    assert ("otp" in values) == bool(delivered & set(proved))


@pytest.mark.parametrize(
    ("proved", "amr"),
    [
        ((), ""),
        (("password",), "pwd"),
        (("matrix", "password"), "pwd matrix mfa"),
        (("password", "one_time_password"), "pwd otp mfa"),
        (("password", "soft_token"), "pwd otp mfa"),
        (("one_time_password", "soft_token"), "otp"),
        (("ic_card",), "sc pin hwk mfa"),
    ],
)
def test_the_methods_are_written_as_rfc_8176_does(proved: tuple[str, ...], amr: str) -> None:
    """The table, by hand."""
    assert policy.amr(AuthenticatorKind(kind) for kind in proved) == amr


CAMPUS = load({}, campus_networks="10.0.0.0/8, 2001:db8::/32").campus_networks


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("10.0.0.0", Zone.ON_CAMPUS),
        ("10.255.255.255", Zone.ON_CAMPUS),
        ("11.0.0.0", Zone.OFF_CAMPUS),
        ("::ffff:10.1.2.3", Zone.ON_CAMPUS),
        ("::ffff:11.1.2.3", Zone.OFF_CAMPUS),
        ("2001:db8::1", Zone.ON_CAMPUS),
        ("2001:db8::1%eth0", Zone.ON_CAMPUS),
        ("2001:db9::1", Zone.OFF_CAMPUS),
        # 10.0.0.1 as a number, and in other spellings that some libraries take.
        ("167772161", Zone.OFF_CAMPUS),
        ("010.0.0.1", Zone.OFF_CAMPUS),
        ("10.1", Zone.OFF_CAMPUS),
        ("::10.0.0.1", Zone.OFF_CAMPUS),
        ("", Zone.OFF_CAMPUS),
        ("unknown", Zone.OFF_CAMPUS),
        ("10.0.0.1, 203.0.113.7", Zone.OFF_CAMPUS),
    ],
)
def test_the_zone_of_an_address(address: str, zone: Zone) -> None:
    """In a campus network or not; what is no address is off campus."""
    assert policy.zone_of(address, CAMPUS) is zone


def test_without_campus_networks_everything_is_off_campus() -> None:
    """An operator who has set nothing has the stricter rule."""
    for address in ("127.0.0.1", "10.0.0.1", "::1"):
        assert policy.zone_of(address, ()) is Zone.OFF_CAMPUS
