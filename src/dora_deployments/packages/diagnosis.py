"""What it means that an installer failed: which index is to blame, and what to do."""

import re
from typing import Final, NamedTuple

from dora_deployments.catalogue import PACKAGES, PACKAGES_UNAVAILABLE, Topic

_ANOTHER_INDEX: Final = (
    "check the runner's way to it, or set PIP_INDEX_URL for pip, or UV_DEFAULT_INDEX for uv, to"
    " one that the runner can reach"
)
_MIRROR: Final = "if it is a mirror, let it have what PyPI has"
_ANOTHER_PYTHON: Final = (
    "take another Python by actions/setup-python, or use the Docker variant of this action"
)
_LATE: Final = (
    "that took too long; set `timeout` higher, or keep the runner's tool cache from job to job"
)
_UNEXPLAINED: Final = "what the installer said last stands above"
_OTHER_PACKAGE: Final = (
    "{index} has another package than the one that is locked; check your mirror, if it is one."
    " Nothing of that package was run"
)
_BY_HTTP: Final = (
    "{index} is not asked, since its URL begins with http; write https, or set PIP_TRUSTED_HOST"
)
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED|invalid peer certificate"
_TRUST: Final = "set SSL_CERT_FILE or PIP_CERT to the file of its authority"
# What installers say of other things than the index's answers.
_SAYINGS: Final = {
    "DO NOT MATCH THE HASHES|[Hh]ash mismatch": (_OTHER_PACKAGE, PACKAGES_UNAVAILABLE),
    "No space left": ("there is no space left for them on the runner", PACKAGES),
    "not a trusted or secure host": (_BY_HTTP, PACKAGES_UNAVAILABLE),
    _UNTRUSTED: ("the certificate of {index} is not trusted; " + _TRUST, PACKAGES_UNAVAILABLE),
    "NewConnection|new connection|NameResolution|ProxyError|sending req": (
        "{index} cannot be reached; " + _ANOTHER_INDEX,
        PACKAGES,
    ),
    "ConnectTimeout|[Tt]imed out": ("{index} did not answer in time; " + _ANOTHER_INDEX, PACKAGES),
}


class Diagnosis(NamedTuple):
    """What went wrong and what to do, and the topic that says whether another run may help."""

    message: str
    topic: Topic


def diagnose_import() -> Diagnosis:
    """Explain that the packages were installed, but cannot be imported."""
    message = f"this Python cannot import what was installed; {_ANOTHER_PYTHON}"
    return Diagnosis(message, PACKAGES_UNAVAILABLE)


def diagnose(said: str, log: str, *, is_late: bool) -> Diagnosis:
    """Explain the failure of an installer that said this, or was ended since it took too long.

    `log` is what pip writes by `--log`, for it says there alone what an index answered; without
    it, as of uv, the installer's own words must do.
    """
    # What belongs to the last page of the index that was asked for.
    _, asked, page = log.rpartition("Getting page ")
    page = page if asked else ""
    # After the head of the last answer, which nothing else has read.
    rest = re.split(r'HTTP/1\.\d" \d{3}\b.*', page)[-1]
    hosts = re.findall(r"connection(?: \(\d+\))?: ([\w.-]+)", rest)
    index = _named(hosts[-1] if hosts else _host(page))
    if is_late:
        is_waiting = bool(page) and (rest == page or bool(hosts))
        unanswered = f"{index} did not answer in time; {_ANOTHER_INDEX}"
        return Diagnosis(unanswered if is_waiting else _LATE, PACKAGES)
    for pattern, (message, topic) in _SAYINGS.items():
        if re.search(pattern, said):
            return Diagnosis(message.format(index=index), topic)
    return _of_answers(page, index)


def is_untrusted(said: str) -> bool:
    """Return whether an installer says that it does not trust the index's certificate."""
    return re.search(_UNTRUSTED, said) is not None


def _of_answers(page: str, index: str) -> Diagnosis:
    """Return what it means that the index gave no package, by its last answer."""
    if not page:
        return Diagnosis(_UNEXPLAINED, PACKAGES)
    statuses = re.findall(r'HTTP/1\.\d" (\d{3})\b', page)
    status = int(statuses[-1]) if statuses else 0
    if not status:
        return Diagnosis(f"{index} cannot be reached; {_ANOTHER_INDEX}", PACKAGES)
    if status >= 400 and status not in {401, 403, 404, 407}:
        return Diagnosis(f"{index} is out of order (HTTP {status})", PACKAGES)
    if status in {401, 403, 407}:
        message = f"{index} refuses the runner (HTTP {status}); check the credentials in its URL"
    elif status == 404:
        message = f"{index} does not have a package that is needed; {_MIRROR}"
    elif re.search("Skipping link: none of the wheel's|Link requires a different Python", page):
        message = f"{index} has no package that fits this Python and system; {_ANOTHER_PYTHON}"
    else:
        message = f"{index} does not have a package that is needed as a wheel; {_MIRROR}"
    return Diagnosis(message, PACKAGES_UNAVAILABLE)


def _host(page: str) -> str:
    """Return the host of the page's address, without the credentials that may stand there."""
    found = re.match(r"https?://(?:[^/\s@]*@)?([\w.-]+)(?::\d+)?/", page)
    return found[1] if found else ""


def _named(host: str) -> str:
    return f"the package index {host}" if host else "the package index"
