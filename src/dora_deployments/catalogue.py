"""Everything that can go wrong or look wrong: what it means, what to change, where to read more.

There is one topic for each kind of problem. Users read these texts; the code that finds a problem
adds the details. `make docs` writes docs/troubleshooting.md from this module.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One kind of problem.

    `happened` is a heading. `means` and `change` are the two halves of a sentence, without a
    capital letter or a full stop; `change` is an instruction to the reader. `more` is shown only
    on the page, in whole sentences. All of them may quote `names`.
    """

    slug: str
    happened: str
    means: str
    change: str
    more: str = ""

    @property
    def page(self) -> str:
        """Return the place in docs/ that explains it."""
        return f"troubleshooting.md#{self.slug}"

    @property
    def sentence(self) -> str:
        """Return what it means and what to change, to be put after what happened."""
        return f"{self.means}; {self.change}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sentence for users, which may quote foreign text, and its topic.

    `input` is the name of the input that it is about, if any.
    """

    text: str
    topic: Topic
    input: str = ""

    @property
    def page(self) -> str:
        """Return the place in docs/ that explains it: its input's, or else its topic's."""
        return f"inputs.md#{self.input}" if self.input else self.topic.page


def note(text: str, topic: Topic) -> Note:
    """Return `text` as a note about a topic."""
    return Note(text=text, topic=topic)


def notes(texts: Iterable[str], topic: Topic) -> tuple[Note, ...]:
    """Return each of `texts` as a note about a topic."""
    return tuple(note(text, topic) for text in texts)


# --- nothing to report: the reasons for which a run is skipped

PULL_REQUEST_NOT_MERGED: Final = Topic(
    slug="pull-request-not-merged",
    happened="The pull request was closed without being merged",
    means="nothing was deployed, so there is nothing to report",
    change="no action is needed; to save the runner's time, put `if:"
    " github.event.pull_request.merged` on the job",
)
NOT_A_MERGE_EVENT: Final = Topic(
    slug="not-a-merge-event",
    happened="The pull request was opened, changed or labelled, but not merged",
    means="a pull request is merged only when it is closed",
    change="start the workflow on `pull_request` with `types: [closed]` only",
)
BRANCH_NOT_DEPLOYED: Final = Topic(
    slug="branch-not-deployed",
    happened="This branch is not a deployment branch",
    means="merging or pushing to it deploys nothing",
    change="if this branch does deploy, add it to `branches`",
    more="By default, `branches` is the repository's default branch. It takes the same patterns"
    " as GitHub's own branch filters, such as `release/**`. It applies to the base branch of a"
    " merged pull request, to a pushed branch, and to the branch of a workflow run.",
)
STATE_NOT_FINAL: Final = Topic(
    slug="state-not-final",
    happened="The deployment or workflow run has not finished yet",
    means="a later event carries the outcome, and that one is reported",
    change="no action is needed; GitHub cannot filter by state, so such runs are normal",
    more="The final states are `success`, `failure` and `error`. `inactive` only means that a"
    " newer deployment replaced this one.",
)
TRANSIENT_ENVIRONMENT: Final = Topic(
    slug="transient-environment",
    happened="The deployment was to a transient environment",
    means="it is a preview that will be taken down again, and DORA metrics do not count previews",
    change="if the environment is permanent, create the deployment without `transient_environment`",
)
ENVIRONMENT_IGNORED: Final = Topic(
    slug="environment-ignored",
    happened="The environment is mapped to nothing",
    means='a line `glob=` of `environment-map`, or the name `""` in the configuration file,'
    " excludes it",
    change="to report it, put a line with its name before that one",
)
REF_DELETED: Final = Topic(
    slug="ref-deleted",
    happened="A branch or tag was deleted",
    means="deleting it deployed nothing",
    change="no action is needed",
)
PRERELEASE: Final = Topic(
    slug="prerelease",
    happened="The release is a prerelease",
    means="most teams do not deploy prereleases to production",
    change="to report prereleases as well, set `environment` to the one they are deployed to",
)
EVENT_NOT_A_DEPLOYMENT: Final = Topic(
    slug="event-not-a-deployment",
    happened="The event is not a deployment",
    means="it does not say which commit was deployed",
    change="start the workflow on an event that does, or set `commit-sha`",
    more="docs/events.md lists the events and what each of them contains.",
)
RUN_NOT_SUCCESSFUL: Final = Topic(
    slug="run-not-successful",
    happened="The workflow run did not succeed",
    means="nobody can say whether it got as far as deploying",
    change="if such a run is a failed deployment, set `success` from its conclusion",
    more="Write `success: ${{ github.event.workflow_run.conclusion == 'success' }}`, and exclude"
    " cancelled and skipped runs with an `if:` on the job. A bare `success: false` would report"
    " every run as failed.",
)
FOREIGN_REPOSITORY: Final = Topic(
    slug="foreign-repository",
    happened="The workflow run was for a commit of another repository",
    means="this repository does not deploy the commits of a fork",
    change="no action is needed",
    more="If such runs were reported, anybody who can open a pull request from a fork could"
    " report deployments.",
)
NO_CREDENTIALS_ON_FORK: Final = Topic(
    slug="no-credentials-on-fork",
    happened="The pull request is from a fork, or Dependabot started the run",
    means="GitHub gives such a run no secrets, and without a key no backend can be reached",
    change="report merges from a workflow on `push`; if Dependabot merges by itself, store the"
    " keys as Dependabot secrets too",
    more="examples/report-on-push.yml is such a workflow. A merge is a push to the base branch,"
    " and runs on `push` have secrets no matter who wrote the commits. The exception is a merge"
    " by Dependabot itself: all runs that it starts, including those on `push`, only get"
    " Dependabot secrets.",
)
NO_SERVICE_TOUCHED: Final = Topic(
    slug="no-service-touched",
    happened="No service of the configuration file was deployed",
    means="no service in it matches the environment or a changed file",
    change="if a service was deployed, add its environments or paths to `.github/dora.yml`, or"
    " name it in `service`",
)
JOB_CANCELLED: Final = Topic(
    slug="job-cancelled",
    happened="The job that deploys was cancelled",
    means="`success` holds that result, and nobody can say whether anything was deployed",
    change="no action is needed; if it did deploy, set `success` to true or false",
)
JOB_SKIPPED: Final = Topic(
    slug="job-skipped",
    happened="The job that deploys was skipped",
    means="`success` holds that result, so nothing was deployed",
    change="no action is needed",
)
OUTCOME_NOT_SUPPORTED: Final = Topic(
    slug="outcome-not-supported",
    happened="The deployment failed, and Datadog cannot record that",
    means="Datadog counts successful deployments only, and this one failed",
    change="DX counts failed ones as well",
    more="Datadog has no field for the outcome. It detects change failures itself, from rollbacks"
    " and from pull requests that revert others.",
)
NOTHING_TO_REPLAY: Final = Topic(
    slug="nothing-to-replay",
    happened="There is no saved report to replay",
    means="nothing was saved, or the files were not downloaded into `replay-path`",
    change="if you expect a report, check `replay-path` and the step that downloads the artifact",
)
NOTHING_TO_BACKFILL: Final = Topic(
    slug="nothing-to-backfill",
    happened="No deployment was found in the period",
    means="`backfill-source` has nothing to report between `since` and `until`",
    change="set an earlier `since`, or the `backfill-source` that has your deployments",
    more="`auto` uses GitHub deployments if there are any, otherwise releases, otherwise merged"
    " pull requests. It never guesses a workflow: write `backfill-source: workflow-runs:NAME`."
    " Whatever `environment`, `environment-map` and `branches` exclude does not count."
    " docs/backfill.md explains what counts.",
)

# --- bad input, configuration, event

BAD_INPUT: Final = Topic(
    slug="bad-input",
    happened="An input has a value that cannot be used",
    means="nothing was sent, since a guess could be a wrong report",
    change="correct each input that the message names, and run the workflow again",
    more="All bad inputs are listed at once. docs/inputs.md says what each of them accepts.",
)
BODY_REFUSED: Final = Topic(
    slug="body-refused",
    happened="A request would break the backend's rules",
    means="the backend would refuse it, so nothing was sent",
    change="shorten or correct the value that the message names",
    more="The action checks each body against JSON Schemas written from the documentation of"
    " Datadog and DX.",
)
REPLAY_REFUSED: Final = Topic(
    slug="replay-refused",
    happened="A saved report was not replayed",
    means="the file was changed, is too large, belongs to another repository or server, or is"
    " signed with another key",
    change="read what the message says about the file; then re-run the job that saved it, and"
    " delete the file",
    more="A checkout may contain files that somebody planted. So the action only sends files that"
    " it signed itself, with the backend's key. A file signed with a key that you have since"
    " replaced is refused.",
)
REPLAY_LEFT: Final = Topic(
    slug="replay-left",
    happened="There were more saved reports than one run sends",
    means="one run reads saved reports for half of `timeout`, and sends at most 1,000 of them",
    change="run the step again for the rest",
    more="The action deletes each report that it delivers, so the next run continues with the"
    " rest. It starts at a random place among them, so that reports which no backend accepts do"
    " not block the others. Until then, the step ends with the status `partial`, and fails if"
    " `fail-on` is any.",
)
NO_BACKEND: Final = Topic(
    slug="no-backend",
    happened="No backend is configured",
    means="neither `datadog-api-key` nor `dx-token` has a value",
    change="set `datadog-api-key` for Datadog, or `dx-token` and `dx-instance` for DX",
    more="A secret that does not exist is empty. Check its spelling, that it belongs to this"
    " repository or organisation, that the job uses its environment, and that the caller of a"
    " reusable workflow passes it on. With `dry-run: true` no key is needed.",
)
HALF_OF_DX: Final = Topic(
    slug="half-of-dx",
    happened="Only one of `dx-token` and `dx-instance` has a value",
    means="DX needs both: the instance to send to, and its token",
    change="set the other one as well, or leave both out",
    more="If you did write `dx-token`, its secret is empty, perhaps because it does not exist."
    " Check its spelling, that it belongs to this repository or organisation, that the job uses"
    " its environment, and that the caller of a reusable workflow passes it on.",
)
NO_ONE_TO_TELL: Final = Topic(
    slug="pull-services-without-dx",
    happened="`mode` is pull-services, and DX is off",
    means="only DX records which services a pull request touches",
    change="set `dx-token` and `dx-instance`, or another `mode`",
)
NO_SERVICE_TO_TELL: Final = Topic(
    slug="pull-services-without-services",
    happened="`mode` is pull-services, and no service is known",
    means="there is no service that the pull request could touch",
    change="set `service`, or map services to paths in `config-file`",
)
CONFIG_FILE: Final = Topic(
    slug="config-file",
    happened="The configuration file cannot be used",
    means="the report could name the wrong service or environment, so nothing was sent",
    change="correct the line that the message names",
    more="An editor shows such mistakes while you type, if the file names its schema:"
    " docs/configuration.md.",
)
CONFIG_FILE_UNREAD: Final = Topic(
    slug="config-file-unread",
    happened="The configuration file could not be read",
    means="it may list services, and a report under the repository's name could not be undone, so"
    " nothing was sent or saved",
    change="run this job again, or set `service`",
    more="If `service` is not set and the workspace has no `.github/dora.yml`, the action asks"
    " GitHub for that file. To avoid the request, set `service` or run actions/checkout before"
    " this step. If the permission is missing, add `contents: read`. If GitHub answers that there"
    " is no such file, the service is named after the repository.",
)
BAD_EVENT: Final = Topic(
    slug="bad-event",
    happened="The event does not say what was deployed",
    means="a field is missing, or has a value that cannot be reported",
    change="correct the field at its source, or set the input that the message names",
    more="GitHub itself writes most fields; people write `client_payload` and the names of"
    " environments and tags. Run the job again; if the problem stays, set `commit-sha`. Another"
    " step of the job may have changed the file named by `GITHUB_EVENT_PATH`, and a tool that"
    " only imitates GitHub may write different events.",
)
COMMIT_UNKNOWN: Final = Topic(
    slug="commit-unknown",
    happened="The deployed commit could not be determined",
    means="neither the event nor GitHub's API has it",
    change="set `commit-sha`, or give `github-token` the permission `contents: read`",
    more="Some events only name a tag, a pull request or a short SHA. The action then asks GitHub"
    " for the commit.",
)
BRANCH_UNKNOWN: Final = Topic(
    slug="default-branch-unknown",
    happened="The default branch could not be determined",
    means="without it, nobody can say whether this branch deploys",
    change="set `branches` to the branches that you deploy from",
)
SECRET_IN_EVENT: Final = Topic(
    slug="secret-in-event",
    happened="The event contains the secret of an input",
    means="somebody wrote it into a title, a branch or an environment, and it would be sent to a"
    " backend",
    change="replace the secret at once, because everybody who can see the event knows it",
)

# --- what Datadog says

DATADOG_400: Final = Topic(
    slug="datadog-400",
    happened="Datadog answered 400",
    means="the body is not what Datadog expects",
    change="correct what it names",
    more="The action checks bodies before it sends them, so this should not happen. If your"
    " inputs do not explain it, please report it as a bug.",
)
DATADOG_401: Final = Topic(
    slug="datadog-401",
    happened="Datadog answered 401",
    means="the key is not valid",
    change="check `datadog-api-key`, and that `datadog-site` is its site",
)
DATADOG_403: Final = Topic(
    slug="datadog-403",
    happened="Datadog answered 403",
    means="the key is not valid on this site, usually because it belongs to another site",
    change="check `datadog-site` first, then `datadog-api-key`",
    more="The site is in the address bar when you use Datadog: for `app.datadoghq.eu` it is"
    " `datadoghq.eu`. The key must be an API key (32 hex digits), not an application key. A"
    " revoked key gets 403 too.",
)
DATADOG_404: Final = Topic(
    slug="datadog-404",
    happened="Datadog answered 404",
    means="there is no DORA endpoint here",
    change="check `datadog-site`",
    more="If the site is the URL of a proxy, the proxy must forward `/api/v2/dora/deployment`.",
)
DATADOG_413: Final = Topic(
    slug="datadog-413",
    happened="Datadog answered 413",
    means="the body is too large",
    change="shorten `tags`",
)
DATADOG_REDIRECT: Final = Topic(
    slug="datadog-redirect",
    happened="Datadog answered with a redirect",
    means="a redirect, which is never followed with a key",
    change="check `datadog-site`",
    more="The usual cause is the login page of a proxy, or `http` instead of `https`.",
)
DATADOG_REFUSED: Final = Topic(
    slug="datadog-refused",
    happened="Datadog refused the request",
    means="the request was refused",
    change="read the answer in the log, if there is one",
)
DATADOG_MALFORMED: Final = Topic(
    slug="datadog-malformed",
    happened="Datadog answered without an event id",
    means="something between the runner and Datadog may have answered instead",
    change="check `datadog-site`, and your proxy if there is one",
)
DATADOG_LATER: Final = Topic(
    slug="datadog-202",
    happened="Datadog answered 202",
    means="accepted, to be recorded later because of an incident at Datadog",
    change="no action is needed",
)

# --- what DX says: its error codes (deployments.create, "Errors"), otherwise the status

DX_NOT_AUTHED: Final = Topic(
    slug="dx-not_authed",
    happened="DX answered not_authed",
    means="no token arrived, or something that is not one",
    change="check that the secret in `dx-token` is set",
)
DX_INVALID_AUTH: Final = Topic(
    slug="dx-invalid_auth",
    happened="DX answered invalid_auth",
    means="the token is expired or unknown",
    change="create a new token with the scope for deployments and store it in `dx-token`",
    more="A token of another instance is unknown too: check `dx-instance`.",
)
DX_ACCOUNT_INACTIVE: Final = Topic(
    slug="dx-account_inactive",
    happened="DX answered account_inactive",
    means="the account of the token is deactivated or suspended",
    change="set `dx-token` to a token of another account",
)
DX_INVALID_JSON: Final = Topic(
    slug="dx-invalid_json",
    happened="DX answered invalid_json",
    means="DX could not read the body",
    change="please report this as a bug of the action",
)
DX_REQUIRED_PARAMS_MISSING: Final = Topic(
    slug="dx-required_params_missing",
    happened="DX answered required_params_missing",
    means="a parameter is missing",
    change="read the answer in the log",
)
DX_REPO_NOT_FOUND: Final = Topic(
    slug="dx-repo_not_found",
    happened="DX answered repo_not_found",
    means="DX does not know the repository",
    change="check that it is connected in DX, under the same owner and name as `repository`",
    more="DX imports repositories with its GitHub connector; a new or renamed one may not be"
    " there yet. The report is saved and can be replayed once it is.",
)
DX_401: Final = Topic(
    slug="dx-401",
    happened="DX answered 401",
    means="the token is not valid",
    change="check `dx-token`, and that `dx-instance` is where it was made",
)
DX_403: Final = Topic(
    slug="dx-403",
    happened="DX answered 403",
    means="the token may not do this",
    change="check the scopes of `dx-token`",
)
DX_404: Final = Topic(
    slug="dx-404",
    happened="DX answered 404",
    means="there is no such method here",
    change="check `dx-instance`",
)
DX_413: Final = Topic(
    slug="dx-413",
    happened="DX answered 413",
    means="the body is too large",
    change="shorten `metadata`",
)
DX_422: Final = Topic(
    slug="dx-422",
    happened="DX answered 422",
    means="DX refuses a value",
    change="correct what it names",
)
DX_DUPLICATE: Final = Topic(
    slug="dx-duplicate",
    happened="DX already has the deployment",
    means="already recorded under this id, by an earlier attempt or another job",
    change="no action is needed, since DX keeps it as it is",
    more="Every attempt of a deployment has the same id, so a repeated one changes nothing. To"
    " report the same commit of the same run twice on purpose, set `deployment-id`.",
)
DX_REDIRECT: Final = Topic(
    slug="dx-redirect",
    happened="DX answered with a redirect",
    means="a redirect, which is never followed with a key",
    change="check `dx-instance`",
)
DX_REFUSED: Final = Topic(
    slug="dx-refused",
    happened="DX refused the request",
    means="the request was refused",
    change="read the answer in the log, if there is one",
)
DX_MALFORMED: Final = Topic(
    slug="dx-malformed",
    happened="DX answered without saying ok",
    means="something between the runner and DX may have answered instead",
    change="check `dx-instance`, and your proxy if there is one",
)
DX_LONG_SHA: Final = Topic(
    slug="dx-long-sha",
    happened="DX does not accept the commit SHA",
    means="DX takes commit SHAs of 7 to 40 digits, and this repository has longer ones",
    change="set `attribution` to repository to report without them",
)

# --- no answer that counts

_SAVED_MORE = (
    " What was not delivered is saved: run the job again, or replay it (docs/delivery.md). An"
    " outage fails the step only with `fail-on: any`."
)
TOO_MANY_REQUESTS: Final = Topic(
    slug="too-many-requests",
    happened="The backend answered 429",
    means="too many requests",
    change="send fewer requests at once, or try again later",
    more="DX accepts 1,000 requests a minute per account. The action waits as long as the backend"
    f" asks, if `timeout` allows it.{_SAVED_MORE}",
)
SERVER_ERROR: Final = Topic(
    slug="server-error",
    happened="The backend answered with a status of 500 or above",
    means="the backend itself has a problem",
    change="leave your workflow as it is, and try again later",
    more=f"The action tried up to four times.{_SAVED_MORE}",
)
NOT_NOW: Final = Topic(
    slug="not-now",
    happened="The backend answered 408 or 425",
    means="it could not take the request now",
    change="try again later",
    more=f"The action tried up to four times.{_SAVED_MORE}",
)
UNKNOWN_HOST: Final = Topic(
    slug="unknown-host",
    happened="The host name does not resolve",
    means="the runner's name server does not know this host",
    change="check the spelling of `datadog-site` and `dx-instance`, and the runner's network",
    more=_SAVED_MORE.strip(),
)
NO_CONNECTION: Final = Topic(
    slug="no-connection",
    happened="The runner could not connect to the backend",
    means="nothing is listening there, or a firewall is in the way",
    change="allow the runner to reach the hosts listed in docs/security.md over https",
    more=_SAVED_MORE.strip(),
)
BROKE_OFF: Final = Topic(
    slug="broke-off",
    happened="The connection was lost, or no answer came in time",
    means="the backend may or may not have the deployment",
    change="send it again, under the same id",
    more="DX counts each id once. Datadog does not document how it treats a repeated one."
    + _SAVED_MORE,
)
CERTIFICATE: Final = Topic(
    slug="certificate",
    happened="The server's certificate is not valid",
    means="somebody else may be answering, so no key was sent",
    change="check the host and the runner's clock; behind a proxy with its own certificate"
    " authority, set `REQUESTS_CA_BUNDLE` to the file with that authority's certificate",
    more="If it has expired, its owner must renew it. The action always verifies certificates;"
    " you cannot turn that off.",
)
CA_FILE: Final = Topic(
    slug="ca-file",
    happened="The file with the runner's certificates cannot be used",
    means="it is unreadable or empty, or contains no certificate, and without one no server can"
    " be trusted",
    change="set `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` or `SSL_CERT_FILE`, whichever names it, to"
    " a PEM file with certificates, or unset it",
)
BLOCKED: Final = Topic(
    slug="blocked",
    happened="A web page answered instead of the backend",
    means="a web page answered, for example from a proxy or a filter on the way, not the backend",
    change="allow the runner to reach the hosts listed in docs/security.md over https",
    more="The backend did not see the key, so you need not change it.",
)
PROXY: Final = Topic(
    slug="proxy",
    happened="The proxy in HTTPS_PROXY or ALL_PROXY, or the URL of the backend, cannot be used",
    means="the proxy refused, is unreachable or is of an unknown kind, or a URL is not valid",
    change="correct the variable of the proxy or the backend's URL, or add the backend's host to"
    " `NO_PROXY`",
    more=_SAVED_MORE.strip(),
)
STEP_ENDED: Final = Topic(
    slug="step-ended",
    happened="The step had to end before the backend answered",
    means="`timeout` was up, or the system could not start another thread",
    change="set a longer `timeout`, or try again later",
    more=_SAVED_MORE.strip(),
)
NOT_SAVED: Final = Topic(
    slug="not-saved",
    happened="Undelivered reports could not be saved",
    means="the disk is full or read-only, the step may not write there, or the folder belongs to"
    " another user",
    change="fix the problem that the message names, and run the job again",
    more="The action tries the workspace first, then the folders for temporary files. If no"
    " folder takes all reports, those already saved stay where they are.",
)
PATH_NOT_TOLD: Final = Topic(
    slug="path-not-told",
    happened="The output `undelivered-path` is empty although reports are saved",
    means="the folder's name contains characters that are not safe everywhere a workflow may use"
    " an output, and replacing them would name a folder that does not exist",
    change="write the folder's name into the workflow by hand, or rename it to plain letters and"
    " digits",
)

NOT_WRITTEN: Final = Topic(
    slug="not-written",
    happened="Outputs or the job summary could not be written",
    means="the disk is full or read-only, or the step may not write there; the report itself is"
    " not affected, but later steps cannot see its result",
    change="free some space on the runner's disk, or allow the step to write the file that the"
    " message names",
    more="The runner names these files in `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY`.",
)

# --- historical deployments

BACKFILL_TIME: Final = Topic(
    slug="backfill-time",
    happened="The time was up before everything was read and sent",
    means="`timeout` was reached; the state holds everything read and sent so far",
    change="run it again with the same inputs to continue, or set a longer `timeout`",
    more="With `mode: backfill`, `timeout` may be up to 21600 seconds. A job on GitHub-hosted"
    " runners ends after that time, so use at most 21000 to leave time to save the state, as"
    " examples/backfill.yml does. docs/backfill.md says how long a backfill takes.",
)
BACKFILL_LOOK_UP: Final = Topic(
    slug="backfill-look-up",
    happened="The history could not be read from GitHub",
    means="`repository`, `github-token`, a permission or the workflow is wrong, a rate limit"
    " lasts longer than `timeout`, or GitHub is down",
    change="do what the message says, and run it again with the same inputs to continue",
    more="The job needs `contents: read`, `deployments: read` and `pull-requests: read`, and"
    " `actions: read` for workflow runs. To read another `repository` than its own, it needs"
    " another `github-token` with these permissions: GitHub answers 404 to a token that may not"
    " read it. The action waits for rate limits as long as `timeout` allows.",
)
BACKFILL_LEFT_OUT: Final = Topic(
    slug="backfill-left-out",
    happened="Some historical deployments could not be reported",
    means="GitHub does not know enough about them, or a backend does not accept them",
    change="read the reasons and their counts; the other deployments are not affected",
    more="Some of the reasons are explained on this page. The others lie in GitHub's historical"
    " records, which nobody can change any more.",
)
BACKFILL_STATE: Final = Topic(
    slug="backfill-state",
    happened="The state of an earlier run cannot be used",
    means="the file is damaged, is in use by another run, belongs to another user, or is signed"
    " with other keys",
    change="wait for the run that uses it, or delete it to start over",
    more="If a cache holds it, as in examples/backfill.yml, delete the caches whose names start"
    " with `dora-backfill/` (Actions, Caches), or set another `output-path` there and in its"
    " steps. Starting over sends everything again, under the same ids. A checkout may contain a"
    " file that somebody planted, so each row is signed with the keys of the backends; with"
    " another key, the action no longer knows what was sent. If a report is missing but its"
    " deployment is in the files, the action derives and sends it again, under the same id. On"
    " `pull_request_target` and `workflow_run`, the action never uses a saved state.",
)
BACKFILL_STOPPED: Final = Topic(
    slug="backfill-stopped",
    happened="A backend stopped accepting historical deployments",
    means="it said that it accepts none, refused several in a row, or could not be reached; the"
    " others wait in the state",
    change="do what its last answer asks for, and run it again with the same inputs to continue",
    more="To avoid thousands of pointless requests, the action did not try the rest. The next run"
    " starts with the earliest deployment that has no answer, to keep the order of time. If that"
    " one gets no answer again, it goes on to the next; deployments that were refused"
    " individually come last. Fifty deployments that never get an answer block the later ones:"
    " set `since` to a later day to exclude them. If the key was wrong, the run with the right"
    " key sends again what the other one sent, under the same ids.",
)
OUTPUT_PATH: Final = Topic(
    slug="output-path",
    happened="The folder of `output-path` cannot be written",
    means="it is outside the workspace, is a link or belongs to another user; or the disk is full"
    " or read-only, or the step may not write there",
    change="fix the problem that the message names, free some space, or set another `output-path`",
    more="A problem with the path itself is a bad input. A disk that accepts no data is not: the"
    " step ends as after an outage, and the next run with the same inputs continues. If something"
    " was sent but could not be recorded, it is sent again under the same id.",
)
OLD_PAST: Final = Topic(
    slug="old-past",
    happened="Historical deployments are sent to Datadog",
    means="these deployments finished more than an hour ago: Datadog used to refuse or ignore"
    " such deployments, and documents no limit now",
    change="check in Datadog that the first ones appear before you send more",
    more="docs/backfill.md says what else Datadog's rules mean for historical deployments.",
)

# --- this action itself

NO_PYTHON: Final = Topic(
    slug="no-python",
    happened="The runner has no Python 3.10 or newer that can run the action",
    means="the action could not start, and the deployment was not reported",
    change="add `uses: actions/setup-python@v7` with a `python-version` before this step, and run"
    " the job again",
    more="The action looks for `python3`, `python`, `py -3`, `python3.10` and up, and in the"
    " runner's tool cache. The warning names each Python found and what it lacks: some lack parts"
    " of the standard library, such as Debian's `python3-minimal`; the package `python3` has the"
    " rest. The action skips a Python that does not answer within ten seconds. The Docker variant"
    " contains its own Python.",
)
PACKAGES: Final = Topic(
    slug="packages",
    happened="The packages that the action needs could not be installed",
    means="the package index is unreachable, does not answer, or is out of order",
    change="run this job again; if it fails in the same way, do what the warning says",
    more="docs/runners.md says what the action installs, when and where. If the runner cannot"
    f" reach an index, use the Docker variant, which contains everything.{_SAVED_MORE}",
)
PACKAGES_UNAVAILABLE: Final = Topic(
    slug="packages-unavailable",
    happened="This runner cannot install the packages that the action needs",
    means="this is not an outage, so another run ends the same way until something is changed:"
    " the index has no package for this Python and system, refuses the runner, is not trusted, or"
    " has a package that differs from the lock",
    change="do what the warning says, then run this job again",
    more="If the Python is too new or the system is rare, choose another `python-version` with"
    " actions/setup-python, or use the Docker variant, which contains everything. If a mirror"
    " lacks a package or has a different one, correct the mirror. Undelivered reports are saved"
    " and can be replayed once they can be sent (docs/delivery.md). Like an outage, this fails"
    " the step only with `fail-on: any`.",
)
INTERNAL_ERROR: Final = Topic(
    slug="internal-error",
    happened="A bug in this action stopped the report",
    means="this is not your fault, and your deploy goes on",
    change="run this job again, and please report the bug with the line of the log that names it",
    more="To see the traceback, re-run the job with debug logging. The step does not fail unless"
    " `fail-on` is any.",
)
CANCELLED: Final = Topic(
    slug="cancelled",
    happened="The job was cancelled during the report",
    means="it is not certain that every backend received it",
    change="run this job again: the ids stay the same",
    more="Undelivered reports are saved (docs/delivery.md). If some look-ups on GitHub were not"
    " finished, the saved report has the commit but no pull requests. If that would be a guess,"
    " nothing is saved, and a warning says what is missing. With `mode: backfill`, start it again"
    " with the same inputs: if the state was saved, as in examples/backfill.yml, it continues"
    " where it stopped.",
)

# --- warnings: the run goes on

DOUBTFUL_INPUT: Final = Topic(
    slug="doubtful-input",
    happened="An input is valid, but may not mean what you intended",
    means="the report is sent, but may be refused or may describe something else",
    change="correct the input that the message names",
)
DOUBTFUL_EVENT: Final = Topic(
    slug="doubtful-event",
    happened="The event is incomplete",
    means="the missing value was taken from elsewhere",
    change="set the input that the message names, or send the field",
)
INCOMPLETE: Final = Topic(
    slug="incomplete",
    happened="The report is not as exact as it could be",
    means="something could not be looked up, contradicts the history, or does not fit into the"
    " report, which is sent with what is known",
    change="do what the warning says; usually the job lacks one of the permissions `actions:"
    " read`, `contents: read`, `deployments: read` and `pull-requests: read`",
    more="If GitHub's records do not settle which deployment came before this one, only the"
    " commit is reported; docs/attribution.md lists the cases and what to do. Without a token, or"
    " with one that may not see the repository, the action looks up nothing, and DX fills the"
    " gaps from the commit. A rate limit or an outage passes by itself. If commits have diverged"
    " or the previous commit is gone, for example after a force push, set `previous-sha` if you"
    " know it.",
)
SERVICES_NOT_TOLD: Final = Topic(
    slug="services-not-told",
    happened="DX did not record which services a pull request touches",
    means="the deployment itself was reported",
    change="read the answer of DX; then run this job again, or replay the saved report",
)
RERUN: Final = Topic(
    slug="rerun",
    happened="A workflow run was re-run and reports a later finish",
    means="Datadog does not document what it does with a repeated id, and an old commit that is"
    " sent late can look like a rollback",
    change="set `finished-at` so that all attempts report the same time",
    more="The same happens if a saved report is replayed after a later attempt was recorded: its"
    " finish is earlier. Of the files in `replay-path`, the action sends only that of the last"
    " attempt. Once an attempt is recorded, the action deletes the reports that earlier attempts"
    " saved in its workspace. A replay cannot know about a later attempt that was recorded"
    " elsewhere and so left no file: once a later attempt has succeeded, delete what the earlier"
    " ones saved.",
)
OLD_EVENT: Final = Topic(
    slug="old-event",
    happened="The deployment ended more than an hour ago",
    means="Datadog used to refuse or ignore old deployments, and documents no limit now",
    change="report right after the deployment, and check in Datadog that this one appears",
    more="Datadog orders deployments by their times, so an old commit that is sent late can also"
    " look like a rollback. To report many historical deployments, see docs/backfill.md.",
)
CLOCK_SKEW: Final = Topic(
    slug="clock-skew",
    happened="The runner's clock differs from the backend's, or from a time in the inputs or the"
    " event",
    means="all times from the runner's clock are wrong by that much",
    change="synchronise the runner's clock with NTP, or take `finished-at` from another clock",
    more="A start may come from another runner's clock. If it is up to five minutes later than"
    " the finish, the action sets it to the finish; a start that is later still is refused. A"
    " finish that is more than two minutes ahead of the runner's clock is sent unchanged: check"
    " its time zone first.",
)
NOT_PRODUCTION: Final = Topic(
    slug="environment-not-production",
    happened="An environment that looks like production is reported under another name",
    means="for DORA metrics, DX only counts the environment `production`, so it does not count"
    " this one",
    change="if you set `environment`, change it to production; otherwise map the name with a line"
    " of `environment-map` or in `.github/dora.yml`",
    more="The action never maps an `environment` that you set. If the name only looks like"
    " production, a line that maps it to itself, such as `live-demo=live-demo`, turns the warning"
    " off.",
)
SERVICE_NAME: Final = Topic(
    slug="service-name",
    happened="A service name is not written as in Datadog's catalogue",
    means="the deployment counts for a service of exactly that name, which may be another one or"
    " may not exist",
    change="write the name as Datadog shows it",
    more="Datadog writes service names in lower case. It replaces each run of characters other"
    " than letters, digits, `-`, `.`, `/` and `:` with one `_`, and removes a `_` at the end.",
)
DUPLICATE_SOURCE: Final = Topic(
    slug="duplicate-source",
    happened="Another tool may report the same deployments",
    means="each deployment would count twice",
    change="keep one source for each service",
    more="DX: its GitHub Deployments connector also creates deployments, so turn it off for the"
    " repositories that use this action. Datadog: in the settings of DORA Metrics, choose the API"
    " as the source of deployments, not APM deployment tracking.",
)
STARTS_NOTHING: Final = Topic(
    slug="github-token-starts-nothing",
    happened="The event was caused with GITHUB_TOKEN",
    means="what a workflow does with its `GITHUB_TOKEN` starts no other workflow",
    change="do it with the token of an app, or report at the end of the job that deploys",
    more="GitHub makes two exceptions: `workflow_dispatch` and `repository_dispatch`. A status, a"
    " release, a tag or a merge by `github-actions[bot]` is not one of them.",
)

_SKIPPED: Final = (
    PULL_REQUEST_NOT_MERGED,
    NOT_A_MERGE_EVENT,
    BRANCH_NOT_DEPLOYED,
    STATE_NOT_FINAL,
    TRANSIENT_ENVIRONMENT,
    ENVIRONMENT_IGNORED,
    REF_DELETED,
    PRERELEASE,
    EVENT_NOT_A_DEPLOYMENT,
    RUN_NOT_SUCCESSFUL,
    FOREIGN_REPOSITORY,
    NO_CREDENTIALS_ON_FORK,
    NO_SERVICE_TOUCHED,
    JOB_CANCELLED,
    JOB_SKIPPED,
    OUTCOME_NOT_SUPPORTED,
    NOTHING_TO_REPLAY,
    NOTHING_TO_BACKFILL,
)
# By the values of the output `reason`.
SKIPPED: Final = {topic.slug: topic for topic in _SKIPPED}


def about_input(name: str, words: str, topic: Topic = BAD_INPUT) -> Note:
    """Return a note about the input of that name; `words` follow the name."""
    return Note(text=f"`{name}` {words}", topic=topic, input=name)
