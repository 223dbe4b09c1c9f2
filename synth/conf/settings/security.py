"""Secrets, hosts, cookies, headers, middleware."""

from __future__ import annotations

import ipaddress
import secrets
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF

from synth.conf.env import read
from synth.conf.settings.base import ASSENT_BASE_URL, ASSENT_KEYS_DIR, URL_PREFIX


def _secret_key() -> str:
    given = read("ASSENT_SECRET_KEY")
    path = ASSENT_KEYS_DIR / "django-secret.key"
    if given:
        return given
    if path.exists():
        return path.read_text().strip()
    # Commands that need no secret (migrations, checks, the first-run set-up itself) still start; anything
    # signed with this does not verify in another process, and the system check says so. Never one that is
    # printed here for everybody to sign with.
    return f"unset-{secrets.token_hex(32)}"


SECRET_KEY = _secret_key()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def allowed_hosts(base_host: str, further: str, listen: str) -> list[str]:
    """The public name, further ones, and this machine's own names where nobody else can reach the service by them.

    `listen` is the address that the web process is bound to; empty in processes that serve nothing.
    """
    named = [base_host, *(host.strip() for host in further.split(","))]
    if not listen or _is_loopback(listen) or _is_loopback(base_host):
        named += ["localhost", "127.0.0.1", "[::1]"]
    return list(dict.fromkeys(host for host in named if host))


_base = urlsplit(ASSENT_BASE_URL)
_host = _base.hostname or ""
ALLOWED_HOSTS = allowed_hosts(_host, read("ASSENT_ALLOWED_HOSTS"), read("ASSENT_LISTEN"))
# An origin has no path.
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]
# Other services of the same address do not see these.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{URL_PREFIX}/"
_https = _base.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Browsers would hold every other service of this machine to HTTPS too, whatever its port; and know no HSTS for
# addresses.
SECURE_HSTS_SECONDS = 31536000 if _https and not _is_loopback(_host) and not _is_address(_host) else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
ASSENT_TRUST_PROXY = read("ASSENT_TRUST_PROXY")
if ASSENT_TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

MIDDLEWARE = [
    "synth.common.middleware.KeyInAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "synth.common.middleware.StaticFilesMiddleware",
    "synth.common.middleware.RequestIdMiddleware",
    "synth.common.middleware.LivenessMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]
# OpenAI's paths have no trailing slash, and a redirect would turn their POST into a GET.
APPEND_SLASH = False

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF, "blob:"],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "report-uri": [f"{URL_PREFIX}/csp-report"],
    }
}
CSRF_FAILURE_VIEW = "synth.portal.errors.csrf_failure"
