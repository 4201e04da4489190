"""The page docs/troubleshooting.md, from the catalogue and from what runs really said.

Only its first part is written by hand: what no run can say, since there was none.
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
_EXAMPLES = 3  # of a topic, that are shown
_HEAD = """\
# Troubleshooting

<!-- Written by `make docs` from src/dora_deployments/catalogue.py, the logs in tests/messages, and
tools/docs/troubleshooting.py, which has the part on what never ran. -->

Every refusal and every warning of the action ends with a link to its part of this page, or, if
an input is to blame, to [that input](inputs.md). You can also look for the words of your log here.

Outages and bugs of ours only warn, unless `fail-on` is `any`. Your own mistakes fail the step,
unless it is `never`.

**Reported, and yet not to be seen?** A backend that answers "recorded" has stored the event;
whether it counts is decided there: see [Datadog](datadog.md) and [DX](dx.md).

- **[Nothing ran at all](#nothing-ran-at-all)**
"""
_NOTHING_RAN = """\
## Nothing ran at all

Where the step did not run, no log can say why. Look at the Actions tab of the repository.

**There is no run.**

- Actions are turned off (Settings, Actions, General), or the workflow is disabled, which its page
  in the Actions tab says.
- The event is not what `on:` names. A merge is `pull_request` with `types: [closed]`: without
  `types` GitHub starts it for pull requests that are opened or pushed to, and never for a merge.
  `branches` and `paths` below the event leave runs out as well.
- The file is not where GitHub looks for it, which is `.github/workflows/`, as `.yml` or `.yaml`:

  | event | the file is read from |
  |---|---|
  | `workflow_run`, `repository_dispatch`, `schedule` | the default branch |
  | `workflow_dispatch` | the ref that it is started on; the default branch must have it too |
  | `pull_request_target` | the default branch; on an older Enterprise Server the base branch |
  | `pull_request`, `push` | the branch that is merged into, or pushed to |
  | `release`, `deployment_status` | the deployed commit, so an older one has none |

- A workflow caused the event with its `GITHUB_TOKEN`. That starts no other workflow, but for
  `workflow_dispatch` and `repository_dispatch`:
  [github-token-starts-nothing](#github-token-starts-nothing).
- The message of the commit has `[skip ci]` or the like in it, or more than three tags were pushed
  at once: GitHub starts nothing then.
- `workflow_run` names another workflow by the `name:` that it has, and not by its file.

**There is a run, and it fails before the step.** GitHub names the line of a file that is not valid.
Or the runner cannot fetch the action: there is no such tag or commit, or the policy of the
organisation does not allow it.

**The step fails at once, and its log has no line of the action.** `Argument list too long` (on
Linux): one value in `with:` is longer than 128 KiB, and the system starts no program with it, so
that nothing can be reported or saved. No input needs as much: write it shorter. That can happen
where a value is another step's output, or a text of the event such as a description.

**There is a run, and it waits.** Somebody has to approve it: the first pull request of a
contributor, or an `environment:` with reviewers. Or no runner has the labels of `runs-on`.

**There is a run, and the job is grey.** Its `if:` was false, or a job that it `needs` failed or was
skipped. `if: github.event.pull_request.merged` is false for a pull request that was closed without
a merge. To report failed deployments too, the job needs
[`if: always()`](../examples/failed-deployments.yml).

**It ran as if an input were not there.** GitHub warns of a name that it does not know ("Unexpected
input(s)") and leaves it out, so that the action never sees it. [`make try`](try.md) refuses it.
"""


def page(logs: Iterable[str]) -> str:
    """Return the page; `logs` are what runs printed, of which the words of each topic are taken."""
    said = _said(logs)
    parts = [_HEAD + _contents(), _NOTHING_RAN]
    for title, topics in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [_part(topic, said.get(topic.page, ())) for topic in topics]
    return "\n".join(parts)


def kept_logs() -> list[str]:
    """Return the logs that are kept in tests/messages."""
    return [path.read_text("utf-8") for path in sorted((ROOT / "tests/messages").glob("*.txt"))]


def _said(logs: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the words of the annotations in `logs`, each once, by the link that they end with."""
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
    """Return `text` with the pages and examples that it names as links, seen from docs/."""
    text = re.sub(r"docs/([a-z-]+)\.md", r"[docs/\1.md](\1.md)", text)
    return re.sub(r"examples/([a-z-]+)\.yml", r"[examples/\1.yml](../examples/\1.yml)", text)
