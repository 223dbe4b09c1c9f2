from django.urls import URLPattern, URLResolver, include, path

from watermark import api, resolution

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/verify", api.VerifyView.as_view(), name="verify"),
    path("api/v1/verify/batches", api.BatchesView.as_view(), name="verify-batches"),
    path("api/v1/verify/batches/<uuid:batch_id>", api.BatchView.as_view(), name="verify-batch"),
    path(
        "api/v1/verify/batches/<uuid:batch_id>/cancel",
        api.BatchCancelView.as_view(),
        name="verify-batch-cancel",
    ),
    path("api/v1/verify/report", api.ReportCheckView.as_view(), name="verify-report"),
    path("api/v1/verify/key", api.ReportKeyView.as_view(), name="verify-key"),
    path("api/v1/verifications/<uuid:verification_id>", api.VerificationView.as_view(), name="verification"),
    path(
        "api/v1/verifications/<uuid:verification_id>/cancel",
        api.CancelView.as_view(),
        name="verification-cancel",
    ),
    path(
        "api/v1/verifications/<uuid:verification_id>/report",
        api.ReportView.as_view(),
        name="verification-report",
    ),
    path("api/v1/records/<uuid:record_id>/proof", api.RecordProofView.as_view(), name="record-proof"),
    path(
        "api/v1/records/<uuid:record_id>/manifest", resolution.ManifestView.as_view(), name="record-manifest"
    ),
    # where C2PA's soft binding resolution looks
    path("services/supportedAlgorithms", resolution.AlgorithmsView.as_view(), name="c2pa-algorithms"),
    path("matches/byBinding", resolution.MatchesView.as_view(), name="c2pa-matches"),
    path("manifests/<uuid:record_id>", resolution.ResolvedManifestView.as_view(), name="c2pa-manifest"),
]

# The pages of this room.
urlpatterns += [path("", include("watermark.pages"))]
