"""Keys, password hashing, rate limits, certificates, and the audit."""
