"""The program of a kiosk with a card reader, on a machine of its own: it knows the hub by its protocol only."""
