"""Runs: plan, steps, cache, execution, record, statistics."""
