"""Who may come in: accounts, passwords, second factors, mail."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from synth.conf.env import read
from synth.conf.settings.base import ASSENT_BASE_URL, ASSENT_DATA_DIR

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "portal:home"

ACCOUNT_ADAPTER = "accounts.people.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
# Behind a proxy every log-in would otherwise count against the proxy's own address.
ALLAUTH_TRUSTED_PROXY_COUNT = read("ASSENT_TRUST_PROXY")
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(ASSENT_BASE_URL).scheme
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ADAPTER = "accounts.people.mfa.MFAAdapter"
MFA_TOTP_ISSUER = "Assent"
# localhost is a secure context for browsers although it speaks plain HTTP; passkeys work there.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = urlsplit(ASSENT_BASE_URL).hostname == "localhost"

DEFAULT_FROM_EMAIL = read("DEFAULT_FROM_EMAIL")
ASSENT_MAIL_DIR = ASSENT_DATA_DIR / "mail"
_mail = urlsplit(read("EMAIL_URL"))
if _mail.hostname:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _mail.hostname
    EMAIL_PORT = _mail.port or 587
    EMAIL_HOST_USER = unquote(_mail.username or "")
    EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
    EMAIL_USE_TLS = _mail.scheme == "smtp+tls"
    EMAIL_USE_SSL = _mail.scheme == "smtps"
else:
    EMAIL_BACKEND = "accounts.people.mail.OutboundMailBackend"
