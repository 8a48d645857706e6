"""Linking a corpus: shards of texts in, linked mentions out, resumable, the same bytes always."""
