"""What a request brings: client, session, form, and language."""
