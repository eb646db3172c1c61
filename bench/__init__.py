"""Measurements: ratios side by side in one run, each with its least, median and most; never part of the tests."""
