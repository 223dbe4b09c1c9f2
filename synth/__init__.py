"""Assent: consented voices, marked speech, an accountable record."""

__version__ = "0.1.0"
