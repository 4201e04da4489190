"""Where the keys may go: Datadog's sites, DX's instances, and URLs given on purpose."""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from dora_deployments.actions.text import shown

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
_HTTPS_PORTS: Final = frozenset({None, 443})
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_LONGEST_HOST: Final = 253
_NAME: Final = re.compile(_LABEL)
_DATADOG: Final = ("datadoghq.com", "datadoghq.eu", "ddog-gov.com")
_DX: Final = ("getdx.net", "getdx.com")


def datadog_url(text: str) -> str:
    """Return the base URL of Datadog's API for the input `datadog-site`.

    `ValueError` says what is wrong and lists the sites.
    """
    _refuse_hidden(text)
    if "://" in text:
        url = _url(text)
        _refuse_other(text, url, _DX, "DX")
        site = _site(url.hostname or "") if url.port in _HTTPS_PORTS else None
        return f"https://api.{site}" if site else _base(text, url)
    site = _site(text.lower())
    if site is None:
        raise ValueError(
            f"is {shown(text)}, which is not a Datadog site; write one of {', '.join(SITES)},"
            " or a proxy's https:// URL"
        )
    return f"https://api.{site}"


def dx_url(text: str) -> str:
    """Return the base URL of DX's Web API for the input `dx-instance`.

    `ValueError` says what is wrong and what to write.
    """
    _refuse_hidden(text)
    if "://" in text:
        url = _url(text)
        _refuse_other(text, url, _DATADOG, "Datadog")
        known = _instance(url.hostname or "") if url.port in _HTTPS_PORTS else None
        return known or f"{_base(text, url).removesuffix('/api')}/api"
    host = text.lower()
    if _NAME.fullmatch(host) and host != "localhost":
        host = f"{host}.getdx.net"
    known = _instance(host)
    if known is None:
        raise ValueError(
            f"is {shown(text)}, which is not a DX instance; write its name, such as acme for"
            " acme.getdx.net, or its https:// URL"
        )
    return known


def _refuse_hidden(text: str) -> None:
    """Refuse what a message must not show, or what its reader could not see."""
    if "@" in text:
        # A password may stand before it.
        raise ValueError(
            "has an @, as addresses with a user name or password have; write it without"
        )
    if not re.fullmatch(r"[!-~]+", text) or "\\" in text:
        raise ValueError(
            "has a space, a backslash or a character outside ASCII; write plain letters, digits,"
            " dots and hyphens"
        )
    if "?" in text or "#" in text:
        # So may a token behind these.
        raise ValueError("has a query or fragment (a ? or #); leave it out")


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
    if host in LOOPBACK and url.scheme in {"http", "https"}:
        return url
    if url.scheme != "https":
        raise ValueError(
            f"is {shown(text)}; write https:// and the host's name (http:// is for loopback alone)"
        )
    if not _HOST.fullmatch(host) or len(host) > _LONGEST_HOST:
        raise _odd(text)
    for vendor in (*_DATADOG, *_DX):
        if vendor in host and not _is_of(vendor, host):
            raise ValueError(
                f"is {shown(text)}, which only looks like {vendor}; correct the host's name"
            )
    return url


def _refuse_other(text: str, url: SplitResult, domains: tuple[str, ...], vendor: str) -> None:
    """Refuse a host of the vendor for whom the key is not meant."""
    if any(_is_of(domain, url.hostname or "") for domain in domains):
        raise ValueError(
            f"is {shown(text)}, a host of {vendor}'s, which this key is not for; check that"
            " `datadog-site` and `dx-instance` are not swapped"
        )


def _is_of(domain: str, host: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _parts(text: str) -> SplitResult:
    """Return the parts of a URL whose host and port are written plainly."""
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise _odd(text) from None
    plain = f"[{host}]" if ":" in host else host
    if port == 0 or url.netloc.lower() not in {plain, f"{plain}:{port}"}:
        raise _odd(text)
    return url


def _odd(text: str) -> ValueError:
    return ValueError(
        f"is {shown(text)}, whose host or port is not a plain one; write a URL such as"
        " https://proxy.example.com"
    )


def _base(text: str, url: SplitResult) -> str:
    path = url.path.rstrip("/")
    plain = re.fullmatch(r"(?:/[A-Za-z0-9_.~-]+)*", path)
    if not plain or {".", ".."} & set(path.split("/")):
        raise ValueError(
            f"is {shown(text)}, whose path is not a plain one; write the URL of the API's root"
        )
    return f"{url.scheme}://{url.netloc.lower()}{path}"
