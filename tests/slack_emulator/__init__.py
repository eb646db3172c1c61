"""Tests of the Slack emulator of the demo."""
