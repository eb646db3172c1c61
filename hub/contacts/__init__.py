"""Contacts: registration, confirmation, suspension, and Slack links."""
