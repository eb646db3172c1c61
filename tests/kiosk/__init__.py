"""Tests of the kiosk's program."""
