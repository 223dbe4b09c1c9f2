"""The accounts API for voices and consent: parse, call one service, shape the answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers as drf
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import receipt_keys, receipts, recordings, selectors, services
from accounts import serializers as shapes
from accounts.models import CheckState, Consent, Submission, Voice
from accounts.principals import Principal, principal_for
from audit.serializers import EntryPageSerializer, EntrySerializer
from synth.common import ratelimit
from synth.common.paging import first_of, page_by_id
from synth.common.requests import client_address
from synth.common.wakeup import wait
from synth.portal.files import answer_with

RECEIPT_CHECKS = "60/minute"
_VOICE = OpenApiParameter(
    "voice", str, OpenApiParameter.PATH, description="Id, or short name in your organisation."
)
_UNDECIDED = (CheckState.QUEUED, CheckState.CHECKING)


def refusals(*codes: int) -> dict[int, Any]:
    """Problem shapes of the refusals every door knows, and of those in `codes`."""
    return dict.fromkeys((400, 401, 403, 404, *codes), shapes.Problem)


def parsed(form: type[drf.Serializer[Any]], data: Any) -> dict[str, Any]:
    """The validated `data`; what does not fit is a 400 naming the field."""
    serializer = form(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def voice_answers(voices: list[Voice]) -> list[dict[str, Any]]:
    """Voices with their approved styles and the end of their live consent, in two further queries."""
    now = timezone.now()
    live = Consent.objects.filter(voice__in=voices, closed_as="", valid_from__lte=now, valid_until__gt=now)
    context = {
        "styles": selectors.approved_styles(voices),
        "valid_until": dict(live.values_list("voice_id", "valid_until")),
    }
    return list(shapes.VoiceShape(voices, many=True, context=context).data)


def listed(
    request: Request,
    rows: QuerySet[Any],
    shape: type[drf.Serializer[Any]],
    *,
    newest_first: bool = True,
) -> Response:
    """One page of `rows`, as the query asks (`PageQuery`), each in its `shape`."""
    query = parsed(shapes.PageQuery, request.query_params)
    page = page_by_id(rows, newest_first=newest_first, **query)
    return Response({"data": shape(page.items, many=True).data, "has_more": page.has_more})


def wait_for_decision(principal: Principal, submission_id: UUID, *, timeout_s: float) -> Submission:
    """The submission once it is decided, or as it is after `timeout_s`; no database connection is held."""
    submission = selectors.get_submission(principal, submission_id)
    if timeout_s > 0 and submission.state in _UNDECIDED:
        wait("submission", str(submission_id), timeout_s=timeout_s)
        submission = selectors.get_submission(principal, submission_id)
    return submission


class VoicesView(APIView):
    """Voices of the organisation, and one's own."""

    @extend_schema(
        operation_id="voice_list",
        parameters=[shapes.PageQuery],
        responses={200: shapes.VoicePage, **refusals()},
    )
    def get(self, request: Request) -> Response:
        query = parsed(shapes.PageQuery, request.query_params)
        page = page_by_id(selectors.voices(principal_for(request)), **query)
        return Response({"data": voice_answers(page.items), "has_more": page.has_more})

    @extend_schema(
        operation_id="voice_register",
        request=shapes.VoiceRequest,
        responses={201: shapes.VoiceShape, **refusals()},
    )
    def post(self, request: Request) -> Response:
        given = parsed(shapes.VoiceRequest, request.data)
        voice = services.register_voice(principal=principal_for(request), **given)
        return Response(voice_answers([voice])[0], status=status.HTTP_201_CREATED)


@extend_schema(parameters=[_VOICE])
class VoiceView(APIView):
    @extend_schema(operation_id="voice", responses={200: shapes.VoiceShape, **refusals()})
    def get(self, request: Request, voice: str) -> Response:
        return Response(voice_answers([selectors.get_voice(principal_for(request), voice)])[0])

    @extend_schema(operation_id="voice_erase", responses={200: shapes.VoiceShape, **refusals()})
    def delete(self, request: Request, voice: str) -> Response:
        """Revoke, then erase recordings and voiceprints. Receipts and the log remain."""
        erased = services.erase_voice(principal=principal_for(request), voice_id=voice)
        return Response(voice_answers([erased])[0])


@extend_schema(parameters=[_VOICE])
class ChallengesView(APIView):
    @extend_schema(
        operation_id="challenge_issue",
        request=shapes.ChallengeRequest,
        responses={201: shapes.ChallengeShape, **refusals(429)},
    )
    def post(self, request: Request, voice: str) -> Response:
        """A statement to be spoken within ten minutes; it permits exactly the given scope."""
        given = parsed(shapes.ChallengeRequest, request.data)
        challenge = services.issue_challenge(principal=principal_for(request), voice_id=voice, **given)
        return Response(shapes.ChallengeShape(challenge).data, status=status.HTTP_201_CREATED)


class ChallengeView(APIView):
    @extend_schema(operation_id="challenge", responses={200: shapes.ChallengeShape, **refusals()})
    def get(self, request: Request, challenge_id: UUID) -> Response:
        return Response(
            shapes.ChallengeShape(selectors.get_challenge(principal_for(request), challenge_id)).data
        )


class RecordingView(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="challenge_answer",
        request={"multipart/form-data": shapes.RecordingRequest},
        responses={202: shapes.SubmissionShape, **refusals(409, 413, 503)},
    )
    def post(self, request: Request, challenge_id: UUID) -> Response:
        """Offer a recording of the statement. It is checked in the background: see the submission."""
        given = parsed(shapes.RecordingRequest, request.data)
        submission = services.submit_recording(
            principal=principal_for(request),
            challenge_id=challenge_id,
            upload=given["file"],
            source=given["source"],
            scope_sha256=given["scope_sha256"],
            attestations=given["attestations"],
            language=get_language() or "en",
        )
        return Response(
            shapes.SubmissionShape(submission).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/v1/submissions/{submission.pk}"},
        )


class SubmissionView(APIView):
    @extend_schema(
        operation_id="submission",
        parameters=[shapes.WaitQuery],
        responses={200: shapes.SubmissionShape, **refusals()},
    )
    def get(self, request: Request, submission_id: UUID) -> Response:
        timeout_s = parsed(shapes.WaitQuery, request.query_params)["wait_s"]
        submission = wait_for_decision(principal_for(request), submission_id, timeout_s=timeout_s)
        return Response(shapes.SubmissionShape(submission).data)


@extend_schema(parameters=[_VOICE])
class StylesView(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="style_list",
        parameters=[shapes.PageQuery],
        responses={200: shapes.StylePage, **refusals()},
    )
    def get(self, request: Request, voice: str) -> Response:
        """Styles in every state but removed, in the order in which they came."""
        styles = selectors.styles(principal_for(request), voice)
        return listed(request, styles, shapes.StyleShape, newest_first=False)

    @extend_schema(
        operation_id="style_add",
        request={"multipart/form-data": shapes.StyleRequest},
        responses={202: shapes.StyleShape, **refusals(409, 413, 503)},
    )
    def post(self, request: Request, voice: str) -> Response:
        """Offer a clip as a style. It is checked in the background: see the style."""
        given = parsed(shapes.StyleRequest, request.data)
        upload = given.pop("file")
        style = services.add_style(principal=principal_for(request), voice_id=voice, upload=upload, **given)
        return Response(
            shapes.StyleShape(style).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/v1/styles/{style.pk}"},
        )


class StyleView(APIView):
    @extend_schema(operation_id="style", responses={200: shapes.StyleShape, **refusals()})
    def get(self, request: Request, style_id: UUID) -> Response:
        return Response(shapes.StyleShape(selectors.get_style(principal_for(request), style_id)).data)

    @extend_schema(operation_id="style_remove", responses={204: None, **refusals()})
    def delete(self, request: Request, style_id: UUID) -> Response:
        services.remove_style(principal=principal_for(request), style_id=style_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(parameters=[_VOICE])
class ConsentView(APIView):
    @extend_schema(operation_id="consent", responses={200: shapes.ConsentShape, **refusals()})
    def get(self, request: Request, voice: str) -> Response:
        """The latest consent of the voice, with its signed receipt."""
        consent = selectors.get_consent(principal_for(request), voice)
        return Response(shapes.ConsentShape(consent, context={"now": timezone.now()}).data)


@extend_schema(parameters=[_VOICE])
class RevokeView(APIView):
    @extend_schema(
        operation_id="voice_revoke",
        request=shapes.RevokeRequest,
        responses={200: shapes.VoiceShape, **refusals()},
    )
    def post(self, request: Request, voice: str) -> Response:
        """Withdraw the consent for good. No job in this voice starts or is released any more."""
        given = parsed(shapes.RevokeRequest, request.data)
        revoked = services.revoke(principal=principal_for(request), voice_id=voice, **given)
        return Response(voice_answers([revoked])[0])


@extend_schema(parameters=[_VOICE])
class SuspendView(APIView):
    @extend_schema(
        operation_id="voice_suspend", request=None, responses={200: shapes.VoiceShape, **refusals(409)}
    )
    def post(self, request: Request, voice: str) -> Response:
        return Response(
            voice_answers([services.suspend(principal=principal_for(request), voice_id=voice)])[0]
        )


@extend_schema(parameters=[_VOICE])
class ResumeView(APIView):
    @extend_schema(
        operation_id="voice_resume", request=None, responses={200: shapes.VoiceShape, **refusals(409)}
    )
    def post(self, request: Request, voice: str) -> Response:
        return Response(voice_answers([services.resume(principal=principal_for(request), voice_id=voice)])[0])


@extend_schema(parameters=[_VOICE])
class LedgerView(APIView):
    @extend_schema(
        operation_id="voice_ledger",
        parameters=[shapes.LedgerQuery],
        responses={200: EntryPageSerializer, **refusals()},
    )
    def get(self, request: Request, voice: str) -> Response:
        """Everything that was done with the voice, newest first."""
        query = parsed(shapes.LedgerQuery, request.query_params)
        entries = selectors.ledger(principal_for(request), voice)
        if before := query.get("before"):
            entries = entries.filter(pk__lt=before)
        page = first_of(entries, query["limit"])
        shown = EntrySerializer(page.items, many=True).data  # type: ignore[arg-type]
        return Response({"entries": shown, "next": page.last_id})


class ClipAudioView(APIView):
    @extend_schema(operation_id="clip_audio", responses={200: OpenApiResponse(bytes), **refusals()})
    def get(self, request: Request, clip_id: UUID) -> HttpResponse:
        """A kept recording, for those who may listen to it."""
        clip = selectors.get_clip(principal_for(request), clip_id)
        return recording_response(request, clip.file.name)


def recording_response(request: Request, name: str | None) -> HttpResponse:
    """A recording as a private answer that no browser will take for anything but media."""
    file, kind = recordings.open_recording(name)
    response = answer_with(request, file, media_type=kind)
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


class ReceiptVerifyView(APIView):
    """Public: whoever holds a receipt may ask whether it is genuine and whether its consent still lives."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="receipt_verify",
        request=shapes.ReceiptRequest,
        responses={200: shapes.ReceiptVerdict, 400: shapes.Problem, 429: shapes.Problem},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        ratelimit.check(action="receipt", subject=client_address(request._request), rate=RECEIPT_CHECKS)
        given = parsed(shapes.ReceiptRequest, request.data)
        return Response(shapes.ReceiptVerdict(receipts.verdict(given["receipt"], given["signature"])).data)


class ReceiptKeyView(APIView):
    """Public: the key that new receipts verify under, and those of earlier ones."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(operation_id="receipt_key", responses={200: shapes.ReceiptKeysShape}, auth=[])
    def get(self, request: Request) -> Response:
        earlier = [_key_answer(key) for key in receipt_keys.retired()]
        return Response({**_key_answer(receipt_keys.current()), "earlier": earlier})


def _key_answer(key: receipt_keys.VerifyingKey) -> dict[str, str]:
    return {
        "key_id": key.key_id,
        "algorithm": "Ed25519",
        "public_key": key.public_key,
        "retired_at": key.retired_at,
    }
