"""Tests of the hub's decisions."""
