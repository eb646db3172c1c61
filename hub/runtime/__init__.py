"""Locks, loops, batches, wake-ups and alerts of one process."""
