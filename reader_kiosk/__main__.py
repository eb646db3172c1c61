"""Starts the program: `python -m reader_kiosk`."""

from reader_kiosk.commands import main

main()
