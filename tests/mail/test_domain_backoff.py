"""Which mail domains the metrics name."""

from mail_gateway.outbound.domain_backoff import MOST_SHOWN, SHARED, Domains


def test_a_domain_that_may_be_one_members_own_is_not_named() -> None:
    """Letters to a few addresses of it count as others', however many there are; a shared domain has its name."""
    domains = Domains()
    assert {domains.shown(f"m{n % (SHARED - 1)}@taro.example") for n in range(100)} == {"other"}
    told = [domains.shown(f"m{n}@example.ac.jp") for n in range(SHARED)]
    assert told == ["other"] * (SHARED - 1) + ["example.ac.jp"]


def test_the_metrics_name_a_bounded_number_of_domains() -> None:
    """A member who registers addresses of many domains does not fill them."""
    domains = Domains()
    named = {domains.shown(f"m{n}@{number}.example") for number in range(3 * MOST_SHOWN) for n in range(SHARED)}
    assert len(named - {"other"}) == MOST_SHOWN
