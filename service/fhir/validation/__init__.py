"""Checks of a resource against its definitions; all faults in one pass."""
