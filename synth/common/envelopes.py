"""The shapes in which refusals leave: each door for programs promises one, by its path.

Ours is problem details (RFC 9457); the doors that existing programs use answer in the shape that those programs read:
OpenAI's error object, ElevenLabs' ``detail``, and the ``message`` of GPT-SoVITS' api_v2, whose clients show only what
comes with status 400.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from synth.errors import AssentError

JSON = "application/json"


@dataclass(frozen=True)
class Envelope:
    """One shape: its component in the schema, its media type, how a refusal with a request id is put into it, and which
    statuses it has: that of the refusal, unless ``every_status`` names one for all but those in ``kept``."""

    schema: str
    media_type: str
    body: Callable[[AssentError, str], dict[str, Any]]
    every_status: int | None = None
    kept: Mapping[str, int] = field(default_factory=dict)

    def status(self, error: AssentError) -> int:
        if self.every_status is None:
            return error.http_status
        return self.kept.get(error.code, self.every_status)


_OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def _facts(error: AssentError, *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in error.as_dict().items() if name not in left_out}


def _problem(error: AssentError, request_id: str) -> dict[str, Any]:
    return {
        "type": f"urn:assent:error:{error.code}",
        "title": error.code.replace("_", " "),
        "status": error.http_status,
        "detail": error.message,
        "request_id": request_id,
        **_facts(error, "message"),
    }


def _openai(error: AssentError, request_id: str) -> dict[str, Any]:
    other = "server_error" if error.http_status >= 500 else "invalid_request_error"
    return {
        "error": {
            "message": error.message,
            "type": _OPENAI_TYPES.get(error.http_status, other),
            "param": error.extra.get("param"),
            "code": error.code,
            **_facts(error, "code", "message"),
        }
    }


def _elevenlabs(error: AssentError, request_id: str) -> dict[str, Any]:
    return {"detail": {"status": error.code, **_facts(error)}}


def _gptsovits(error: AssentError, request_id: str) -> dict[str, Any]:
    return {"Exception": error.code, **_facts(error)}


PROBLEM = Envelope("Problem", "application/problem+json", _problem)
OPENAI = Envelope("OpenAIError", JSON, _openai)
ELEVENLABS = Envelope("ElevenLabsError", JSON, _elevenlabs)
GPT_SOVITS = Envelope(
    "GptSovitsError",
    JSON,
    _gptsovits,
    every_status=400,
    # Who sends no key is told apart from who sends a bad one; the last two are no fault of the request.
    kept={
        "not_authenticated": 401,
        "control_not_offered": 403,
        "internal_error": 500,
        "database_unavailable": 503,
    },
)
GPT_SOVITS_PATHS = frozenset(
    {"/tts", "/speakers", "/control", "/set_gpt_weights", "/set_sovits_weights", "/set_refer_audio"}
)
_ELEVENLABS_PATHS = ("/v1/text-to-speech", "/v1/voices")


def envelope_at(path: str) -> Envelope:
    """The envelope of the program that asks at ``path`` (without the installation's prefix)."""
    if (
        path in GPT_SOVITS_PATHS or path == "/"
    ):  # some of its clients post to the root; a page answers there else
        return GPT_SOVITS
    if any(_is_under(path, root) for root in _ELEVENLABS_PATHS):
        return ELEVENLABS
    return OPENAI if _is_under(path, "/v1") else PROBLEM


def is_program_path(path: str) -> bool:
    """Whether programs ask here, who are answered in JSON whatever happens."""
    return _is_under(path, "/v1") or _is_under(path, "/api") or path in GPT_SOVITS_PATHS


def _is_under(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")
