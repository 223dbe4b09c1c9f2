"""The API of consent: challenges, recordings, decisions, receipts, and how a voice is stopped."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consent import receipt_keys, receipts, selectors, services
from accounts.consent import serializers as shapes
from accounts.consent.models import Submission
from accounts.consent.services import checks
from accounts.people.principals import principal_for
from accounts.voices import serializers as voice_shapes
from accounts.voices.api import voice_answers
from synth.common import ratelimit
from synth.common.api import Problem, WaitQuery, parsed, refusals
from synth.common.requests import client_address

RECEIPT_CHECKS = "60/minute"
_VOICE = OpenApiParameter(
    "voice", str, OpenApiParameter.PATH, description="Id, or short name in your organisation."
)


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


@extend_schema(parameters=[_VOICE])
class OwnerLinksView(APIView):
    @extend_schema(
        operation_id="voice_ask_owner",
        request=shapes.ScopeRequest,
        responses={201: shapes.OwnerLinkShape, **refusals()},
    )
    def post(self, request: Request, voice: str) -> Response:
        """A link to send to the owner of a voice who has no account: they choose, speak, and keep the say."""
        given = parsed(shapes.ScopeRequest, request.data)
        link, url = services.ask_owner(principal=principal_for(request), voice_id=voice, **given)
        answer = {"id": link.pk, "url": url, "expires_at": link.expires_at}
        return Response(shapes.OwnerLinkShape(answer).data, status=status.HTTP_201_CREATED)


@extend_schema(parameters=[_VOICE])
class NarrowView(APIView):
    @extend_schema(
        operation_id="voice_narrow",
        request=shapes.NarrowRequest,
        responses={200: shapes.ConsentShape, **refusals()},
    )
    def post(self, request: Request, voice: str) -> Response:
        """Permit less than before, without a new statement. Jobs under the wider scope are not released."""
        given = parsed(shapes.NarrowRequest, request.data)
        consent = services.narrow(principal=principal_for(request), voice_id=voice, **given)
        return Response(shapes.ConsentShape(consent, context={"now": timezone.now()}).data)


class ChallengeView(APIView):
    @extend_schema(operation_id="challenge", responses={200: shapes.ChallengeShape, **refusals()})
    def get(self, request: Request, challenge_id: UUID) -> Response:
        """A statement that was issued, and whether it may still be answered."""
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
            headers={"Location": f"{settings.URL_PREFIX}/api/v1/submissions/{submission.pk}"},
        )


class SubmissionView(APIView):
    @extend_schema(
        operation_id="submission",
        parameters=[WaitQuery],
        responses={200: shapes.SubmissionShape, **refusals()},
    )
    def get(self, request: Request, submission_id: UUID) -> Response:
        """How far the check of a consent recording has come, and what was measured."""
        principal = principal_for(request)
        submission = checks.wait_for_decision(
            Submission,
            submission_id,
            read=lambda: selectors.get_submission(principal, submission_id),
            timeout_s=parsed(WaitQuery, request.query_params)["wait_s"],
        )
        return Response(shapes.SubmissionShape(submission).data)


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
        responses={200: voice_shapes.VoiceShape, **refusals()},
    )
    def post(self, request: Request, voice: str) -> Response:
        """Withdraw the consent for good. No job in this voice starts or is released any more."""
        given = parsed(shapes.RevokeRequest, request.data)
        revoked = services.revoke(principal=principal_for(request), voice_id=voice, **given)
        return Response(voice_answers([revoked])[0])


@extend_schema(parameters=[_VOICE])
class SuspendView(APIView):
    @extend_schema(
        operation_id="voice_suspend", request=None, responses={200: voice_shapes.VoiceShape, **refusals(409)}
    )
    def post(self, request: Request, voice: str) -> Response:
        """Let nothing be spoken or released in a voice until it is resumed."""
        return Response(
            voice_answers([services.suspend(principal=principal_for(request), voice_id=voice)])[0]
        )


@extend_schema(parameters=[_VOICE])
class ResumeView(APIView):
    @extend_schema(
        operation_id="voice_resume", request=None, responses={200: voice_shapes.VoiceShape, **refusals(409)}
    )
    def post(self, request: Request, voice: str) -> Response:
        """Let a suspended voice be used again."""
        return Response(voice_answers([services.resume(principal=principal_for(request), voice_id=voice)])[0])


class ReceiptVerifyView(APIView):
    """Public: whoever holds a receipt may ask whether it is genuine and whether its consent still lives."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="receipt_verify",
        request=shapes.ReceiptRequest,
        responses={
            200: shapes.ReceiptVerdict,
            400: Problem,
            429: Problem,
        },
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


REVIEW_PAGE = 100


class ReviewQueueView(APIView):
    @extend_schema(operation_id="review_queue", responses={200: shapes.ReviewQueueShape, **refusals()})
    def get(self, request: Request) -> Response:
        """Recordings that wait for a reviewer, oldest first."""
        principal = principal_for(request)
        submissions = selectors.review_queue(principal)[:REVIEW_PAGE]
        styles = selectors.style_review_queue(principal)[:REVIEW_PAGE]
        return Response(
            {
                "submissions": shapes.SubmissionShape(submissions, many=True).data,
                "styles": voice_shapes.StyleShape(styles, many=True).data,
            }
        )


class ReviewSubmissionView(APIView):
    @extend_schema(
        operation_id="review_submission",
        request=shapes.ReviewRequest,
        responses={200: shapes.SubmissionShape, **refusals(409)},
    )
    def post(self, request: Request, submission_id: UUID) -> Response:
        """Decide on a consent recording that waits for a reviewer."""
        given = parsed(shapes.ReviewRequest, request.data)
        decided = services.review(principal=principal_for(request), submission_id=submission_id, **given)
        return Response(shapes.SubmissionShape(decided).data)


class ReviewReferView(APIView):
    @extend_schema(
        operation_id="review_refer",
        request=shapes.ReferRequest,
        responses={200: shapes.SubmissionShape, **refusals(409)},
    )
    def post(self, request: Request, submission_id: UUID) -> Response:
        """Hand a doubt that concerns somebody else's rights to the installation's reviewers."""
        given = parsed(shapes.ReferRequest, request.data)
        referred = services.refer(principal=principal_for(request), submission_id=submission_id, **given)
        return Response(shapes.SubmissionShape(referred).data)


class LikenessesView(APIView):
    @extend_schema(operation_id="likenesses", responses={200: shapes.LikenessShape(many=True), **refusals()})
    def get(self, request: Request) -> Response:
        """Recordings of others that sounded like your voices, newest first."""
        rows = selectors.likenesses(principal_for(request))[:REVIEW_PAGE]
        return Response(shapes.LikenessShape(rows, many=True).data)


class LikenessView(APIView):
    @extend_schema(
        operation_id="likeness_answer",
        request=shapes.LikenessAnswer,
        responses={200: shapes.LikenessShape, **refusals(409)},
    )
    def post(self, request: Request, concern_id: UUID) -> Response:
        """Object to it, or say that you do not. Once."""
        given = parsed(shapes.LikenessAnswer, request.data)
        answered = services.answer_likeness(principal=principal_for(request), concern_id=concern_id, **given)
        return Response(shapes.LikenessShape(answered).data)


class ReviewStyleView(APIView):
    @extend_schema(
        operation_id="review_style",
        request=shapes.ReviewRequest,
        responses={200: voice_shapes.StyleShape, **refusals(409)},
    )
    def post(self, request: Request, style_id: UUID) -> Response:
        """Decide on a style's clip that waits for a reviewer."""
        given = parsed(shapes.ReviewRequest, request.data)
        decided = services.review_style(principal=principal_for(request), style_id=style_id, **given)
        return Response(voice_shapes.StyleShape(decided).data)
