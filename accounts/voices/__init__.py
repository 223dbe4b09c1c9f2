"""Voices: whose they are, the recordings kept of them, their styles."""
