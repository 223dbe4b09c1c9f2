"""Gates: what is measured on a recording before it may found a consent or become a style.

Pure: arrays already decoded come in with their sample rate, measured values and outcomes go out. No rows, no
paths to uploads, no Django. `challenge` and `phones` are light enough for the web process; everything else
belongs to a worker (torch, pocketsphinx) and is imported by name, never from here.
"""
