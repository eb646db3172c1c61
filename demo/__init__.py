"""Stand-ins that speak the foreign protocols, for the demo and the tests alike."""
