"""How an answer reaches the member who acted in Slack."""
