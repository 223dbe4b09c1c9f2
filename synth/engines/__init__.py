"""Engines: text and a style clip in, speech out. See :mod:`synth.engines.base` for the protocol."""
