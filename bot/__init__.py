"""The Slack door: codes by direct message, and linking a Slack account without leaving the chat."""
