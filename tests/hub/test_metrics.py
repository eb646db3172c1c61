"""What a hub counts for those who watch it."""

from prometheus_client import REGISTRY

from hub.login import password_login
from hub.maintenance import gauges
from tests.support.factory import People


def counted(outcome: str) -> float:
    """How many steps of logins ended so."""
    return REGISTRY.get_sample_value("tegata_logins_total", {"outcome": outcome}) or 0


async def test_a_logins_steps_are_counted_by_their_outcome(people: People) -> None:
    """One spraying alarm for all doors: wrong passwords rise, whether the account exists or not."""
    member = await people.member()
    before = {name: counted(name) for name in ("password-wrong", "begun", "answer-wrong", "throttled", "admitted")}
    for name in ("taro", "nobody"):
        await password_login.begin(people.hub, people.visit(), name=name, password="wrong password")
    pending = await people.asked_for_cells(member)
    await password_login.answer(people.hub, people.visit(), pending.token, pending.wrong)
    await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    people.later(seconds=2)
    await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    rise = {name: counted(name) - number for name, number in before.items()}
    assert rise == {"password-wrong": 2, "begun": 1, "answer-wrong": 1, "throttled": 1, "admitted": 1}


async def test_the_backlog_and_its_age_are_read_from_the_rows(people: People) -> None:
    """Mail that waits is seen, and no longer once it is delivered."""
    member = await people.member(contacts=("自宅", "携帯"))
    begun = await people.begun(member)
    await password_login.choose(
        people.hub, people.visit(), begun.token, password_login.ByContact(member.contacts["自宅"])
    )
    people.later(seconds=40)
    await gauges.look(people.hub, now=people.now)
    mail = {"channel": "mail"}
    assert REGISTRY.get_sample_value("tegata_outbox_due", mail) == 1
    assert REGISTRY.get_sample_value("tegata_outbox_oldest_seconds", mail) == 40
    await people.delivered()
    await gauges.look(people.hub, now=people.now)
    assert REGISTRY.get_sample_value("tegata_outbox_due", mail) == 0
    assert REGISTRY.get_sample_value("tegata_outbox_oldest_seconds", mail) == 0
