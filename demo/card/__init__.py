"""A virtual IC card in a virtual reader, for the demo and the tests alike: real PC/SC without hardware."""
