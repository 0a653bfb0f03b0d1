"""A believable, invented cohort from a seed."""
