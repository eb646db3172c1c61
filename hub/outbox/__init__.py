"""Messages that wait to be delivered, and what they say of an account."""
