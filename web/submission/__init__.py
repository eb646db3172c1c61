"""Forms that are sent twice, late, or on second thought."""
