"""GPT-SoVITS inference: one network per file, weights loading apart, nothing read at import time.

The order in which speech comes about, and where each step lives::

    reference clip ── reference_audio ──> spectrogram, 16 kHz signals
        ├── hubert ──> quantizer ──> prompt codes (how it was said)
        ├── reference_encoder ──> style vector
        └── speaker_vector (Pro only) ──> speaker vector
    phones + BERT rows + prompt codes ── text2semantic, sampling ──> codes, 25 per second
    codes + phones + vectors ── text_encoder, flow, generator (together: sovits) ──> 32 kHz audio

``engine`` puts them behind the Engine protocol, ``batching`` shares one device between requests, ``fast``
holds the reduced-precision modes, ``weights`` and ``store`` deal with files, ``parity`` with the goldens.
"""
