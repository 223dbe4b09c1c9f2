"""Dubbing: many lines of one script, each a job of its own, and what is made of them together."""
