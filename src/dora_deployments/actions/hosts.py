"""Where the keys may go: Datadog's sites, DX's instances, and URLs given on purpose."""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

# Datadog documentation, "Getting started: Datadog sites" and the API reference's servers.
SITES: Final = (
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "ddog-gov.com",
    "us2.ddog-gov.com",
)
_ALIASES: Final = {
    "us": "datadoghq.com",
    "us1": "datadoghq.com",
    "us3": "us3.datadoghq.com",
    "us5": "us5.datadoghq.com",
    "eu": "datadoghq.eu",
    "eu1": "datadoghq.eu",
    "ap1": "ap1.datadoghq.com",
    "ap2": "ap2.datadoghq.com",
    "uk1": "uk1.datadoghq.com",
    "us1-fed": "ddog-gov.com",
    "us2-fed": "us2.ddog-gov.com",
}
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?", re.ASCII)
_LONGEST_HOST: Final = 253
_NAME: Final = re.compile(_LABEL, re.ASCII)
_VENDORS: Final = ("datadoghq.com", "datadoghq.eu", "ddog-gov.com", "getdx.net", "getdx.com")


def datadog_url(text: str) -> str:
    """Return the base URL of Datadog's API for the input `datadog-site`.

    `ValueError` says what is wrong and lists the sites.
    """
    if "://" in text:
        url = _url(text)
        site = _site(url.hostname or "") if url.port is None else None
        return f"https://api.{site}" if site else _base(url)
    site = _site(text.lower())
    if site is None:
        raise ValueError(
            f"{text!r} is not a Datadog site; write one of {', '.join(SITES)},"
            " or a proxy's https:// URL"
        )
    return f"https://api.{site}"


def dx_url(text: str) -> str:
    """Return the base URL of DX's Web API for the input `dx-instance`.

    `ValueError` says what is wrong and what to write.
    """
    if "://" in text:
        url = _url(text)
        known = _instance(url.hostname or "") if url.port is None else None
        base = _base(url)
        return known or (base if base.endswith("/api") else f"{base}/api")
    host = text.lower()
    if _NAME.fullmatch(host) and host != "localhost":
        host = f"{host}.getdx.net"
    known = _instance(host)
    if known is None:
        raise ValueError(
            f"{text!r} is not a DX instance; write its name, such as acme for acme.getdx.net,"
            " or its https:// URL"
        )
    return known


def _site(host: str) -> str | None:
    host = _ALIASES.get(host, host)
    for prefix in ("", "app.", "api."):
        if host.startswith(prefix) and host[len(prefix) :] in SITES:
            return host[len(prefix) :]
    return None


def _instance(host: str) -> str | None:
    # DX documents acme.getdx.net/api/METHOD and, for its Web API, api.getdx.com/METHOD.
    if host == "api.getdx.com":
        return "https://api.getdx.com"
    name, _, domain = host.partition(".")
    if domain == "getdx.net" and _NAME.fullmatch(name):
        return f"https://{host}/api"
    return None


def _url(text: str) -> SplitResult:
    """Return the parts of a URL that may be sent a key, or raise `ValueError`."""
    url = _parts(text)
    host = url.hostname or ""
    if host in _LOOPBACK and url.scheme in {"http", "https"}:
        return url
    if url.scheme != "https":
        raise ValueError(f"{text!r} must start with https://; only loopback may use http://")
    if not _HOST.fullmatch(host) or len(host) > _LONGEST_HOST:
        raise ValueError(f"{text!r} has an odd host; write https:// and a plain host name")
    for vendor in _VENDORS:
        if vendor in host and host != vendor and not host.endswith(f".{vendor}"):
            raise ValueError(f"{text!r} only looks like {vendor}; check the host's spelling")
    return url


def _parts(text: str) -> SplitResult:
    """Return the parts of a URL that has a scheme, a host, maybe a port and a path alone."""
    if not re.fullmatch(r"[!-~]+", text, re.ASCII) or "\\" in text:
        raise ValueError("has characters that no URL has; write https:// and a plain host name")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ValueError(f"{text!r} is not a URL; write https:// and a plain host name") from None
    if "@" in text:
        # Never shown: a password may stand before the @.
        raise ValueError("has user info (an @) in its URL; leave it out")
    if "?" in text or "#" in text:
        raise ValueError(f"{text!r} has a query or fragment; write the URL up to its path")
    plain = f"[{host}]" if ":" in host else host
    if url.netloc.lower() not in {plain, f"{plain}:{port}"}:
        raise ValueError(f"{text!r} has an odd host; write https:// and a plain host name")
    return url


def _base(url: SplitResult) -> str:
    path = url.path.rstrip("/")
    if not re.fullmatch(r"(?:/[A-Za-z0-9_.~-]+)*", path) or "/.." in path or "/./" in path:
        raise ValueError(f"the path {url.path!r} is odd; write the URL of the API's root")
    return f"{url.scheme}://{url.netloc.lower()}{path}"
