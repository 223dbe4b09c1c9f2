from django.urls import include, path

from synth.projects import api

_PROJECT = "api/v1/projects/<uuid:project_id>"

urlpatterns = [
    path("api/v1/projects", api.ProjectsView.as_view(), name="projects"),
    path(_PROJECT, api.ProjectView.as_view(), name="project"),
    path(f"{_PROJECT}/cancel", api.ProjectCancelView.as_view(), name="project-cancel"),
    path(f"{_PROJECT}/retry", api.ProjectRetryView.as_view(), name="project-retry"),
    path(f"{_PROJECT}/lines", api.LinesView.as_view(), name="project-lines"),
    path(f"{_PROJECT}/lines/<int:number>", api.LineView.as_view(), name="project-line"),
    path(f"{_PROJECT}/lines/<int:number>/redo", api.LineRedoView.as_view(), name="project-line-redo"),
    path(f"{_PROJECT}/archive", api.ArchiveView.as_view(), name="project-archive"),
    path(f"{_PROJECT}/subtitles", api.SubtitlesView.as_view(), name="project-subtitles"),
    path(f"{_PROJECT}/track", api.TrackView.as_view(), name="project-track"),
    path(f"{_PROJECT}/track/audio", api.TrackAudioView.as_view(), name="project-track-audio"),
    path("", include("synth.projects.pages")),
]
