"""Loops that deliver messages to Slack and rewrite expired ones."""
