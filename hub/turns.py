"""How the decisions about one account are made one after another, whichever process makes them."""

from models.account import Account
from models.rows import where


async def take(account_id: int) -> None:
    """Wait for this account's turn, which lasts until the caller's transaction ends."""
    await where(Account, id=account_id).hold()
