"""The rows that own the truth, and the way to the database that keeps them."""
