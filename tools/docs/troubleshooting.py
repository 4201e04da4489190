"""Write the page docs/troubleshooting.md from the catalogue and from the logs of real runs.

Only its first part is written by hand: it is about steps that never ran and so have no log.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from dora_deployments import catalogue
from dora_deployments.catalogue import Topic

ROOT = Path(__file__).parent.parent.parent
# The topics in the order of the page.
SECTIONS = (
    ("Nothing was reported", tuple(catalogue.SKIPPED.values())),
    (
        "Something must be changed first",
        (
            catalogue.BAD_INPUT,
            catalogue.BODY_REFUSED,
            catalogue.NO_BACKEND,
            catalogue.HALF_OF_DX,
            catalogue.NO_ONE_TO_TELL,
            catalogue.NO_SERVICE_TO_TELL,
            catalogue.CONFIG_FILE,
            catalogue.CONFIG_FILE_UNREAD,
            catalogue.BAD_EVENT,
            catalogue.COMMIT_UNKNOWN,
            catalogue.BRANCH_UNKNOWN,
            catalogue.SECRET_IN_EVENT,
            catalogue.REPLAY_REFUSED,
            catalogue.REPLAY_LEFT,
        ),
    ),
    (
        "What Datadog answered",
        (
            catalogue.DATADOG_LATER,
            catalogue.DATADOG_400,
            catalogue.DATADOG_401,
            catalogue.DATADOG_403,
            catalogue.DATADOG_404,
            catalogue.DATADOG_413,
            catalogue.DATADOG_REDIRECT,
            catalogue.DATADOG_REFUSED,
            catalogue.DATADOG_MALFORMED,
        ),
    ),
    (
        "What DX answered",
        (
            catalogue.DX_DUPLICATE,
            catalogue.DX_NOT_AUTHED,
            catalogue.DX_INVALID_AUTH,
            catalogue.DX_ACCOUNT_INACTIVE,
            catalogue.DX_INVALID_JSON,
            catalogue.DX_REQUIRED_PARAMS_MISSING,
            catalogue.DX_REPO_NOT_FOUND,
            catalogue.DX_401,
            catalogue.DX_403,
            catalogue.DX_404,
            catalogue.DX_413,
            catalogue.DX_422,
            catalogue.DX_REDIRECT,
            catalogue.DX_REFUSED,
            catalogue.DX_MALFORMED,
            catalogue.DX_LONG_SHA,
        ),
    ),
    (
        "No answer that counts",
        (
            catalogue.TOO_MANY_REQUESTS,
            catalogue.SERVER_ERROR,
            catalogue.NOT_NOW,
            catalogue.UNKNOWN_HOST,
            catalogue.NO_CONNECTION,
            catalogue.BROKE_OFF,
            catalogue.CERTIFICATE,
            catalogue.CA_FILE,
            catalogue.BLOCKED,
            catalogue.PROXY,
            catalogue.STEP_ENDED,
            catalogue.NOT_SAVED,
            catalogue.PATH_NOT_TOLD,
        ),
    ),
    (
        "Historical deployments",
        (
            catalogue.BACKFILL_TIME,
            catalogue.BACKFILL_LOOK_UP,
            catalogue.BACKFILL_LEFT_OUT,
            catalogue.BACKFILL_STATE,
            catalogue.BACKFILL_STOPPED,
            catalogue.OUTPUT_PATH,
            catalogue.OLD_PAST,
        ),
    ),
    (
        "The action itself",
        (
            catalogue.NOT_WRITTEN,
            catalogue.NO_PYTHON,
            catalogue.PACKAGES,
            catalogue.PACKAGES_UNAVAILABLE,
            catalogue.INTERNAL_ERROR,
            catalogue.CANCELLED,
        ),
    ),
    (
        "Warnings",
        (
            catalogue.INCOMPLETE,
            catalogue.DOUBTFUL_INPUT,
            catalogue.DOUBTFUL_EVENT,
            catalogue.SERVICES_NOT_TOLD,
            catalogue.RERUN,
            catalogue.OLD_EVENT,
            catalogue.CLOCK_SKEW,
            catalogue.NOT_PRODUCTION,
            catalogue.SERVICE_NAME,
            catalogue.DUPLICATE_SOURCE,
            catalogue.STARTS_NOTHING,
        ),
    ),
)
_EXAMPLES = 3  # shown for each topic
_HEAD = """\
# Troubleshooting

<!-- Written by `make docs` from src/dora_deployments/catalogue.py, the logs in tests/messages, and
tools/docs/troubleshooting.py, which has the part about steps that never ran. -->

Every error and every warning of the action ends with a link to its section of this page or, if an
input is to blame, to [that input](inputs.md). You can also search this page for a message.

Outages and bugs in the action only cause warnings, unless `fail-on` is `any`. Your own mistakes
fail the step, unless `fail-on` is `never`.

**Reported, but not visible?** A backend that answers "recorded" has stored the event. The backend
decides whether it counts: see [Datadog](datadog.md) and [DX](dx.md).

- **[Nothing ran at all](#nothing-ran-at-all)**
"""
_NOTHING_RAN = """\
## Nothing ran at all

If the step did not run, there is no log to say why. Look at the Actions tab of the repository.

**There is no run.**

- Actions are turned off (Settings, Actions, General), or the workflow is disabled: its page in the
  Actions tab says so.
- The event does not match `on:`. A merge is `pull_request` with `types: [closed]`: without it,
  GitHub starts the workflow when a pull request is opened or pushed to, not when it is merged.
  `branches` and `paths` below the event also exclude runs.
- GitHub does not find the workflow file. It looks in `.github/workflows/` for `.yml` and `.yaml`
  files:

  | event | the file is read from |
  |---|---|
  | `workflow_run`, `repository_dispatch`, `schedule` | the default branch |
  | `workflow_dispatch` | the ref that you start it on; the default branch must have the file too |
  | `pull_request_target` | the default branch; on an older Enterprise Server the base branch |
  | `pull_request`, `push` | the branch that is merged into, or pushed to |
  | `release`, `deployment_status` | the deployed commit, so an older commit does not have it |

- A workflow caused the event with its `GITHUB_TOKEN`. Such an event starts no other workflow,
  except for `workflow_dispatch` and `repository_dispatch`:
  [github-token-starts-nothing](#github-token-starts-nothing).
- The commit message contains `[skip ci]` or a similar instruction, or more than three tags were
  pushed at once: then GitHub starts nothing.
- `workflow_run` refers to the other workflow by its file. It must use its `name:`.

**There is a run, and it fails before the step.** If a workflow file is not valid, GitHub names the
line. Otherwise the runner cannot download the action: the tag or commit does not exist, or the
organisation's policy does not allow it.

**The step fails at once, and the log has no line from the action.** `Argument list too long` (on
Linux) means that a value in `with:` is longer than 128 KiB. The system cannot start a program with
such a value, so nothing can be reported or saved. No input needs that much: shorten it. This can
happen if a value is another step's output, or a text from the event such as a description.

**There is a run, and it waits.** Somebody has to approve it: the first pull request of a
contributor, or an `environment:` with reviewers. Or no runner has the labels in `runs-on`.

**There is a run, and the job is grey.** Its `if:` was false, or a job that it `needs` failed or was
skipped. `if: github.event.pull_request.merged` is false for a pull request that was closed without
a merge. To report failed deployments too, the job needs
[`if: always()`](../examples/failed-deployments.yml).

**It ran as if an input were missing.** GitHub warns about unknown names ("Unexpected input(s)") and
drops them, so the action never sees them. [`make try`](try.md) refuses them.
"""


def page(logs: Iterable[str]) -> str:
    """Return the page; `logs` are what runs printed: the examples of each topic come from them."""
    said = _said(logs)
    parts = [_HEAD + _contents(), _NOTHING_RAN]
    for title, topics in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [_part(topic, said.get(topic.page, ())) for topic in topics]
    return "\n".join(parts)


def kept_logs() -> list[str]:
    """Return the logs in tests/messages."""
    return [path.read_text("utf-8") for path in sorted((ROOT / "tests/messages").glob("*.txt"))]


def _said(logs: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the texts of the annotations in `logs`, each once, by the link at their end."""
    said: dict[str, list[str]] = {}
    for log in logs:
        for words, page in re.findall(
            r"^::\w+ [^:]*::(.*)\. Read more: \S+/docs/(\S+)$", log, re.MULTILINE
        ):
            plain = words.replace("%25", "%")
            if plain not in said.setdefault(page, []):
                said[page].append(plain)
    return said


def _contents() -> str:
    lines = []
    for title, topics in SECTIONS:
        links = " · ".join(f"[{topic.slug}](#{topic.slug})" for topic in topics)
        lines.append(f"- **{title}**: {links}")
    return "\n".join([*lines, ""])


def _part(topic: Topic, said: Iterable[str]) -> str:
    words = [
        f"### {topic.slug}\n",
        f"**{topic.happened}.** {_sentence(topic.means)}\n",
        f"What to do: {topic.change}.{' ' + _linked(topic.more) if topic.more else ''}\n",
    ]
    examples = list(said)[:_EXAMPLES]
    if examples:
        words.append("\n".join(["```text", *examples, "```", ""]))
    return "\n".join(words)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _linked(text: str) -> str:
    """Return `text` with links, relative to docs/, to the pages and examples that it names."""
    text = re.sub(r"docs/([a-z-]+)\.md", r"[docs/\1.md](\1.md)", text)
    return re.sub(r"examples/([a-z-]+)\.yml", r"[examples/\1.yml](../examples/\1.yml)", text)
