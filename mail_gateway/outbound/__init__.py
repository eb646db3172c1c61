"""Outgoing mail: written, signed, and handed to the mail server."""
