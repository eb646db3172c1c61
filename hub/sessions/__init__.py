"""Sessions, known browsers, and what ends them."""
