"""What the help desk is told."""
