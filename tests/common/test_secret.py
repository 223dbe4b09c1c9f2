"""The signing secret when nobody has made one."""

from __future__ import annotations

from synth.conf.settings import security


def test_without_a_key_file_nobody_can_know_the_signing_secret(monkeypatch, tmp_path):
    monkeypatch.setattr(security, "ASSENT_KEYS_DIR", tmp_path)
    monkeypatch.setattr(security, "read", lambda name: "")
    made = security._secret_key()
    assert made.startswith("unset-")  # what the system check looks for
    assert made != security._secret_key()
    (tmp_path / "django-secret.key").write_text("kept\n")
    assert security._secret_key() == "kept"
