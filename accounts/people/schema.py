"""How the OpenAPI schema names our authentication."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.people.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: Authorization: Bearer assent_…",
        }


class XiApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.people.authentication.XiApiKeyAuthentication"
    name = "XiApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "xi-api-key", "description": "The same API key."}
