"""From the text of an input to its value.

Every parser raises `ValueError` with words that follow the input's name: what is wrong,
then what to write.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from dora_deployments.actions import strict_json, workspace
from dora_deployments.actions.payload import full_sha, slug
from dora_deployments.actions.text import has_controls, shown
from dora_deployments.deployment import Service

if TYPE_CHECKING:
    from dora_deployments.actions.patterns import BranchFilter, EnvironmentRule

T = TypeVar("T", bound=str)

SHORTEST_TIMEOUT: Final = 5  # seconds
LONGEST_TIMEOUT: Final = 300
LONGEST_BACKFILL: Final = 21_600  # as long as GitHub lets a job of its own runners take
_SHA_PREFIX: Final = re.compile(r"[0-9a-f]{7,40}")
_DEPLOYMENT_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{16,128}")
DEFAULT_CONFIG_FILE: Final = ".github/dora.yml"
LARGEST_CONFIG_FILE: Final = 256 * 1024  # bytes
_LONGEST_PATH: Final = 255
_MAX_TAG: Final = 200
_MAX_TAGS: Final = 100
_MOST: Final = 5  # that a message names
_MAX_URL: Final = 2_048


def one_of(*words: T) -> Callable[[str], T]:
    """Return a parser that takes exactly one of `words`, in any capitalisation."""

    def parse(text: str) -> T:
        for word in words:
            if text.lower() == word:
                return word
        raise ValueError(f"is {shown(text)}; write {_choice(words)}")

    return parse


def flag(text: str) -> bool:
    """Return the boolean: `true` or `false` in any capitalisation, as in YAML 1.2."""
    return one_of("true", "false")(text) == "true"


def seconds(longest: int) -> Callable[[str], int]:
    """Return a parser of the seconds that the step may take, at most `longest` in its mode."""

    def parse(text: str) -> int:
        if re.fullmatch(r"\d{1,9}", text, re.ASCII) and SHORTEST_TIMEOUT <= int(text) <= longest:
            return int(text)
        raise ValueError(
            f"is {shown(text)}; write a whole number from {SHORTEST_TIMEOUT} to {LONGEST_TIMEOUT},"
            f" or to {LONGEST_BACKFILL} with `mode: backfill`, without a unit"
        )

    return parse


def line(text: str) -> str:
    """Return `text`, which must be one line without control characters."""
    if has_controls(text):
        raise ValueError("has a line break or another control character; write one plain line")
    return text


def lines(text: str) -> tuple[str, ...]:
    """Return the trimmed lines that are not empty, each once, in order."""
    return _once(re.split(r"[\r\n]", text))


def items(text: str) -> tuple[str, ...]:
    """Return what commas and line ends part, trimmed, each once, in order."""
    return _once(re.split(r"[,\r\n]", text))


def services(text: str) -> tuple[Service, ...]:
    """Return the services, each written `identifier` or `identifier=Display name`."""
    found: dict[str, Service] = {}
    for item in items(text):
        identifier, _, name = (part.strip() for part in line(item).partition("="))
        if not identifier:
            raise ValueError(f"has {shown(item)}, which has no identifier; write identifier=Name")
        service = Service(identifier=identifier, name=name or None)
        if found.setdefault(identifier, service) != service:
            raise ValueError(f"has {shown(identifier)} twice with different names; write it once")
    if not found:
        raise ValueError("names no service; write at least one identifier")
    return tuple(found.values())


def environment(text: str) -> str:
    """Return the environment's name; `production` has one spelling only."""
    # DX counts `production` alone for DORA, and Datadog tells cases apart.
    return "production" if line(text).lower() == "production" else text


def environment_map(text: str) -> "tuple[EnvironmentRule, ...]":
    """Return the rules, one from each line `glob=name`, parted at the last `=`."""
    from dora_deployments.actions.patterns import EnvironmentRule

    rules = []
    for item in lines(text):
        glob, _, name = line(item).rpartition("=")
        if not glob:
            raise ValueError(f"has the line {shown(item)}; write glob=name, or glob= to skip")
        rules.append(EnvironmentRule(glob=glob.strip(), name=environment(name.strip())))
    return tuple(rules)


def branches(text: str) -> "BranchFilter":
    """Return the filter made of the patterns, in GitHub's branch-filter syntax."""
    from dora_deployments.actions.patterns import BranchFilter

    patterns = items(text)
    if not patterns:
        raise ValueError("names no branch; write at least one, or leave it out")
    return BranchFilter.parse(map(line, patterns))


def config_path(text: str) -> str:
    """Return the path of the file, which must be a plain one inside the repository."""
    try:
        workspace.segments(text)
    except ValueError:
        fits = False
    else:
        fits = len(text) <= _LONGEST_PATH
    if not fits:
        raise ValueError(
            f"is {shown(text)}, which is no plain path of at most {_LONGEST_PATH} characters with"
            f" forward slashes; write a path inside the repository, such as {DEFAULT_CONFIG_FILE}"
        )
    return text


def repository(text: str) -> str:
    """Return the slug `owner/name`; a repository's web or clone URL is forgiven."""
    if "@" in text:  # a token may stand before it, so the text is not shown
        raise ValueError("has an @, as addresses with a login have; write owner/name")
    path = re.sub(r"^https?://[^/\s]+/", "", text)
    found = slug(path.rstrip("/").removesuffix(".git"))
    if found is None:
        raise ValueError(f"is {shown(text)}; write owner/name")
    return found


def commit_sha(text: str) -> str:
    """Return the SHA in lower case: full (40 or 64 hex) or a prefix of 7 or more."""
    sha = text.lower()
    if not sha.strip("0"):
        raise ValueError(
            "is all zeros, by which GitHub means no commit; write a commit's SHA, or leave it out"
        )
    if full_sha(sha) is None and not _SHA_PREFIX.fullmatch(sha):
        raise ValueError(
            f"is {shown(text)}, which is not a commit SHA; write all 40 hex digits, as"
            " ${{ github.sha }} gives them, not a branch, a tag or HEAD"
        )
    return sha


def previous_sha(text: str) -> str | None:
    """Return the SHA, or None for zeros, as `github.event.before` has them for a new branch."""
    return commit_sha(text) if text.strip("0") else None


def commit_shas(text: str) -> tuple[str, ...]:
    """Return the SHAs of a list by comma or line, or of a JSON array of strings."""
    if text.startswith("["):
        array = strict_json.loads(text)
        if not all(isinstance(item, str) for item in array):
            raise ValueError(
                'is not a JSON array of strings; write one, such as ["5a47c3f"], or a list by comma'
            )
        shas = _once(array)
    else:
        shas = items(text)
    try:
        return _once([commit_sha(sha) for sha in shas])
    except ValueError as error:
        raise ValueError(f"has an entry that {error}") from None


def tags(text: str) -> tuple[str, ...]:
    """Return Datadog's custom tags, one from each line `key:value`."""
    found = lines(text)
    pairs = {tag: line(tag).partition(":") for tag in found}
    bad = [tag for tag, (key, _, value) in pairs.items() if not (key and value)]
    if bad:
        raise ValueError(f"has {_some(bad)}; write key:value, one on each line")
    if too_long := [pairs[tag][0] for tag in found if len(tag) > _MAX_TAG]:
        raise ValueError(
            f"has tags longer than {_MAX_TAG} characters, with the keys {_some(too_long)}; shorten"
            " them"
        )
    if len(found) > _MAX_TAGS:
        raise ValueError(
            f"has {len(found)} tags; write {_MAX_TAGS} at most, which is all that Datadog takes"
        )
    return found


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return f"{', '.join(map(shown, texts[:_MOST]))}{more}"


def metadata(text: str) -> dict[str, object]:
    """Return the JSON object, which must be one that every JSON reader reads alike."""
    value = strict_json.loads(text)
    if not isinstance(value, dict):
        raise ValueError('is not a JSON object; write one, such as {"region": "eu-west-1"}')
    return value


def deployment_id(text: str) -> str:
    """Return the id, which Datadog's alphabet and length must fit."""
    # Datadog API reference, "Send a deployment event", field `id`.
    if not _DEPLOYMENT_ID.fullmatch(text):
        raise ValueError(
            f"is {shown(text)}; write 16 to 128 characters of A-Z a-z 0-9 - _ . : and no other"
        )
    return text


def web_url(text: str) -> str:
    """Return the `http` or `https` URL, which must carry no user info."""
    if not is_web_url(text):
        raise ValueError(
            f"is not a plain web address; write an https:// URL of at most {_MAX_URL} characters,"
            " without user info or spaces"
        )
    return text


def is_web_url(text: str) -> bool:
    """Return whether `text` is an http(s) URL that is safe to link to."""
    if len(text) > _MAX_URL or not re.fullmatch(r"https?://[!-~]+", text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def secret(text: str) -> str:
    """Return the secret, which must fit into a header as it is. Its value is never shown."""
    # An InvalidHeader of requests would print what it refuses, so refuse it here.
    if "${{" in text:
        raise ValueError(
            "holds an expression that was not evaluated; write ${{ secrets.NAME }} in the"
            " workflow's own file, without quotes or escapes around it"
        )
    if not text.strip("*"):
        raise ValueError(
            "holds only asterisks, as a masked value copied from a log does; store the key itself"
            " in the secret"
        )
    if text.lower().startswith("dd-api-key:"):
        raise ValueError(
            "starts with the header's name DD-API-KEY; store the key alone in the secret"
        )
    if text[0] in "\"'" or text[-1] in "\"'":
        raise ValueError("starts or ends with a quote; store it in the secret without quotes")
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError(
            "has a space, a line break or another character that no key has; store the key alone"
            " in the secret"
        )
    return text


def _once(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for raw in texts if (text := raw.strip())))


def _choice(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
