"""Request bodies, read so that nothing in them can break an answer."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class StrictJSONParser(parsers.JSONParser):
    """JSON whose texts can be written again, nested no deeper than can be read.

    Python reads an escaped half of a character pair ("\\ud800") that no UTF-8 answer can repeat, and gives up
    on deep nesting with an exception of its own: both are the sender's mistake, a 400.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
            json.dumps(data, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
        except UnicodeEncodeError:
            raise ParseError("JSON parse error - half of a character pair") from None
        return data
