from django.urls import URLPattern, URLResolver, include, path

from watermark import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/verify", api.VerifyView.as_view(), name="verify"),
    path("api/v1/verifications/<uuid:verification_id>", api.VerificationView.as_view(), name="verification"),
    path("api/v1/records/<uuid:record_id>/proof", api.RecordProofView.as_view(), name="record-proof"),
]

# The pages of this room.
urlpatterns += [path("", include("watermark.pages"))]
