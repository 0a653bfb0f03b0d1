"""Kill tests: what was acknowledged, what may or may not have been stored, and whether a restart agrees.

Source: design, section 5 (a write that was acknowledged survives `kill -9`)
"""
