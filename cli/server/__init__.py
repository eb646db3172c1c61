"""Processes that serve: start-up checks, listeners, and logs."""
