"""The injection engine: alignment, slots, hooks on a host, proof of freezing."""
