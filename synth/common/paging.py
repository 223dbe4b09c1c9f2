"""One page of a list, and whether there is more: the same for every list that the APIs give out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows in order, and whether others follow them."""

    items: list[Row]
    has_more: bool

    @property
    def last_id(self) -> Any:
        """Where the next page begins, when there is one."""
        return self.items[-1].pk if self.has_more else None


def first_of(rows: QuerySet[Row], limit: int) -> Page[Row]:
    """The first ``limit`` rows of a list that is in order already. One query."""
    found = list(rows[: limit + 1])
    return Page(found[:limit], len(found) > limit)


def page_by_id(
    rows: QuerySet[Row], *, limit: int, after: UUID | None = None, newest_first: bool = True
) -> Page[Row]:
    """Rows by identifier, which is by time (UUID version 7), from behind the row ``after``."""
    if after is not None:
        rows = rows.filter(**{"pk__lt" if newest_first else "pk__gt": after})
    return first_of(rows.order_by("-pk" if newest_first else "pk"), limit)
