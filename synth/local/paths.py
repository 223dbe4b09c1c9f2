"""Where things are, before the settings can be read; the same rules as theirs."""

from __future__ import annotations

import json
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]
MANAGE = BASE_DIR / "manage.py"


def data_dir() -> Path:
    return Path(os.environ.get("ASSENT_DATA_DIR") or BASE_DIR / "var").resolve()


def keys_dir() -> Path:
    return Path(os.environ.get("ASSENT_KEYS_DIR") or data_dir() / "keys").resolve()


def models_dir() -> Path:
    return Path(os.environ.get("ASSENT_MODELS_DIR") or data_dir() / "models").resolve()


class RunFile:
    """``<data>/run.json``: where the servers of a running ``make up`` answer, for commands beside it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "run.json"

    def write(self, environment: dict[str, str]) -> None:
        scratch = self.path.with_suffix(".new")
        scratch.touch(mode=0o600)
        scratch.write_text(json.dumps(environment, indent=1) + "\n", encoding="utf-8")
        scratch.replace(self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def load(self) -> None:
        """Complete ``os.environ`` with what is written there; what is set already stays."""
        try:
            environment = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if "DATABASE_URL" in os.environ:  # never mix two installations' roles
            environment = {
                name: value for name, value in environment.items() if not name.startswith("DATABASE_")
            }
        for name, value in environment.items():
            os.environ.setdefault(name, value)
