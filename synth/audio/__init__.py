"""Sound in and out: decoding, encoding, resampling, loudness, prosody, vocoder.

Pure room: numpy, scipy, soxr and soundfile only. Arrays are float32 or float64 in [-1, 1] with an
explicit ``sample_rate_hz``; nothing here knows about rows, requests or settings.
"""
