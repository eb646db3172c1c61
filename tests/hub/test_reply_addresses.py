"""The addresses that lead a mail back to its delivery can't be guessed, moved or worn out by a server on the way."""

import pytest

from hub.outbox import reply_addresses
from models.delivery import Delivery
from tests.support.factory import People


async def _two(people: People) -> tuple[Delivery, Delivery]:
    member = await people.member(contacts=("home", "phone"))
    for label in ("home", "phone"):
        await people.asked_for_code(member, label)
    one, other = await Delivery.all().order_by("id")
    return one, other


async def test_an_address_names_its_delivery_and_no_other(people: People) -> None:
    """It survives folded case and a rotated key; another's number, another use and a changed sign don't."""
    one, other = await _two(people)
    keys = people.hub.keys
    reply = reply_addresses.reply_address(keys, one, "portal.test")
    bounce = reply_addresses.bounce_address(keys, one, "portal.test")
    for address in (reply, bounce):
        local = address.partition("@")[0]
        assert len(local) < 64
        assert local.replace("+", "").isalnum()
        for spelled in (address, address.upper()):
            assert reply_addresses.delivery_id_in(spelled) == one.id
            assert reply_addresses.is_right(keys, one, spelled)
            assert reply_addresses.is_right(keys.rotated(now=people.now), one, spelled)
        assert not reply_addresses.is_right(keys, other, address)
        assert not reply_addresses.is_right(keys, one, address.replace("a", "b").replace("c", "d").replace("e", "f"))
    assert not reply_addresses.is_right(keys, one, reply.replace("reply+", "bounce+"))
    assert not reply_addresses.is_right(keys, other, reply.replace(f"+{one.id}x", f"+{other.id}x"))


@pytest.mark.parametrize(
    "address", ["", "reply@portal.test", "reply+1@portal.test", "reply+x@portal.test", "reply+1xabc@portal.test", "a+b"]
)
def test_what_is_no_address_of_ours_names_nothing(address: str) -> None:
    """Anything else is nobody's delivery."""
    assert reply_addresses.delivery_id_in(address) is None
