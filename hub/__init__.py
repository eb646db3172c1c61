"""The decisions: who is admitted, what may be enrolled, what is delivered."""
