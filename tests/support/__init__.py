"""Helpers and fixtures that several areas of the tests share."""
