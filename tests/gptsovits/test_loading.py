"""Files that anybody may have written: recognised, repaired, or refused with one sentence."""

from __future__ import annotations

import io
import os
import pickle
import zipfile

import pytest
import torch

from synth.gptsovits.checkpoint_file import Bag, WeightsError, read_checkpoint
from synth.gptsovits.loading import (
    kind_of,
    load_sovits,
    load_speaker_encoder,
    load_text2semantic,
    sovits_version,
)
from tests.gptsovits.conftest import SHARED


def refused(path, reader=read_checkpoint) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        reader(path)
    message = caught.value.message
    assert path.name in message and message.endswith(".") and "\n" not in message
    return caught.value


def resaved(path, target, change):
    """The checkpoint at ``path`` as a plain dict, changed, saved again."""
    file = read_checkpoint(path)
    content = {
        "weight": {name: value.clone() for name, value in file.tensors.items()},
        "config": file.config,
        "info": file.info,
    }
    change(content)
    torch.save(content, target)
    return target


def test_the_pickled_configuration_of_a_fine_tuned_file_is_read(s2):
    file = read_checkpoint(s2)
    assert file.config["model"]["gin_channels"] == 512
    assert file.config["data"]["hop_length"] == 640
    assert kind_of(file) == "s2" and sovits_version(file) == "v2"


def test_an_overwritten_header_is_repaired(s2, tmp_path):
    path = tmp_path / "renamed.bin"
    path.write_bytes(b"05" + s2.read_bytes()[2:])
    file = read_checkpoint(path)
    assert file.header_version == "v2Pro"
    assert load_sovits(path).version == "v2"  # names and shapes win over what the header claims


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the Pro checkpoints")
@pytest.mark.parametrize("version", ["v2", "v2Pro", "v2ProPlus"])
def test_versions_are_told_apart(version):
    assert load_sovits(SHARED / "ckpt" / f"small_{version}_s2.pth").version == version


def test_s1_and_s2_are_not_mistaken(s1, s2):
    assert "s1" in refused(s1, load_sovits).message
    assert "s2" in refused(s2, load_text2semantic).message
    assert refused(s2, load_speaker_encoder).code == "weights_mismatch"


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.98, 0.9999])
def test_a_truncated_file(s2, tmp_path, kept):
    data = s2.read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(data[: int(len(data) * kept)])
    assert refused(path).code in ("weights_truncated", "weights_size")


def test_text_and_other_zips(tmp_path):
    path = tmp_path / "page.pth"
    path.write_text("<html>not found</html>")
    assert refused(path).code in ("weights_truncated", "weights_format")
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")
    assert refused(path).code == "weights_format"
    with pytest.raises(WeightsError, match="cannot be read"):
        read_checkpoint(tmp_path / "absent.pth")


class Attack:
    """Unpickled by an ordinary loader, this makes a folder."""

    def __init__(self, target) -> None:
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def test_code_in_a_checkpoint_is_not_run(s2, tmp_path):
    marker, path = tmp_path / "was-run", tmp_path / "hostile.pth"
    torch.save({"weight": {"a": torch.ones(1)}, "config": Attack(marker)}, path)
    assert refused(path).code == "weights_hostile"
    legacy = tmp_path / "legacy.pth"
    torch.save({"weight": Attack(marker)}, legacy, _use_new_zipfile_serialization=False)
    refused(legacy)
    bare = tmp_path / "bare.pth"
    bare.write_bytes(pickle.dumps(Attack(marker)))
    refused(bare)
    assert not marker.exists()


def test_only_one_class_is_let_through(tmp_path):
    class HParams:
        pass

    class Other:
        pass

    for kind, module in ((HParams, "utils"), (Other, "elsewhere")):
        kind.__module__, kind.__qualname__ = module, kind.__name__
    import sys
    import types

    for module, kind in (("utils", HParams), ("elsewhere", Other)):
        sys.modules[module] = types.ModuleType(module)
        setattr(sys.modules[module], kind.__name__, kind)
    try:
        for kind in (HParams, Other):
            value = kind()
            value.model = {"n_heads": 2}
            torch.save({"weight": {"a": torch.ones(1)}, "config": value}, tmp_path / f"{kind.__name__}.pth")
    finally:
        del sys.modules["utils"], sys.modules["elsewhere"]
    assert read_checkpoint(tmp_path / "HParams.pth").config == {"model": {"n_heads": 2}}
    assert refused(tmp_path / "Other.pth").code == "weights_hostile"


def test_a_tensor_larger_than_its_data(tmp_path):
    path = tmp_path / "huge.pth"
    torch.save({"weight": {"a": torch.ones(1).expand(1 << 20, 1 << 20)}}, path)
    assert refused(path).code == "weights_hostile"


def test_a_compressed_container(s1, tmp_path):
    path = tmp_path / "bomb.pth"
    source = zipfile.ZipFile(io.BytesIO(s1.read_bytes()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in source.infolist():
            archive.writestr(entry.filename, source.read(entry))
    assert refused(path).code == "weights_hostile"


def test_endless_nesting(tmp_path):
    nested: dict = {}
    for _ in range(100):
        nested = {"model": nested}
    torch.save({"weight": {"a": torch.ones(1)}, "config": nested}, tmp_path / "deep.pth")
    assert refused(tmp_path / "deep.pth").code == "weights_hostile"
    bag = Bag()
    bag.itself = bag
    from synth.gptsovits.checkpoint_file import plain

    with pytest.raises(WeightsError):
        plain(bag, "loop.pth")


def test_missing_surplus_misshapen_and_damaged_weights(s1, s2, tmp_path):
    def lose(content):
        del content["weight"]["model.h.layers.1.norm1.weight"]

    def gain(content):
        content["weight"]["model.extra"] = torch.ones(2)

    def bend(content):
        content["weight"]["model.h.layers.0.linear2.weight"] = torch.ones(3, 3)

    def spoil(content):
        content["weight"]["model.bert_proj.bias"][0] = float("nan")

    def heads(content):
        content["config"]["model"]["head"] = 7

    def no_heads(content):
        content["config"]["model"]["head"] = "many"

    for change, words in (
        (lose, "lacks"), (gain, "unknown"), (bend, "shape"), (spoil, "not numbers"), (heads, "heads"),
        (no_heads, "head"),
    ):  # fmt: skip
        path = resaved(s1, tmp_path / f"{change.__name__}.ckpt", change)
        assert words in refused(path, load_text2semantic).message

    def lose_flow(content):
        del content["weight"]["flow.flows.2.post.weight"]

    def absurd(content):
        content["config"]["model"]["upsample_rates"] = [10, 8, 2, 2, 3_000_000]

    def unbounded(content):
        content["config"]["data"]["filter_length"] = 1 << 40

    for change in (lose_flow, absurd, unbounded):
        refused(resaved(s2, tmp_path / f"{change.__name__}.pth", change), load_sovits)


def test_other_versions_are_named(s2, tmp_path):
    def v1(content):
        content["weight"]["enc_p.text_embedding.weight"] = content["weight"]["enc_p.text_embedding.weight"][
            :322
        ].clone()

    def v3(content):
        content["weight"]["cfm.estimator.x"] = torch.ones(1)

    assert "v1" in refused(resaved(s2, tmp_path / "v1.pth", v1), load_sovits).message
    assert "v3" in refused(resaved(s2, tmp_path / "v3.pth", v3), load_sovits).message


def test_enc_q_of_pretrained_files_is_passed_over(s2, tmp_path):
    def pretrained(content):
        content["weight"]["enc_q.pre.weight"] = torch.ones(2, 2, 1)

    assert load_sovits(resaved(s2, tmp_path / "pre.pth", pretrained)).version == "v2"


@pytest.mark.parametrize(
    ("beginning", "word"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 155\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html><head><title>s1.ckpt</title></head></html>", "web page"),
        (
            (70).to_bytes(8, "little")
            + b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
            + bytes(24),
            "safetensors",
        ),
    ],
)
def test_what_is_often_taken_for_weights_is_named(tmp_path, beginning, word):
    path = tmp_path / "s1.ckpt"
    path.write_bytes(beginning)
    assert word in refused(path).message and refused(path).code == "weights_format"


def test_an_s1_of_v1_is_refused_by_its_name(s1, tmp_path):
    def change(content):
        name = "model.ar_text_embedding.word_embeddings.weight"
        content["weight"][name] = torch.zeros(512, content["weight"][name].shape[1])

    error = refused(resaved(s1, tmp_path / "old-s1.ckpt", change), load_text2semantic)
    assert error.code == "weights_version" and "v1" in error.message
