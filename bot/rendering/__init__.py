"""PURE: Slack messages, views and their text."""
