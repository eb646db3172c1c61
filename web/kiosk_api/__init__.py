"""The signed HTTP interface of the kiosks."""
