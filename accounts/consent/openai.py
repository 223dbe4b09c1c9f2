"""The OpenAI-compatible doors for voices: `audio.voices` and `audio.voice_consents` of an unmodified SDK.

OpenAI's consent is one recording of a fixed text; here the text is drawn anew each time. So the first
`voice_consents.create` is answered 403 ``challenge_required`` with the statement to be spoken, and the same
call with that recording, within ten minutes, is the answer to it; `scope_sha256` and `attestations` travel in
the SDK's `extra_body`. Nothing is easier through this door.
"""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consent import selectors as consent_selectors
from accounts.consent import services as consent_services
from accounts.consent.models import Consent, Submission
from accounts.consent.serializers import AcknowledgedRequest, ChallengeShape
from accounts.consent.services import checks
from accounts.consent.services.challenges import open_challenge
from accounts.people import permissions
from accounts.people.principals import Principal, principal_for
from accounts.voices import selectors as voice_selectors
from accounts.voices import services as voice_services
from accounts.voices.languages import LANGUAGES
from accounts.voices.models import Style, Voice
from accounts.voices.states import UNDECIDED, CheckState, VoiceStatus
from synth.common.api import OpenAIError, parsed
from synth.common.ids import parse_id
from synth.common.paging import page_by_id
from synth.common.parsers import StrictJSONParser
from synth.errors import AssentError, Forbidden, NotFound, Unavailable

ANSWER_WITHIN_S = 60.0
Row = TypeVar("Row", Submission, Style)


_REFUSALS = dict.fromkeys((400, 401, 403, 404), OpenAIError)


class ConsentForm(AcknowledgedRequest):
    name = serializers.CharField(max_length=80, help_text="Name of the person who speaks.")
    language = serializers.CharField(
        max_length=16, help_text="A language that a statement can be read in, en say; a region is ignored."
    )
    recording = serializers.FileField(allow_empty_file=True)


class VoiceForm(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    consent = serializers.CharField(max_length=64, help_text="Id of a consent.")
    audio_sample = serializers.FileField(required=False, allow_empty_file=True)
    type = serializers.CharField(max_length=20, default="audio_sample")
    transcript = serializers.CharField(
        max_length=1000,
        required=False,
        default="",
        allow_blank=True,
        help_text="What is said in the sample (SDKs: extra_body). Required here.",
    )
    # DRF's fields have a `style` of their own.
    style = serializers.CharField(max_length=40, required=False, default="neutral")  # type: ignore[assignment]


class ListQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20)
    after = serializers.UUIDField(required=False)


class VoicesView(APIView):
    parser_classes = [MultiPartParser, StrictJSONParser, FormParser]

    @extend_schema(operation_id="openai_voice_list", responses={200: OpenApiResponse(dict), **_REFUSALS})
    def get(self, request: Request) -> Response:
        """Voices that may speak now, in the shapes that OpenAI-compatible clients look for."""
        principal = principal_for(request)
        principal.require(permissions.VOICES_READ)
        voices = list(consent_selectors.speaking_voices(principal))
        styles = voice_selectors.approved_styles(voices)
        data = [
            {**_voice_answer(voice), "styles": [style.name for style in styles[voice.pk]]} for voice in voices
        ]
        return Response({"object": "list", "data": data, "voices": data, "has_more": False})

    @extend_schema(
        operation_id="openai_voice_create",
        request={"multipart/form-data": VoiceForm},
        responses={200: OpenApiResponse(dict), 409: OpenAIError, **_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Give the voice of a consent its neutral style: a clip with its transcript, checked as any is."""
        principal = principal_for(request)
        given = parsed(VoiceForm, request.data)
        if given["type"] != "audio_sample" or "audio_sample" not in given:
            raise AssentError(
                "type_not_offered",
                "Only voices of real people are offered here: send an audio_sample.",
                extra={"param": "type"},
            )
        if not given["transcript"].strip():
            raise AssentError(
                "transcript_required",
                "Say what is said in the sample: transcript (extra_body in SDKs).",
                extra={"param": "transcript"},
            )
        voice = _consent(principal, given["consent"]).voice
        style = consent_services.add_style(
            principal=principal,
            voice_id=voice.pk,
            name=given["style"],
            emotion=given["style"],
            language=voice.language,
            transcript=given["transcript"],
            upload=given["audio_sample"],
        )
        style = _decided(style)
        if style.state != CheckState.APPROVED:
            raise _refusal_of(style, {"style_id": str(style.pk)})
        return Response(_voice_answer(voice))


class VoiceView(APIView):
    @extend_schema(operation_id="openai_voice_delete", responses={200: OpenApiResponse(dict), **_REFUSALS})
    def delete(self, request: Request, voice: str) -> Response:
        """Revoke and erase a voice."""
        erased = consent_services.erase_voice(principal=principal_for(request), voice_id=voice)
        return Response({"id": str(erased.pk), "object": "audio.voice.deleted", "deleted": True})


class ConsentsView(APIView):
    parser_classes = [MultiPartParser, FormParser, StrictJSONParser]

    @extend_schema(
        operation_id="openai_consent_list",
        parameters=[ListQuery],
        responses={200: OpenApiResponse(dict), **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Consents of the organisation's voices."""
        query = parsed(ListQuery, request.query_params)
        page = page_by_id(_consents(principal_for(request)), **query)
        data = [_consent_answer(consent) for consent in page.items]
        return Response(
            {
                "object": "list",
                "data": data,
                "has_more": page.has_more,
                "first_id": data[0]["id"] if data else None,
                "last_id": data[-1]["id"] if data else None,
            }
        )

    @extend_schema(
        operation_id="openai_consent_create",
        request={"multipart/form-data": ConsentForm},
        responses={200: OpenApiResponse(dict), **dict.fromkeys((409, 429), OpenAIError), **_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """First call: 403 ``challenge_required`` with the statement. Second call: its recording."""
        principal = principal_for(request)
        given = parsed(ConsentForm, request.data)
        language = given["language"].split("-")[0].split("_")[0].lower()
        if language not in LANGUAGES:
            raise AssentError(
                "language_not_offered", "This language is not offered.", limit=list(LANGUAGES),
                extra={"param": "language"},
            )  # fmt: skip
        consent = _answer_challenge(principal, language, given)
        return Response(_consent_answer(consent))


class ConsentView(APIView):
    @extend_schema(operation_id="openai_consent", responses={200: OpenApiResponse(dict), **_REFUSALS})
    def get(self, request: Request, consent_id: str) -> Response:
        """One consent."""
        return Response(_consent_answer(_consent(principal_for(request), consent_id)))

    @extend_schema(
        operation_id="openai_consent_update",
        request=dict,
        responses={200: OpenApiResponse(dict), **_REFUSALS},
    )
    def post(self, request: Request, consent_id: str) -> Response:
        """Rename a consent."""
        _consent(principal_for(request), consent_id)
        raise Forbidden("name_is_fixed", "The name was spoken in the statement and cannot be changed.")

    @extend_schema(operation_id="openai_consent_delete", responses={200: OpenApiResponse(dict), **_REFUSALS})
    def delete(self, request: Request, consent_id: str) -> Response:
        """Revoke the consent, for good."""
        principal = principal_for(request)
        consent = _consent(principal, consent_id)
        consent_services.revoke(principal=principal, voice_id=consent.voice_id)
        return Response({"id": str(consent.pk), "object": "audio.voice_consent", "deleted": True})


def _answer_challenge(principal: Principal, language: str, given: dict[str, Any]) -> Consent:
    """The consent that the recording founds, if it answers the open challenge of this person's voice."""
    person: str = given["name"]
    voice = (
        voice_selectors.voices(principal)
        .filter(
            organisation=principal.organisation, owner=principal.user, person_name=person, language=language
        )
        .exclude(status=VoiceStatus.REVOKED)
        .first()
    )
    if voice is None:
        voice = voice_services.register_voice(
            principal=principal, name=person, person_name=person, language=language
        )
    challenge = open_challenge(principal=principal, voice_id=voice.pk)
    if challenge is None:
        challenge = consent_services.issue_challenge(principal=principal, voice_id=voice.pk)
        shown = ChallengeShape(challenge).data
        raise Forbidden(
            "challenge_required",
            "Show the person what they permit (terms), let them record this statement, and send the same request"
            " with it, scope_sha256 and attestations within ten minutes: " + challenge.statement,
            extra={
                "challenge_id": str(challenge.pk),
                "voice_id": str(voice.pk),
                **{
                    key: shown[key]
                    for key in (
                        "statement",
                        "terms",
                        "scope_sha256",
                        "attestations",
                        "expires_at",
                        "needs_reviewer",
                    )
                },
            },
        )
    submission = consent_services.submit_recording(
        principal=principal,
        challenge_id=challenge.pk,
        upload=given["recording"],
        source="upload",
        scope_sha256=given["scope_sha256"],
        attestations=given["attestations"],
        language=get_language() or "en",
    )
    submission = _decided(submission)
    if submission.state != CheckState.APPROVED:
        raise _refusal_of(
            submission, {"submission_id": str(submission.pk), "challenge_id": str(challenge.pk)}
        )
    return Consent.objects.select_related("voice").get(submission=submission)


def _decided(row: Row) -> Row:
    """The recording once it is decided. Unavailable ``still_checking`` when that takes too long."""

    def again() -> Row:
        row.refresh_from_db()
        return row

    checks.wait_for_decision(type(row), row.pk, read=again, timeout_s=ANSWER_WITHIN_S)
    if row.state in UNDECIDED:
        raise Unavailable(
            "still_checking", "The recording is still being checked.", extra={"id": str(row.pk)}
        )
    return row


def _refusal_of(row: Submission | Style, facts: dict[str, str]) -> Forbidden:
    if row.state == CheckState.NEEDS_REVIEW:
        return Forbidden("needs_review", "A reviewer has to listen to this recording first.", extra=facts)
    reason = row.reasons[0]  # nothing is rejected without one
    return Forbidden(
        reason["code"],
        reason["message"],
        measured=reason.get("measured"),
        limit=reason.get("limit"),
        extra={**facts, "reasons": row.reasons},
    )


def _consents(principal: Principal) -> Any:
    return Consent.objects.select_related("voice").filter(
        voice__in=voice_selectors.voices(principal).filter(organisation=principal.organisation)
    )


def _consent(principal: Principal, consent_id: str | UUID) -> Consent:
    wanted = parse_id(str(consent_id))
    found = _consents(principal).filter(pk=wanted).first() if wanted else None
    if found is None:
        raise NotFound("consent_not_found", "There is no such consent.", extra={"param": "consent"})
    consent: Consent = found
    return consent


def _consent_answer(consent: Consent) -> dict[str, Any]:
    return {
        "id": str(consent.pk),
        "object": "audio.voice_consent",
        "name": consent.voice.person_name,
        "language": consent.receipt["collection"]["language"],
        "created_at": int(consent.created_at.timestamp()),
    }


def _voice_answer(voice: Voice) -> dict[str, Any]:
    return {
        "id": str(voice.pk),
        "object": "audio.voice",
        "type": "audio_sample",
        "name": voice.name,
        "slug": voice.slug,
        "language": voice.language,
        "status": voice.status,
        "created_at": int(voice.created_at.timestamp()),
    }
