"""The accounts API for people: review, keys, the organisation and its members."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts import serializers as shapes
from accounts.api import listed, parsed, refusals
from accounts.principals import Principal, principal_for

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
                "styles": shapes.StyleShape(styles, many=True).data,
            }
        )


class ReviewSubmissionView(APIView):
    @extend_schema(
        operation_id="review_submission",
        request=shapes.ReviewRequest,
        responses={200: shapes.SubmissionShape, **refusals(409)},
    )
    def post(self, request: Request, submission_id: UUID) -> Response:
        given = parsed(shapes.ReviewRequest, request.data)
        decided = services.review(principal=principal_for(request), submission_id=submission_id, **given)
        return Response(shapes.SubmissionShape(decided).data)


class ReviewStyleView(APIView):
    @extend_schema(
        operation_id="review_style",
        request=shapes.ReviewRequest,
        responses={200: shapes.StyleShape, **refusals(409)},
    )
    def post(self, request: Request, style_id: UUID) -> Response:
        given = parsed(shapes.ReviewRequest, request.data)
        decided = services.review_style(principal=principal_for(request), style_id=style_id, **given)
        return Response(shapes.StyleShape(decided).data)


class KeysView(APIView):
    @extend_schema(
        operation_id="key_list",
        parameters=[shapes.PageQuery],
        responses={200: shapes.KeyPage, **refusals()},
    )
    def get(self, request: Request) -> Response:
        return listed(request, selectors.keys(principal_for(request)), shapes.KeyShape)

    @extend_schema(
        operation_id="key_create",
        request=shapes.KeyRequest,
        responses={201: shapes.NewKeyShape, **refusals()},
    )
    def post(self, request: Request) -> Response:
        """Make a key. The answer holds it once; only its hash is kept."""
        given = parsed(shapes.KeyRequest, request.data)
        row, key = services.create_key(principal=principal_for(request), **given)
        return Response({**shapes.KeyShape(row).data, "key": key}, status=status.HTTP_201_CREATED)


class KeyView(APIView):
    @extend_schema(operation_id="key_revoke", responses={200: shapes.KeyShape, **refusals()})
    def delete(self, request: Request, key_id: UUID) -> Response:
        row = services.revoke_key(principal=principal_for(request), key_id=key_id)
        return Response(shapes.KeyShape(row).data)


class OrganisationView(APIView):
    @extend_schema(operation_id="organisation", responses={200: shapes.OrganisationShape, **refusals()})
    def get(self, request: Request) -> Response:
        return Response(_organisation_answer(principal_for(request)))

    @extend_schema(
        operation_id="organisation_rename",
        request=shapes.OrganisationRequest,
        responses={200: shapes.OrganisationShape, **refusals()},
    )
    def patch(self, request: Request) -> Response:
        principal = principal_for(request)
        given = parsed(shapes.OrganisationRequest, request.data)
        organisation = services.rename_organisation(principal=principal, **given)
        return Response({**_organisation_answer(principal), "name": organisation.name})


class MembersView(APIView):
    @extend_schema(
        operation_id="member_list",
        parameters=[shapes.PageQuery],
        responses={200: shapes.MemberPage, **refusals()},
    )
    def get(self, request: Request) -> Response:
        return listed(
            request, selectors.members(principal_for(request)), shapes.MemberShape, newest_first=False
        )


class MemberView(APIView):
    @extend_schema(
        operation_id="member_role",
        request=shapes.RoleRequest,
        responses={200: shapes.MemberShape, **refusals(409)},
    )
    def patch(self, request: Request, membership_id: UUID) -> Response:
        given = parsed(shapes.RoleRequest, request.data)
        member = services.change_role(principal=principal_for(request), membership_id=membership_id, **given)
        return Response(shapes.MemberShape(member).data)

    @extend_schema(operation_id="member_remove", responses={204: None, **refusals(409)})
    def delete(self, request: Request, membership_id: UUID) -> Response:
        services.remove_member(principal=principal_for(request), membership_id=membership_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationsView(APIView):
    @extend_schema(
        operation_id="invitation_list",
        parameters=[shapes.PageQuery],
        responses={200: shapes.InvitationPage, **refusals()},
    )
    def get(self, request: Request) -> Response:
        return listed(request, selectors.invitations(principal_for(request)), shapes.InvitationShape)

    @extend_schema(
        operation_id="invitation_send",
        request=shapes.InvitationRequest,
        responses={201: shapes.InvitationShape, **refusals(409)},
    )
    def post(self, request: Request) -> Response:
        given = parsed(shapes.InvitationRequest, request.data)
        invitation = services.invite(principal=principal_for(request), **given)
        return Response(shapes.InvitationShape(invitation).data, status=status.HTTP_201_CREATED)


class InvitationView(APIView):
    @extend_schema(operation_id="invitation_withdraw", responses={204: None, **refusals()})
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        services.withdraw_invitation(principal=principal_for(request), invitation_id=invitation_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _organisation_answer(principal: Principal) -> dict[str, str]:
    organisation = principal.organisation
    return {
        "id": str(organisation.pk),
        "name": organisation.name,
        "slug": organisation.slug,
        "role": principal.role,
    }
