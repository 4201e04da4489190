"""The company's certificate authority, where only SSL_CERT_FILE names it."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from dora_deployments.budget import Budget
from dora_deployments.packages import Provide, Tell

_OF_REQUESTS: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def trusting_ssl_cert_file(provide: Provide, environ: MutableMapping[str, str]) -> Provide:
    """Return `provide`, after which requests trusts the authorities in SSL_CERT_FILE too."""

    def provide_and_trust(lock: str, budget: Budget, tell: Tell) -> None:
        provide(lock, budget, tell)
        trust_ssl_cert_file(environ)

    return provide_and_trust


def trust_ssl_cert_file(environ: MutableMapping[str, str]) -> None:
    """Let requests trust the authorities in SSL_CERT_FILE too, unless it has a file of its own.

    requests reads REQUESTS_CA_BUNDLE alone, while curl, uv and OpenSSL read SSL_CERT_FILE. It
    trusts nothing but that file, so a new one holds what it trusts otherwise as well. A file that
    cannot be read, or written, changes nothing. Needs the packages.
    """
    named = environ.get("SSL_CERT_FILE")
    if not named or any(environ.get(name) for name in _OF_REQUESTS):
        return
    import tempfile

    import certifi

    try:
        added = Path(named).read_bytes()
        known = Path(certifi.where()).read_bytes()
        folder = tempfile.mkdtemp(prefix="dora-deployments-", dir=environ.get("RUNNER_TEMP"))
        bundle = Path(folder) / "authorities.pem"
        bundle.write_bytes(known + b"\n" + added)
    except OSError:
        return
    environ["REQUESTS_CA_BUNDLE"] = str(bundle)
