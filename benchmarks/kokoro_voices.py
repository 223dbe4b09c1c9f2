import sys
import json
import time

sys.path.insert(0, "/work/wt/models")
import numpy as np
import onnxruntime as ort
import soxr
import torch

torch.set_num_threads(1)
from pathlib import Path

from accounts.gates import speaker

R = Path("/work/models-cache/kokoro")
W = Path("/work/models-cache/speaker-ge2e.pt")
vocab = json.load(open(R / "vocab.json"))["vocab"]
so = ort.SessionOptions()
so.intra_op_num_threads = 1
so.inter_op_num_threads = 1
sess = ort.InferenceSession(str(R / "model.int8.onnx"), so, providers=["CPUExecutionProvider"])
names = sorted(p.stem for p in (R / "voices").glob("*.bin"))
V = np.stack([np.fromfile(R / "voices" / f"{n}.bin", "<f4").reshape(510, 256) for n in names])
S = [
    "ʃi sˈɛd ðˌæt nˈʌθɪŋ wʊd ˈɛvəɹ biː ðə sˈAm əɡˈɛn.",
    "plˈiz lˈiv jʊɹ kˈiz ɔn ðə kˈɪʧən tˈAbəl.",
    "ðə dˈɑktəɹ wɪl kˈɔl ju bˈæk ɔn θˈɜɹzdˌA ˌæftəɹnˈun.",
]
ids = [[vocab[c] for c in s] for s in S]


def say(tok, style, speed=1.0):
    return sess.run(
        None,
        {
            "tokens": np.array([[0, *tok, 0]], np.int64),
            "style": style.astype(np.float32).reshape(1, 256),
            "speed": np.array([speed], np.float32),
        },
    )[0].reshape(-1)


def emb(a):
    x = soxr.resample(a, 24000, 16000).astype(np.float32)
    e = np.convolve(x**2, np.ones(400) / 400, "same")
    x = x[e > e.max() * 1e-3]
    if len(x) < 26000:
        x = np.concatenate([x, x])
    return speaker.embed(x, W).whole


out = []
rng = np.random.default_rng(7)


def save():
    np.savez(
        "/tmp/models/fit/pairs.npz",
        w=np.array([o[0] for o in out]),
        s=np.array([o[1] for o in out]),
        e=np.array([o[2] for o in out]),
        names=names,
    )


def one(w, k):
    st = np.tensordot(w, V[:, len(ids[k])], 1)
    out.append((w, k, emb(say(ids[k], st))))


n = 0
if __name__ == "__main__":
    for k in (0, 1):
        for i in range(54):
            one(np.eye(54)[i], k)
        save()
        print("base", k, time.process_time(), flush=True)
    while True:
        m = rng.integers(2, 6)
        idx = rng.choice(54, m, replace=False)
        w = np.zeros(54)
        w[idx] = rng.dirichlet(np.ones(m) * 0.8)
        if rng.random() < 0.3:  # step beyond the hull
            w = w * 1.25
            w -= 0.25 * np.ones(54) / 54
        one(w, int(rng.integers(3)))
        n += 1
        if n % 10 == 0:
            save()
            print(n, round(time.process_time()), flush=True)
