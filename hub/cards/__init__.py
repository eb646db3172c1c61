"""IC cards and the kiosks that read them."""
