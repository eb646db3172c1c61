"""The decisions of a login, by password or by card."""
