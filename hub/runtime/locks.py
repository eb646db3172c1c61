"""How the decisions about one account, or one address, are made one after another, whichever process makes them."""

from hashlib import sha256

from models.account import Account
from models.queries import agree, where


async def take(account_id: int) -> None:
    """Wait for this account's turn, which lasts until the caller's transaction ends."""
    await where(Account, id=account_id).hold()


async def take_address(folded: str) -> None:
    """Wait for the turn of an address that belongs to nobody yet; it lasts until the caller's transaction ends."""
    await agree(int.from_bytes(sha256(folded.encode()).digest()[:8], "big", signed=True))
