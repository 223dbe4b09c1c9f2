"""Makes `synth/engines/kokoro/voices.npz`: the speaker embedding of each of Kokoro's voices, from what it says.

    python -m benchmarks.kokoro_voices [--models DIR] [--sentences N]

Three CPU-seconds a voice and sentence. The file is committed; `synth.engines.kokoro.likeness` says what it is for.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from accounts.gates import speaker
from synth.audio.resample import resample
from synth.engines.kokoro import likeness, reading
from synth.engines.kokoro.network import RATE_HZ, Network
from synth.text.dictionary import NO_WORDS

ROOT = Path(__file__).resolve().parents[1]
SENTENCES = (
    "She said that nothing would ever be the same again.",
    "Please leave your keys on the kitchen table.",
    "The doctor will call you back on Thursday afternoon.",
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=Path, default=ROOT / "var" / "models")
    options.add_argument("--sentences", type=int, default=len(SENTENCES))
    chosen = options.parse_args()
    network = Network(chosen.models)
    weights = speaker.find_weights(chosen.models)
    assert weights is not None, "the speaker model is needed"
    symbols = [reading.read(text, "en", NO_WORDS)[0][0].symbols for text in SENTENCES[: chosen.sentences]]
    names, embeddings = network.voices(), []
    for name in names:
        said = [network.say(line, network.styles(name), 1.0) for line in symbols]
        sound = np.asarray(resample(np.concatenate(said), RATE_HZ, 16_000), np.float32)
        level = np.convolve(sound**2, np.ones(400) / 400, "same")
        embeddings.append(speaker.embed(sound[level > level.max() * 1e-3], weights).whole)
        print(name, flush=True)
    path = Path(likeness.__file__).with_name("voices.npz")
    np.savez_compressed(path, names=names, embeddings=np.asarray(embeddings, np.float16))


if __name__ == "__main__":
    main()
