"""PURE values and rules that every room of the hub shares."""
