"""The public pages of the verifier."""

from django.urls import path

from watermark import views

app_name = "watermark"

urlpatterns = [
    path("verify", views.verify, name="verify"),
    path("verify/report", views.check_report, name="check_report"),
    path("verify/<uuid:verification_id>", views.verdict, name="verdict"),
    path("verify/<uuid:verification_id>/report", views.report, name="report"),
    path("verify/<uuid:verification_id>/cancel", views.cancel, name="cancel"),
]
