"""Ways back in, and what undoes a stranger's acts."""
