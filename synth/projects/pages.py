"""Pages of dubbing."""

from django.urls import path

from synth.projects import views

app_name = "projects"

urlpatterns = [
    path("projects", views.projects, name="projects"),
    path("projects/new", views.new, name="new"),
    path("projects/<uuid:project_id>", views.project, name="project"),
    path("projects/<uuid:project_id>/change", views.change, name="change"),
    path("projects/<uuid:project_id>/lines/<int:number>", views.line, name="line"),
    path("projects/<uuid:project_id>/archive", views.archive, name="archive"),
    path("projects/<uuid:project_id>/track/<slug:format>", views.track, name="track"),
]
