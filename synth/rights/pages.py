"""Pages of rights."""

from django.urls import path

from synth.rights import views, views_ledger

app_name = "rights"

urlpatterns = [
    path("feedback", views.feedback, name="feedback"),
    path("take-down", views.take_down, name="take_down"),
    path("desk", views.desk, name="desk"),
    path("person", views.person, name="person"),
    path("person/copy", views.copy, name="copy"),
    path("terms", views.terms, name="terms"),
    path("conformity", views.conformity, name="conformity"),
    path("ledger", views_ledger.every, name="ledger_all"),
    path("uses", views_ledger.own, name="uses"),
    path("voices/<uuid:voice_id>/ledger", views_ledger.voice, name="ledger"),
    path("my-voice/<str:token>/uses", views_ledger.by_link, name="ledger_by_link"),
    path("voices/<slug:voice>/usage", views.usage, name="usage"),
]
