"""Scheduled jobs, operator's checks, and gauges."""
