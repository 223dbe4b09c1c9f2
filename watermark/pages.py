"""The public page of the verifier."""

from django.urls import path

from watermark import views

app_name = "watermark"

urlpatterns = [
    path("verify", views.verify, name="verify"),
    path("verify/<uuid:verification_id>", views.verdict, name="verdict"),
]
