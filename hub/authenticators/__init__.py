"""PURE: how each kind of authenticator is minted and verified, one kind a file."""
