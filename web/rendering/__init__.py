"""Templates and the text they show."""
