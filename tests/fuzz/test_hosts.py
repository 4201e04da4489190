"""No spelling sends a key to a host that is not a vendor's own and not named plainly."""

import re

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from dora_deployments.actions import hosts

LOOPBACK = {"127.0.0.1", "[::1]", "localhost"}
# Written from the vendors' pages, and not taken from the code.
DATADOG = re.compile(
    r"api\.(datadoghq\.(com|eu)|(us[35]|ap[12]|uk1)\.datadoghq\.com|(us2\.)?ddog-gov\.com)"
)
DX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\.getdx\.net|api\.getdx\.com")
VENDORS = [(hosts.datadog_url, DATADOG), (hosts.dx_url, DX)]
BOTH = pytest.mark.parametrize(("read", "vendor"), VENDORS, ids=["datadog", "dx"])

# fmt: off
PIECES = (
    "https://", "http://", "HTTPS://", "hTTp://", "ftp://", "file:///", "javascript:", "https:",
    "//", "/", "///", "\\", "@", "user:pass@", "user@", "%40", ":", "::", ":443", ":80", ":0443",
    ":65536", ":-1", ":+443", ":", "#", "?", "&", ";", "%", "%2f", "%2e", "%00", "%0d%0a", "%25",
    ".", "..", "...", "/..", "/../", "/.", "-", "_", "~", "[", "]", "[::1]", "[::1%25eth0]",
    "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[fe80::1]", "[v1.x]", "127.0.0.1", "127.1",
    "127.0.0.1.", "127.0.0.2", "0x7f.1", "2130706433", "017700000001", "0.0.0.0", "169.254.169.254",
    "localhost", "LOCALHOST", "localhost.", "localhost.evil.test", "evil.test", ".evil.test",
    "acme", "api", "app", "api.", "app.", "www.", "xn--acme-xua", "us1", "US3", "eu",
    "us1-fed", "datadoghq.com", "DATADOGHQ.EU", ".datadoghq.com", "us5.datadoghq.com",
    "ddog-gov.com", "EU1",
    "datadoghq.com.evil.test", "datadoghq-com.evil.test", "evil-datadoghq.com", "xdatadoghq.com",
    "getdx.net", ".getdx.net", "getdx.com", "api.getdx.com", "getdx.net.evil.test", "evilgetdx.net",
    "/api", "/api/", "/api/api", "/path", "/v1.2/~a", "proxy.example.com", "proxy.example.com:8443",
    " ", "\t", "\n", "\r", "\x00", "\x7f", "\x85", "\xa0", "\xad", "\u200b", "\u202e", "\ufeff",
    "\u0430", "\u0131", "\u212a", "\u017f", "\u2024", "\u3002", "\uff0e", "\uff0f", "\uff20",
    "\uff1a", "\u2044", "\u2215", "\ufe68", "\u2100", "\u00df", "\ud800",
)
# fmt: on
JOINED = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
URLS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["https://", "HTTPS://", "http://"]),
    st.sampled_from(
        [
            *("acme.getdx.net", "api.getdx.com", "api.datadoghq.com", "app.US3.datadoghq.com"),
            *("[::1]", "127.0.0.1", "localhost", "proxy.example.com"),
            *("evil-datadoghq.com", "getdx.net.test"),
        ]
    )
    | st.from_regex(r"[a-z0-9-]{1,5}(\.[a-z0-9-]{1,4}){0,3}", fullmatch=True),
    st.sampled_from(["", "", "", ":443", ":80", ":8443", ":0443", ":0", ":"]),
    st.sampled_from(["", "", "/", "/api", "/api/", "/api/api", "/v1.2/~a", "//", "/../x", "/%61"]),
)
TEXTS = st.one_of(
    URLS,
    URLS.map(str.lower),
    st.builds(
        "{}{}".format,
        st.sampled_from(["https://", ""]),
        st.from_regex(
            r"([a-z0-9-]{1,4}\.)?[a-z0-9-]{0,4}(\.?getdx\.(net|com)|\.?datadoghq\.com|\.test)?",
            fullmatch=True,
        ),
    ),
    JOINED,
    JOINED.map("https://{}".format),
    st.text(st.characters(exclude_categories=()), max_size=20),
    # One sign in the midst of a good one.
    st.builds(
        lambda good, at, piece: good[:at] + piece + good[at:],
        URLS | st.sampled_from(["acme", "eu", "us3.datadoghq.com", "acme.getdx.net"]),
        st.integers(0, 30),
        st.sampled_from(PIECES),
    ),
)


def urls(read, text):
    """Return the URL that `text` is read as, none if it is refused."""
    try:
        return [read(text)]
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017 - some texts are good
        return []


@BOTH
@pytest.mark.fault(61, 62)
@pytest.mark.threat(2)
@given(text=TEXTS)
@example(text="https://ACME.getdx.net:443/api/")
@example(text="https://proxy.example.com:8443/dora")
@example(text="http://LOCALHOST:9001/api/api/")
@example(text="EU")
@example(text="acme")
def test_any_spelling_leads_to_the_vendor_to_loopback_or_where_it_plainly_says(read, vendor, text):
    for url in urls(read, text):
        assert read(url) == url
        goes_to = parse_url(url)
        assert goes_to.url == url
        assert (goes_to.auth, goes_to.query, goes_to.fragment) == (None, None, None)
        # What is sent in the end; `requests` reads URLs by rules of its own.
        sent = parse_url(requests.Request("POST", f"{url}/deployments.create").prepare().url)
        assert sent.url == f"{url}/deployments.create"

        if goes_to.scheme == "https" and goes_to.port is None and vendor.fullmatch(goes_to.host):
            assert goes_to.path in {None, "/api"}
            continue
        assert goes_to.scheme == "https" or goes_to.host in LOOPBACK
        port = f":{goes_to.port}" if goes_to.port is not None else ""
        plain = f"{goes_to.scheme}://{goes_to.host}{port}"
        assert re.match(rf"{re.escape(plain)}(/|$)", text, re.IGNORECASE | re.ASCII)
