"""The mail door: letters out."""
