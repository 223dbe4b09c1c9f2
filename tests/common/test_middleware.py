"""The pages' own files: whole answers with the headers that WhiteNoise gives them, by ranges, and nothing else."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from synth.common.middleware import StaticFilesMiddleware

STYLE = b"body { margin: 0 }\n" * 100


@pytest.fixture
def serve(tmp_path, settings):
    (tmp_path / "base.css").write_bytes(STYLE)
    settings.STATIC_ROOT = str(tmp_path)
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = False
    middleware = StaticFilesMiddleware(lambda request: HttpResponse("the page", status=299))

    def ask(path, method="GET", **headers):
        return middleware(RequestFactory().generic(method, path, headers=headers))

    return ask


def test_a_file_is_answered_whole_and_not_as_a_stream(serve):
    answer = serve("/static/base.css")
    assert (answer.status_code, answer.streaming, answer.content) == (200, False, STYLE)
    assert answer["content-type"].startswith("text/css")
    assert int(answer["content-length"]) == len(STYLE)


def test_ranges_heads_and_what_is_known_already(serve):
    part = serve("/static/base.css", range="bytes=5-9")
    assert (part.status_code, part.content) == (206, STYLE[5:10])
    head = serve("/static/base.css", "HEAD")
    assert (head.status_code, head.content, int(head["content-length"])) == (200, b"", len(STYLE))
    known = serve("/static/base.css", **{"if-modified-since": serve("/static/base.css")["last-modified"]})
    assert (known.status_code, known.content) == (304, b"")
    assert "content-type" not in known


def test_every_other_path_goes_on(serve):
    assert serve("/static/missing.css").status_code == 299
    assert serve("/studio").content == b"the page"
