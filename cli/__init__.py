"""The operator's door: commands, and the composition of processes."""
