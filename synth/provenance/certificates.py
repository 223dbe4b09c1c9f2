"""The installation's own certificates for Content Credentials: a root, and the certificate that signs files.

Made from one secret of 32 bytes, so that the secret alone has to be backed up: the keys derive from it (HKDF-SHA-256,
RFC 5869), and only the certificates, which are public, are stored. A certificate authority's chain and key can take
their place. Profile: C2PA 2.x, section 14.5 (X.509 v3, ES256, digitalSignature, extended key usage).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from synth.errors import Unavailable

SIGNING_USE = ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string
VALID_FOR = timedelta(days=3650)
# NIST P-256's order: a private key is a number between 1 and one less.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Authority:
    """What signs: the leaf's private key, its chain (leaf first, without the root) and the root, both PEM.

    ``timestamp_url``: an RFC 3161 service to stamp signatures, where the operator configured one; else empty.
    """

    key: ec.EllipticCurvePrivateKey
    chain_pem: str
    root_pem: str
    timestamp_url: str = ""


def own_authority(secret: bytes, certificates_pem: str, *, timestamp_url: str = "") -> Authority:
    """The installation's own authority, from its secret and the certificates that `make_certificates` wrote.

    Raises Unavailable ``credentials_key_missing`` when the certificates are not those of this secret.
    """
    key = _private_key(secret, "leaf")
    leaf, root = _two(certificates_pem)
    if (
        leaf.public_key() != key.public_key()
        or root.public_key() != _private_key(secret, "root").public_key()
    ):
        raise Unavailable(
            "credentials_key_missing",
            "The certificates in the data folder are not those of the credentials key.",
        )
    return Authority(key, _pem(leaf), _pem(root), timestamp_url)


def make_certificates(secret: bytes, *, organisation: str, now: datetime | None = None) -> str:
    """PEM of the leaf and the root that belong to ``secret``, valid from yesterday on for ten years."""
    begins = (now or datetime.now(UTC)).replace(microsecond=0) - timedelta(days=1)
    root_key, leaf_key = _private_key(secret, "root"), _private_key(secret, "leaf")
    root_name = _name(organisation, "Assent root")
    root = _certificate(root_name, root_key.public_key(), root_name, root_key, begins, is_root=True)
    leaf = _certificate(
        _name(organisation, "Assent content credentials"), leaf_key.public_key(), root_name, root_key, begins,
        is_root=False,
    )  # fmt: skip
    return _pem(leaf) + _pem(root)


def foreign_authority(key_pem: bytes, chain_pem: str, *, timestamp_url: str = "") -> Authority:
    """A certificate authority's: an EC P-256 key (PEM, unencrypted) and its chain, leaf first, root last.

    Raises Unavailable ``credentials_key_missing`` when they are unreadable or do not belong together.
    """
    try:
        key = serialization.load_pem_private_key(key_pem, None)
        chain = x509.load_pem_x509_certificates(chain_pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unavailable("credentials_key_missing", f"Key or chain cannot be read: {error}.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise Unavailable("credentials_key_missing", "The key of the credentials is not an EC key on P-256.")
    if len(chain) < 2 or chain[0].public_key() != key.public_key():
        raise Unavailable(
            "credentials_key_missing",
            "The chain must begin with the key's certificate and end with its root.",
        )
    return Authority(key, "".join(map(_pem, chain[:-1])), _pem(chain[-1]), timestamp_url)


def _private_key(secret: bytes, purpose: str) -> ec.EllipticCurvePrivateKey:
    # 48 bytes reduced modulo the order: the bias is below 2^-128 (FIPS 186-5, appendix A.2.1).
    derived = HKDF(hashes.SHA256(), 48, b"assent/credentials/1", purpose.encode()).derive(secret)
    return ec.derive_private_key(int.from_bytes(derived) % (_ORDER - 1) + 1, ec.SECP256R1())


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64] or "Assent"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _certificate(
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    begins: datetime,
    *,
    is_root: bool,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if not is_root:
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(use, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _two(certificates_pem: str) -> tuple[x509.Certificate, x509.Certificate]:
    try:
        leaf, root = x509.load_pem_x509_certificates(certificates_pem.encode())
    except ValueError as error:
        raise Unavailable(
            "credentials_key_missing", f"The certificates of the credentials cannot be read: {error}."
        ) from error
    return leaf, root


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
