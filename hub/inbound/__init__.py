"""Incoming mail and chat: what it means and what it changes."""
