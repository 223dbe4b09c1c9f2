"""Doors of the log: what strangers verify with, the API, the pages."""

from __future__ import annotations

from django.urls import path

from audit import api, public, views

app_name = "audit"
urlpatterns = [
    path("audit/checkpoint", public.checkpoint, name="checkpoint"),
    path("audit/vkey", public.vkey, name="vkey"),
    path("audit/vkeys", public.vkeys, name="vkeys"),
    path("audit/growth/<str:old_size>", public.growth, name="growth"),
    path("audit/tile/<path:path>", public.tile, name="tile"),
    path("api/v1/log/entries", api.EntryList.as_view(), name="api-entries"),
    path("api/v1/log/entries/<int:entry_id>", api.EntryDetail.as_view(), name="api-entry"),
    path("api/v1/log/entries/<int:entry_id>/proof", api.EntryProof.as_view(), name="api-proof"),
    path("log/", views.log, name="log"),
    path("log/entries/<int:entry_id>/", views.entry_page, name="entry"),
    path("log/checkpoint/", views.checkpoint_page, name="checkpoint-page"),
]
