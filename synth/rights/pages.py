"""Pages of rights."""

from django.urls import path

from synth.rights import views

app_name = "rights"

urlpatterns = [
    path("feedback", views.feedback, name="feedback"),
    path("take-down", views.take_down, name="take_down"),
    path("desk", views.desk, name="desk"),
    path("person", views.person, name="person"),
    path("person/copy", views.copy, name="copy"),
    path("terms", views.terms, name="terms"),
    path("conformity", views.conformity, name="conformity"),
    path("voices/<slug:voice>/usage", views.usage, name="usage"),
]
