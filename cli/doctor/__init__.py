"""`tegata doctor`: checks of an installation."""
