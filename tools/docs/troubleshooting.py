"""The page docs/troubleshooting.md, from the catalogue and from what runs really said.

Only its first part is written by hand: what no run can say, since there was none.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from dora_deployments.catalogue import SECTIONS, Topic

ROOT = Path(__file__).parent.parent.parent
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
