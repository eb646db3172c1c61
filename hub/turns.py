"""How the decisions about one account are made one after another, whichever process makes them."""

from models.account import Account


async def take(account_id: int) -> None:
    """Wait for this account's turn, which lasts until the caller's transaction ends.

    PostgreSQL holds the row; on SQLite the transaction is the only writer anyway. A whole row must be asked for:
    tortoise leaves FOR UPDATE out of `values` and `values_list` without a word.
    """
    # NO KEY: rows that only refer to the account are written meanwhile.
    await Account.filter(id=account_id).select_for_update(no_key=True).only("id").first()
