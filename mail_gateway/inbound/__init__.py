"""Incoming mail: received, authenticated, and read."""
