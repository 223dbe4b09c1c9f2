"""What follows from events in other libraries: a new account gets its log entry and an organisation."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import user_signed_up
from django.dispatch import receiver

from accounts.people import services
from accounts.people.models import User


@receiver(user_signed_up)
def on_signed_up(request: Any, user: User, **kwargs: Any) -> None:
    services.account_created(user=user)
