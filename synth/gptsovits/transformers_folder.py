"""Opening a folder in `transformers` layout: from disk alone, tensors alone, quietly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synth.gptsovits.checkpoint_file import WeightsError


def from_folder(kind: Any, folder: Path, **options: Any) -> Any:
    """``kind.from_pretrained`` without network, without code from the folder, without progress bars."""
    from transformers.utils import logging

    if not (folder / "config.json").is_file():
        raise WeightsError(
            "missing", f"{folder.name} is not there, or has no config.json.", extra={"folder": folder.name}
        )
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **options)
    except Exception as error:  # a damaged folder fails in as many ways as there are parsers
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            "format", f"{folder.name} cannot be opened as {kind.__name__}: {reason}"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
