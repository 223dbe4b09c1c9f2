"""Benchmarks: each writes docs/benchmarks/NAME.json; docs/benchmarks.md is rendered from all of them."""
