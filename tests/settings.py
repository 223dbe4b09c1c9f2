"""Settings of the test run: a throw-away data folder, and embedded servers unless the environment names some."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_data_dir = Path(tempfile.mkdtemp(prefix="assent-test-"))
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["ASSENT_DATA_DIR"] = str(_data_dir)
# The speaker weights are a file of their own, kept with this checkout by `manage.py setup`.
os.environ.setdefault("ASSENT_MODELS_DIR", str(Path(__file__).resolve().parents[1] / "var" / "models"))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Speech by rule is quick; the natural engine has tests of its own.
os.environ.setdefault("ASSENT_ENGINE", "preview")
# So are jobs to which nobody listens.
os.environ.setdefault("ASSENT_SPOKEN_CHECK", "0")
os.environ.setdefault("NO_TORCH_COMPILE", "1")

if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
    from synth.local.services import LocalServices

    _services = LocalServices(_data_dir / "services", durable=False)
    _endpoints = _services.start()
    atexit.register(_services.stop)
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = _endpoints.database_url
        os.environ["DATABASE_OWNER_URL"] = _endpoints.database_owner_url
        os.environ["DATABASE_SEQUENCER_URL"] = _endpoints.database_sequencer_url
        os.environ["DATABASE_SUPERUSER_URL"] = _services.superuser_url
    os.environ.setdefault("REDIS_URL", _endpoints.redis_url)

from synth.local.keys import ensure_keys  # noqa: E402

ensure_keys(_data_dir / "keys", _data_dir)

from synth.conf.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
# The server of static files warns of a folder that is not there.
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
