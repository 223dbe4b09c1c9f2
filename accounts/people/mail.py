"""Mail without a mail server: kept in the database for the administrators' page, and in the data folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage, send_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from accounts.people.models import OutboundMail, User

KEPT_FOR = timedelta(days=30)


class OutboundMailBackend(BaseEmailBackend):
    """Django e-mail backend; each message becomes an `OutboundMail` row and a file `mail/<id>.eml`.

    The messages hold log-in codes and links: the page is for administrators, the files are readable by the
    service's account alone, and both go after thirty days (`sweep`).
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            row = OutboundMail.objects.create(
                recipients=[address[:254] for address in message.recipients()],
                from_email=str(message.from_email)[:254],
                subject=str(message.subject)[:400],
                body=str(message.body),
            )
            # A rolled-back transaction must not leave a letter behind.
            transaction.on_commit(partial(_write, f"{row.pk}.eml", message.message().as_bytes()))
        return len(email_messages)


def tell_administrators(subject: str, body: str) -> int:
    """A letter to everybody who runs this installation; how many there are."""
    addresses = list(User.objects.filter(is_staff=True, is_active=True).values_list("email", flat=True))
    for address in addresses:  # one each: nobody's address is shown to the others
        send_mail(f"[Assent] {subject}", f"{body}\n\n{settings.ASSENT_BASE_URL}\n", None, [address])
    return len(addresses)


def sweep() -> int:
    """Delete mail older than thirty days from both places; returns how many messages went."""
    old = OutboundMail.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    for pk in old.values_list("pk", flat=True):
        (_folder() / f"{pk}.eml").unlink(missing_ok=True)
    return old.delete()[0]


def _folder() -> Path:
    return Path(settings.ASSENT_MAIL_DIR)


def _write(name: str, text: bytes) -> None:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
