import re
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from dora_deployments.actions import hosts
from tests.actions.refusals import refusal

BOTH = pytest.mark.parametrize(
    "read", [hosts.datadog_url, hosts.dx_url], ids=["datadog-site", "dx-instance"]
)

WITH_AN_AT = "has an @, as addresses with a user name or password have; write it without"
WITH_HIDDEN = (
    "has a space, a backslash or a character outside ASCII; write plain letters, digits, dots and"
    " hyphens"
)
WITH_A_QUERY = "has a query or fragment (a ? or #); leave it out"


def not_a_site(text):
    return (
        f"is {text!r}, which is not a Datadog site; write one of datadoghq.com, us3.datadoghq.com,"
        " us5.datadoghq.com, datadoghq.eu, ap1.datadoghq.com, ap2.datadoghq.com,"
        " uk1.datadoghq.com, ddog-gov.com, us2.ddog-gov.com, or a proxy's https:// URL"
    )


def not_an_instance(text):
    return (
        f"is {text!r}, which is not a DX instance; write its name, such as acme for"
        " acme.getdx.net, or its https:// URL"
    )


def not_https(text):
    return f"is {text!r}; write https:// and the host's name (http:// is for loopback alone)"


def odd(text):
    return (
        f"is {text!r}, whose host or port is not a plain one; write a URL such as"
        " https://proxy.example.com"
    )


def where_it_goes(base, path="/deployments.create"):
    """Return scheme, host and port on which all that read a URL agree, for a request to `base`."""
    url = f"{base}{path}"
    split, parsed = urlsplit(url), parse_url(url)
    assert split.username is split.password is parsed.auth is None
    assert split.scheme == parsed.scheme
    assert split.hostname == parsed.host.strip("[]")
    assert split.port == parsed.port
    assert split.path == parsed.path
    assert requests.Request("POST", url).prepare().url == url
    return split.scheme, split.hostname, split.port


SITES = {
    "datadoghq.com": "api.datadoghq.com",
    "us3.datadoghq.com": "api.us3.datadoghq.com",
    "us5.datadoghq.com": "api.us5.datadoghq.com",
    "datadoghq.eu": "api.datadoghq.eu",
    "ap1.datadoghq.com": "api.ap1.datadoghq.com",
    "ap2.datadoghq.com": "api.ap2.datadoghq.com",
    "uk1.datadoghq.com": "api.uk1.datadoghq.com",
    "ddog-gov.com": "api.ddog-gov.com",
    "us2.ddog-gov.com": "api.us2.ddog-gov.com",
}
ALIASES = {
    "us": "datadoghq.com",
    "US1": "datadoghq.com",
    "us3": "us3.datadoghq.com",
    "US5": "us5.datadoghq.com",
    "eu": "datadoghq.eu",
    "EU": "datadoghq.eu",
    "EU1": "datadoghq.eu",
    "ap1": "ap1.datadoghq.com",
    "AP2": "ap2.datadoghq.com",
    "uk1": "uk1.datadoghq.com",
    "US1-FED": "ddog-gov.com",
    "us2-fed": "us2.ddog-gov.com",
}


@pytest.mark.parametrize(("site", "host"), SITES.items())
@pytest.mark.parametrize(
    "spelling",
    [
        "{}",
        "api.{}",
        "app.{}",
        "https://{}",
        "https://api.{}",
        "https://app.{}/",
        "https://app.{}:443",
        "HTTPS://App.{}/dashboard/lists",
    ],
)
def test_every_datadog_site_is_known_in_every_spelling(site, host, spelling):
    for text in (spelling.format(site), spelling.format(site.upper())):
        assert hosts.datadog_url(text) == f"https://{host}"
    assert where_it_goes(f"https://{host}", "/api/v2/dora/deployment") == ("https", host, None)


def test_the_list_of_sites_is_the_one_that_is_tested():
    assert tuple(SITES) == hosts.SITES


@pytest.mark.parametrize(("alias", "site"), ALIASES.items())
def test_a_known_alias_stands_for_its_site(alias, site):
    assert hosts.datadog_url(alias) == f"https://api.{site}"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("acme", "https://acme.getdx.net/api"),
        ("ACME", "https://acme.getdx.net/api"),
        ("a", "https://a.getdx.net/api"),
        ("acme-2", "https://acme-2.getdx.net/api"),
        ("x" * 63, f"https://{'x' * 63}.getdx.net/api"),
        ("acme.getdx.net", "https://acme.getdx.net/api"),
        ("Acme.GetDX.net", "https://acme.getdx.net/api"),
        ("https://acme.getdx.net", "https://acme.getdx.net/api"),
        ("https://acme.getdx.net/", "https://acme.getdx.net/api"),
        ("https://acme.getdx.net/api", "https://acme.getdx.net/api"),
        ("https://acme.getdx.net/api/", "https://acme.getdx.net/api"),
        ("https://acme.getdx.net/settings/x%20y", "https://acme.getdx.net/api"),
        ("HTTPS://ACME.getdx.net:443", "https://acme.getdx.net/api"),
        ("api.getdx.com", "https://api.getdx.com"),
        ("API.getdx.com", "https://api.getdx.com"),
        ("https://api.getdx.com", "https://api.getdx.com"),
        ("https://api.getdx.com/", "https://api.getdx.com"),
        ("https://api.getdx.com:443/x", "https://api.getdx.com"),
    ],
)
def test_a_dx_instance_is_known_by_name_host_or_url(text, url):
    assert hosts.dx_url(text) == url
    assert where_it_goes(url) == ("https", urlsplit(url).hostname, None)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://proxy.example.com", "https://proxy.example.com"),
        ("https://proxy.example.com/", "https://proxy.example.com"),
        ("HTTPS://Proxy.Example.com:8443/", "https://proxy.example.com:8443"),
        ("https://proxy.example.com:443", "https://proxy.example.com:443"),
        ("https://proxy.example.com:65535", "https://proxy.example.com:65535"),
        (
            "https://proxy.example.com/Vendors/a-b_c.d~1/",
            "https://proxy.example.com/Vendors/a-b_c.d~1",
        ),
        ("https://proxy.example.com/X", "https://proxy.example.com/X"),
        ("https://proxy.example.com/...//", "https://proxy.example.com/..."),
        ("https://xn--acm-dma.example", "https://xn--acm-dma.example"),
        ("https://1.2.3.example", "https://1.2.3.example"),
        ("https://a.b", "https://a.b"),
        (f"https://{'x' * 63}.{'y' * 63}.com", f"https://{'x' * 63}.{'y' * 63}.com"),
        ("https://127.0.0.1", "https://127.0.0.1"),
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        ("http://LOCALHOST:1/x", "http://localhost:1/x"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:9001/", "http://[::1]:9001"),
        ("https://[::1]", "https://[::1]"),
    ],
)
def test_a_url_given_on_purpose_is_used_as_it_is(text, base):
    given = urlsplit(text)
    intended = (given.scheme, given.hostname, given.port)
    assert hosts.datadog_url(text) == base
    assert where_it_goes(base, "/api/v2/dora/deployment") == intended
    assert hosts.dx_url(text) == f"{base}/api"
    assert where_it_goes(f"{base}/api") == intended


OTHER_VENDOR = (
    (hosts.datadog_url, "DX", "https://acme.getdx.net"),
    (hosts.datadog_url, "DX", "https://ACME.GetDX.net:8443/api"),
    (hosts.datadog_url, "DX", "https://getdx.com"),
    (hosts.datadog_url, "DX", "https://api.getdx.com:443"),
    (hosts.dx_url, "Datadog", "https://datadoghq.eu"),
    (hosts.dx_url, "Datadog", "https://app.datadoghq.com/"),
    (hosts.dx_url, "Datadog", "https://api.US5.datadoghq.com:8443"),
    (hosts.dx_url, "Datadog", "https://api.us2.ddog-gov.com"),
)


@pytest.mark.threat(2)
@pytest.mark.parametrize(("read", "vendor", "text"), OTHER_VENDOR)
def test_a_key_does_not_go_to_the_other_vendor(read, vendor, text):
    assert refusal(read, text) == (
        f"is {text!r}, a host of {vendor}'s, which this key is not for; check that `datadog-site`"
        " and `dx-instance` are not swapped"
    )


@pytest.mark.parametrize(
    ("read", "text", "url"),
    [
        (hosts.datadog_url, "https://eu.datadoghq.com:8443", "https://eu.datadoghq.com:8443"),
        (hosts.datadog_url, "https://api.datadoghq.eu:8443", "https://api.datadoghq.eu:8443"),
        (hosts.datadog_url, "https://logs.datadoghq.eu", "https://logs.datadoghq.eu"),
        (hosts.dx_url, "https://getdx.net", "https://getdx.net/api"),
        (hosts.dx_url, "https://a.b.getdx.net", "https://a.b.getdx.net/api"),
        (hosts.dx_url, "https://acme.getdx.net:8443", "https://acme.getdx.net:8443/api"),
    ],
)
def test_another_host_or_port_of_the_vendor_itself_is_taken_as_a_url(read, text, url):
    assert read(text) == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://proxy.example.com/api", "https://proxy.example.com/api"),
        ("https://proxy.example.com/api/", "https://proxy.example.com/api"),
        ("https://proxy.example.com/dx/api", "https://proxy.example.com/dx/api"),
        ("https://proxy.example.com/dxapi", "https://proxy.example.com/dxapi/api"),
        ("http://127.0.0.1:9001/api", "http://127.0.0.1:9001/api"),
    ],
)
def test_the_api_of_a_dx_proxy_is_named_once(text, url):
    assert hosts.dx_url(text) == url


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "acme.getdx.net@evil.com",
        "acme@evil.com",
        "@evil.com",
        "https://acme.getdx.net@evil.com",
        "https://acme.getdx.net:443@evil.com",
        "https://user:password@app.datadoghq.com",
        "https://user:password@[::1",
        "https://user:pass:word@proxy.example.com:port",
        "https://user:password@proxy.example.com/caf\xe9?x=1",
        "https://evil.com\\@acme.getdx.net",
        "https://proxy.example.com/@x",
        "http://user:password@127.0.0.1:9001",
        "user:password@datadoghq.com",
    ],
)
def test_user_info_is_refused_and_never_shown(read, text):
    assert refusal(read, text) == WITH_AN_AT


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "evil.com\\.getdx.net",
        "https://evil.com\\.getdx.net",
        "https:\\\\acme.getdx.net",
        "https://proxy.example.com/\\x",
        "acme .getdx.net",
        "acme\t.getdx.net",
        "acme\n.getdx.net",
        "https://acme\t.getdx.net",
        "ht\ntps://acme.getdx.net",
        "https://ac\rme.getdx.net",
        "https://acme.getdx.net/\x00",
        "\x00acme",
        "https://acme.getdx.net\x7f",
        "datadoghq.com datadoghq.eu",
        "d\u0430tadoghq.com",
        "https://d\u0430tadoghq.com",
        "\u0430cme",
        "\u212aafka",
        "u\u212a1",
        "acme\u3002getdx.net",
        "https://evil.com\u2044.getdx.net",
        "https://evil.com\uff0f.getdx.net",
        "https://evil.com\uff03.getdx.net",
        "https://\uff11\uff12\uff17.0.0.1",
        "https://acme\u200b.getdx.net",
        "https://\u202eten.xdteg.emca",
        "\ufeffacme",
        "https://proxy.example.com:\u0664\u0664\u0663",
        "https://proxy.example.com/caf\xe9",
    ],
    ids=ascii,
)
def test_what_cannot_be_seen_or_told_apart_is_refused(read, text):
    assert refusal(read, text) == WITH_HIDDEN


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "evil.com#.getdx.net",
        "evil.com?.getdx.net",
        "https://evil.com#.getdx.net",
        "https://evil.com?.getdx.net",
        "https://app.datadoghq.com/?token=secret",
        "https://app.datadoghq.com?",
        "https://acme.getdx.net#",
        "https://[::1?token=secret",
    ],
)
def test_a_query_or_fragment_is_refused_and_never_shown(read, text):
    assert refusal(read, text) == WITH_A_QUERY


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "http://app.datadoghq.com",
        "http://acme.getdx.net",
        "http://proxy.example.com",
        "http://127.0.0.2",
        "http://localhost.example.com",
        "http://[::ffff:127.0.0.1]",
        "ftp://127.0.0.1",
        "ws://localhost",
        "file://localhost/etc/passwd",
        "javascript://acme.getdx.net/",
        "EU://",
        "://acme.getdx.net",
        "acme://getdx.net",
        "http:///acme.getdx.net",
    ],
)
def test_http_is_for_loopback_alone_and_other_schemes_for_nothing(read, text):
    assert refusal(read, text) == not_https(text)


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "https://",
        "https:///",
        "https:///acme.getdx.net",
        "https://acme",
        "https://http://acme.getdx.net",
        "https://acme.getdx.net.",
        "https://127.0.0.1.",
        "https://localhost.",
        "https://.getdx.net",
        "https://acme..getdx.net",
        "https://-acme.getdx.net",
        "https://acme-.getdx.net",
        "https://acme_x.getdx.net",
        "https://acme%2egetdx.net",
        "https://evil.com%2f.getdx.net",
        "https://evil.com&.getdx.net",
        "https://evil.com;.getdx.net",
        "https://0x7f.1",
        "https://0x7f.0x1",
        "https://127.1",
        "https://127.0.0.2",
        "https://10.0.0.1",
        "https://2130706433",
        "https://169.254.169.254",
        "https://[::]",
        "https://[::ffff:127.0.0.1]",
        "https://[fe80::1%25eth0]",
        "https://[::1",
        "https://::1]",
        "https://[::1].getdx.net",
        "https://[v1.x]",
        "https://[acme.getdx.net]",
        "https://proxy.example.com:",
        "https://proxy.example.com:0",
        "https://proxy.example.com:00443",
        "https://proxy.example.com:65536",
        "https://proxy.example.com:-1",
        "https://proxy.example.com:https",
        "https://proxy.example.com:80:443",
        "https://proxy.example.c0m-",
        "https://proxy.example.0om",
        "http://localhost:0",
        "http://[::1",
        "http://[::1]x",
        f"https://{'x' * 64}.com",
        f"https://x.{'y' * 64}",
    ],
)
def test_an_odd_host_or_port_is_refused(read, text):
    assert refusal(read, text) == odd(text)


def test_the_longest_host_has_253_characters():
    host = "x." * 126 + "x"
    for read in (hosts.datadog_url, hosts.dx_url):
        assert refusal(read, f"https://{host}x").startswith(
            "is '\u2026' (262 characters), whose host or port is not a plain one;"
        )
    assert hosts.datadog_url(f"https://{host}") == f"https://{host}"
    assert hosts.dx_url(f"https://{host}") == f"https://{host}/api"


@BOTH
@pytest.mark.parametrize(
    ("host", "vendor"),
    [
        ("acme.getdx.net.evil.com", "getdx.net"),
        ("acmegetdx.net", "getdx.net"),
        ("api-getdx.com", "getdx.com"),
        ("getdx.com.evil.com", "getdx.com"),
        ("evil-datadoghq.com", "datadoghq.com"),
        ("api.datadoghq.com.evil.com", "datadoghq.com"),
        ("app.xdatadoghq.eu", "datadoghq.eu"),
        ("datadoghq.europe.example", "datadoghq.eu"),
        ("my-ddog-gov.com", "ddog-gov.com"),
        ("app.ddog-gov.com.au", "ddog-gov.com"),
    ],
)
def test_a_look_alike_of_a_vendors_domain_is_refused(read, host, vendor):
    text = f"https://{host}"
    assert refusal(read, text) == (
        f"is {text!r}, which only looks like {vendor}; correct the host's name"
    )


@BOTH
@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/.",
        "/./",
        "/../",
        "/a/../b",
        "/a/./b",
        "/a/..",
        "/a/.",
        "//a",
        "/a//b",
        "/a%20b",
        "/%2e%2e",
        "/a:b",
        "/a;b",
        "/<script>",
        "/${{x}}",
    ],
)
def test_a_path_that_is_not_plain_is_refused(read, path):
    text = f"https://proxy.example.com{path}"
    assert refusal(read, text) == (
        f"is {text!r}, whose path is not a plain one; write the URL of the API's root"
    )


@pytest.mark.parametrize(
    "text",
    [
        "datadog.com",
        "datadoghq",
        "datadoghq.de",
        "us4",
        "us2",
        "us4.datadoghq.com",
        "www.datadoghq.com",
        "eu.datadoghq.com",
        "app.app.datadoghq.com",
        "app.eu",
        "datadoghq.com.",
        ".datadoghq.com",
        "datadoghq.com:443",
        "datadoghq.com/",
        "evil.com/.datadoghq.com",
        "datadoghq.com.evil.com",
        "xdatadoghq.com",
        "acme.getdx.net",
        "proxy.example.com",
        "127.0.0.1",
        "[::1]",
        "localhost",
        "https:/datadoghq.com",
        "https:datadoghq.com",
        "//datadoghq.com",
        "*",
    ],
)
def test_a_name_that_is_no_datadog_site_is_refused_with_the_list(text):
    assert refusal(hosts.datadog_url, text) == not_a_site(text)


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "0x7f.1",
        "[::1]",
        "::1",
        "-acme",
        "acme-",
        "acme_x",
        "x" * 64,
        "acme.",
        "acme.getdx.net.",
        ".getdx.net",
        "getdx.net",
        "getdx.com",
        "acme.getdx.com",
        "api.getdx.com.",
        "a.b.getdx.net",
        "-.getdx.net",
        "acme.getdx.io",
        "acme.getdx.net.evil.com",
        "acme.getdx.net:443",
        "acme:443",
        "acme.getdx.net/",
        "acme.getdx.net/api",
        "evil.com/.getdx.net",
        "evil.com",
        "https:acme.getdx.net",
        "https:/acme.getdx.net",
        "//acme.getdx.net",
        "acme,globex",
    ],
)
def test_a_name_that_is_no_dx_instance_is_refused(text):
    assert refusal(hosts.dx_url, text) == not_an_instance(text)


@BOTH
def test_nothing_at_all_is_no_host_either(read):
    assert refusal(read, "") == WITH_HIDDEN


# fmt: off
PIECES = (
    "https://", "http://", "HTTPS://", "//", "/", "\\", "@", ":", "#", "?", "&", "%", ".",
    "..", "-", "_", "[", "]", "[::1]", "[::ffff:7f00:1]", ":443", ":80", ":0", "%2e", "%00",
    "acme", "api", "app", "evil.com", ".evil.com", ".getdx.net", "getdx.net", "api.getdx.com",
    "datadoghq.com", ".datadoghq.com", "datadoghq.eu", "us3", "EU", "localhost", "127.0.0.1",
    "0x7f.1", "2130706433", "user:pass", "proxy.example.com", "/api", "/path", "\t", "\n",
    "\x00", "\u0430", "\uff0f", "\u3002", "\u212a", "\u200b",
)
# fmt: on
JOINED = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)
ANY_TEXT = st.text() | JOINED | JOINED.map("https://{}".format)


def may_go_to(text, base, vendor):
    """Return whether `base` leads to a vendor's host, or to where the URL `text` says itself."""
    goes_to = where_it_goes(base)
    if goes_to[::2] == ("https", None) and re.fullmatch(vendor, goes_to[1]):
        return True
    said = re.fullmatch(r"(https?)://([a-z0-9.-]+|\[::1\])(?::(\d+))?(?:/.*)?", text.lower())
    assert said is not None
    scheme, host, port = said[1], said[2].strip("[]"), said[3] and int(said[3])
    safe = scheme == "https" or host in {"127.0.0.1", "::1", "localhost"}
    return safe and goes_to == (scheme, host, port)


@settings(deadline=None, max_examples=100)
@given(text=ANY_TEXT)
@example(text="https://datadoghq.com:443")
@example(text="http://[::1]:80/api")
def test_any_datadog_site_leads_to_datadog_to_loopback_or_to_the_url_that_was_given(text):
    try:
        url = hosts.datadog_url(text)
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017 - some texts are good
        return
    sites = "|".join(map(re.escape, SITES.values()))
    assert may_go_to(text, url, sites)


@settings(deadline=None, max_examples=100)
@given(text=ANY_TEXT)
@example(text="https://acme.getdx.net:443")
@example(text="http://[::1]:80/api")
def test_any_dx_instance_leads_to_dx_to_loopback_or_to_the_url_that_was_given(text):
    try:
        url = hosts.dx_url(text)
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017 - some texts are good
        return
    assert may_go_to(text, url, r"[a-z0-9-]+\.getdx\.net|api\.getdx\.com")
