"""GPT-SoVITS inference: one network per file, weights loading apart, nothing read at import time.

The order in which speech comes about, and where each step lives::

    reference clip ── reference_audio ──> spectrogram, 16 kHz signals
        ├── hubert ──> quantizer ──> prompt tokens (how it was said)
        ├── reference_encoder ──> reference embedding
        └── speaker_encoder (Pro only) ──> speaker embedding
    phones + BERT rows + prompt tokens ── text2semantic, sampling ──> tokens, 25 per second
    tokens + phones + conditioning ── text_encoder, flow, generator (together: sovits) ──> 32 kHz audio

``engine`` puts them behind the Engine protocol: ``resident`` keeps the networks, ``planning`` prepares a request,
``batching`` shares one device between requests, ``rendering`` turns tokens into sound. ``fast`` holds the reduced
precision, ``loading`` and ``store`` deal with files, ``parity`` with the goldens.
"""
