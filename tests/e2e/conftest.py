from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.service import Service

SEED = """
from django.db import transaction
from tests import factories
from tests.e2e.material import style_clip
from accounts.people.services import create_key
from accounts.people.permissions import SCOPES
from allauth.account.models import EmailAddress
owner = factories.owner_principal("Northwind Studio")
EmailAddress.objects.create(user=owner.user, email=owner.user.email, verified=True, primary=True)
# In one transaction: a worker that sees the rows earlier would check the recordings itself.
with transaction.atomic():
    voice = factories.consented_voice(owner, name="Narrator")
    for name in ("neutral", "sad"):
        samples, rate_hz, transcript = style_clip(name)
        factories.approved_style(owner, voice, name=name, samples=samples, rate_hz=rate_hz, transcript=transcript)
_, secret = create_key(principal=owner, name="tests", scopes=sorted(SCOPES))
answer = {"key": secret, "voice": str(voice.id), "slug": voice.slug, "email": owner.user.email}
"""


@dataclass(frozen=True)
class Seeded:
    """A running service with one organisation, one key and one consented voice."""

    service: Service
    key: str
    voice: str
    slug: str
    email: str

    @property
    def url(self) -> str:
        return self.service.base_url


@pytest.fixture(scope="package")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """Ends with the last test of this folder: the tests after it have the processor for themselves."""
    data_dir: Path = tmp_path_factory.mktemp("service") / "data"
    service = Service(
        data_dir,
        ASSENT_VERIFY_RATE="1000/minute",
        ASSENT_CHECKS_QUEUE_LIMIT="10000",
        ASSENT_WEBHOOKS_ANYWHERE="1",
    ).start()
    try:
        yield Seeded(service=service, **service.python(SEED))
    finally:
        service.stop()
