"""PURE: reads what a person's answer to a letter says."""
