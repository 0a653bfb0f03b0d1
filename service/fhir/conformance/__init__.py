"""Whether a sound resource conforms: invariants, profiles, extension definitions, and what is enforced when."""
