"""Reading a checkpoint file that anybody may have written.

No code runs, no size is believed, every failure is one sentence.

Three things make these files unlike ordinary ones. Some have the two magic bytes of their zip container
overwritten by a version number (put back here, in memory). Fine-tuned files carry their configuration as a
pickled attribute bag ``utils.HParams`` (read into `Bag`, the only class that is let through). And tensors are
half precision (widened to float32 by `synth.gptsovits.loading`).
"""

from __future__ import annotations

import io
import pickle
import re
import threading
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from synth.errors import AssentError

MAX_FILE_BYTES = 4 << 30
MAX_PICKLE_BYTES = 16 << 20
MAX_ENTRIES = 20_000
MAX_DEPTH = 8
PICKLE_START = b"\x80\x02"  # of files in the older format, which is a sequence of pickles
HEADER_VERSIONS = {
    b"00": "v1",
    b"01": "v2",
    b"02": "v3",
    b"03": "v3 LoRA",
    b"04": "v4 LoRA",
    b"05": "v2Pro",
    b"06": "v2ProPlus",
}

#: Bytes at a file's beginning by which it is told; what a safetensors file may have as a header.
_TOLD_BY, _MOST_HEADER_BYTES = 512, 100 << 20

# `safe_globals` changes one list of the whole process while it is open.
_lock = threading.Lock()


class WeightsError(AssentError):
    """A weights file that is refused; ``code`` is ``weights_<reason>``."""

    def __init__(self, reason: str, message: str, **facts: Any) -> None:
        super().__init__(f"weights_{reason}", message, http_status=422, **facts)


class Bag:
    """Stands in for ``utils.HParams``: takes any state, has no behaviour."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.__dict__.update(kwargs)


@dataclass(frozen=True)
class CheckpointFile:
    """What a file holds: tensors by name, everything else as dict, list, str, number or None."""

    name: str
    tensors: dict[str, Tensor]
    config: dict[str, Any] = field(default_factory=dict)
    info: str = ""
    header_version: str | None = None
    lora_rank: int | None = None


def read_checkpoint(path: Path) -> CheckpointFile:
    """Read one ``.pth``/``.ckpt``; raises `WeightsError` with one sentence for whatever is wrong with it.

    Tensors keep the file's dtype and may share storage. Nothing in the file is executed: the unpickler knows
    tensors, containers, numbers, strings and `Bag`.
    """
    name = path.name
    try:
        size = path.stat().st_size
        if not 1 <= size <= MAX_FILE_BYTES:
            raise WeightsError(
                "size", f"{name} has an impossible size for weights.", measured=size, limit=MAX_FILE_BYTES
            )
        with path.open("rb") as file:
            beginning = file.read(_TOLD_BY)
            start = beginning[:4]
            header = start[:2]
            overwritten = header in HEADER_VERSIONS and start[2:] == b"\x03\x04"
            file.seek(0)
            data = io.BufferedReader(_WithHeader(file, b"PK" if overwritten else header))
            if overwritten or header == b"PK":
                _check_container(data, name, size)
            elif header != PICKLE_START:
                raise WeightsError("format", f"{name} {_what_it_is(beginning)}.")
            content = _unpickle(data, name)
    except OSError as error:
        raise WeightsError("unreadable", f"{name} cannot be read: {error.strerror or error}.") from error
    return _sorted_out(content, name, HEADER_VERSIONS.get(header))


def _what_it_is(beginning: bytes) -> str:
    """Files that are often taken for weights, told by how they begin."""
    if beginning.startswith(b"version https://git-lfs.github.com/spec/"):
        return "is a Git LFS pointer of a few lines: the weights themselves were not downloaded"
    if beginning.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "is a web page: its link led to a page about the file, not to the file"
    if (
        beginning[8:].lstrip().startswith(b'{"')
        and 0 < int.from_bytes(beginning[:8], "little") < _MOST_HEADER_BYTES
    ):
        return (
            "is a safetensors file, which carries no configuration; give the .pth or .ckpt it was made from"
        )
    return "is not a weights file"


class _WithHeader(io.RawIOBase):
    """A file whose first two bytes read as ``header``. Not mapped: its pages would count as our memory."""

    def __init__(self, file: IO[bytes], header: bytes) -> None:
        self._file, self._header = file, header

    def readinto(self, buffer: Any) -> int:
        at = self._file.tell()
        part = self._file.read(len(buffer))
        buffer[: len(part)] = part
        for i in range(at, min(2, at + len(part))):
            buffer[i - at] = self._header[i]
        return len(part)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _check_container(data: IO[bytes], name: str, size: int) -> None:
    """Entries stored as they are (torch never compresses), of believable number and size."""
    try:
        entries = zipfile.ZipFile(data).infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise WeightsError("truncated", f"{name} is truncated or damaged: its end is missing.") from error
    pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise WeightsError("format", f"{name} is a zip file, but not one with weights in it.")
    if (
        len(entries) > MAX_ENTRIES
        or pickles[0].file_size > MAX_PICKLE_BYTES
        or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
        or sum(entry.file_size for entry in entries) > size
    ):
        raise WeightsError(
            "hostile", f"{name} is packed in a way that no honest weights file is, and was not opened."
        )


def _unpickle(data: IO[bytes], name: str) -> Any:
    data.seek(0)
    try:
        with _lock, torch.serialization.safe_globals([(Bag, "utils.HParams")]):
            return torch.load(data, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if re.search(r"GLOBAL|[Uu]nsupported (global|class)", str(error)):
            raise WeightsError(
                "hostile", f"{name} asks for code to be run while it is read; it was not opened any further."
            ) from error
        raise WeightsError("format", f"{name} is not a weights file.") from error
    except (RuntimeError, EOFError, KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise WeightsError("truncated", f"{name} is truncated or damaged, or not a weights file.") from error
    except (MemoryError, RecursionError, OverflowError) as error:
        raise WeightsError("hostile", f"{name} claims sizes that no honest weights file has.") from error


def _sorted_out(content: Any, name: str, header_version: str | None) -> CheckpointFile:
    if isinstance(content, Bag) or not isinstance(content, Mapping):
        raise WeightsError("format", f"{name} holds no table of weights.")
    table = content.get("weight", content)
    if not isinstance(table, Mapping) or not table:
        raise WeightsError("format", f"{name} holds no table of weights.")
    tensors = {}
    for key, tensor in table.items():
        if not isinstance(key, str) or not isinstance(tensor, Tensor):
            raise WeightsError("format", f"{name} holds something else than named tensors among its weights.")
        tensors[key] = tensor
    _check_tensors(tensors.values(), name)
    config = plain(content.get("config", {}), name) if "weight" in content else {}
    if not isinstance(config, dict):
        raise WeightsError("format", f"{name} has a configuration that is not a table.")
    rank = content.get("lora_rank")
    return CheckpointFile(
        name=name,
        tensors=tensors,
        config=config,
        info=str(content.get("info", ""))[:200] if "weight" in content else "",
        header_version=header_version,
        lora_rank=rank if isinstance(rank, int) else None,
    )


def _check_tensors(tensors: Iterable[Tensor], name: str) -> None:
    """A small storage seen through a huge shape would fill the memory when copied; dense tensors only."""
    for tensor in tensors:
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
            raise WeightsError("format", f"{name} holds a kind of tensor that weights are not made of.")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise WeightsError("hostile", f"{name} holds a tensor that pretends to be larger than its data.")


def plain(value: Any, name: str, depth: int = 0) -> Any:
    """Bags and mappings -> dict, sequences -> list; refuses anything else and endless nesting."""
    if depth > MAX_DEPTH:
        raise WeightsError("hostile", f"{name} has a configuration nested without end.")
    if isinstance(value, Bag):
        value = vars(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, name, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, name, depth + 1) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise WeightsError("format", f"{name} has a configuration with values of an unknown kind.")
