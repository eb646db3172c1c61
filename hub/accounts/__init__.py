"""Accounts: administration, bulk import, and overviews for members and the help desk."""
