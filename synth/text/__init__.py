"""From written text to the phones that GPT-SoVITS checkpoints read. Plain Python and numpy; no network, ever.

`frontend.process` is the way in. Each language has a module with ``normalize(text) -> str`` and
``phones(text) -> (phones, phones_per_character | None)``; `segmentation` tells languages apart, `cutting` makes
pieces of a length the networks like, `markup` reads emotion tags and SSML, `dictionary` holds users' words.
"""
