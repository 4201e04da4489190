"""Everything that can go wrong or be doubtful: what it means, what to change, where to read more.

One topic for each kind of trouble. What stands here is what people read: whoever meets the
trouble adds the particulars. docs/troubleshooting.md is written from it by `make docs`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One kind of trouble.

    `happened` is a heading; `means` and `change` are halves of a sentence, without a capital
    and a full stop; `change` is a command to the reader. `more`, in whole sentences, is for
    those who look it up. All may quote `names`.
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
        """Return what it means and what to change, in words that follow what happened."""
        return f"{self.means}; {self.change}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sentence for people, which may quote foreign text, and what it is about.

    `input` is the name of the input that it is about, if it is about one.
    """

    text: str
    topic: Topic
    input: str = ""

    @property
    def page(self) -> str:
        """Return the place in docs/ that explains it: that of its input, or else of its topic."""
        return f"inputs.md#{self.input}" if self.input else self.topic.page


def note(text: str, topic: Topic) -> Note:
    """Return `text` as a note about a topic."""
    return Note(text=text, topic=topic)


def notes(texts: Iterable[str], topic: Topic) -> tuple[Note, ...]:
    """Return each of `texts` as a note about a topic."""
    return tuple(note(text, topic) for text in texts)


# --- nothing to report: by the reasons of a skipped run

PULL_REQUEST_NOT_MERGED: Final = Topic(
    slug="pull-request-not-merged",
    happened="The pull request was closed without being merged",
    means="nothing of it was deployed, so there is nothing to report",
    change="leave it as it is; `if: github.event.pull_request.merged` on the job saves the runner",
)
NOT_A_MERGE_EVENT: Final = Topic(
    slug="not-a-merge-event",
    happened="A pull request was opened, changed or labelled, not merged",
    means="only the closing of a pull request can be a merge",
    change="start the workflow on `pull_request` with `types: [closed]` only",
)
BRANCH_NOT_DEPLOYED: Final = Topic(
    slug="branch-not-deployed",
    happened="This branch is not a deployment branch",
    means="what was merged or pushed there has not reached the environment",
    change="if it does deploy, name it in `branches`",
    more="Left out, `branches` is the repository's default branch. It takes the patterns of"
    " GitHub's own branch filters, such as `release/**`, and applies to the base of a merged pull"
    " request, to a pushed branch, and to the branch of a workflow run.",
)
STATE_NOT_FINAL: Final = Topic(
    slug="state-not-final",
    happened="The deployment or workflow run has not ended yet",
    means="a later event tells how it ended, and that one is reported",
    change="leave it as it is; GitHub has no filter for states, so such runs are usual",
    more="Final are `success`, `failure` and `error`. `inactive` only says that a newer deployment"
    " took its place.",
)
TRANSIENT_ENVIRONMENT: Final = Topic(
    slug="transient-environment",
    happened="The deployment was to a transient environment",
    means="it is a preview that will be taken down again, which no DORA metric counts",
    change="if it is to last, create the deployment without `transient_environment`",
)
ENVIRONMENT_IGNORED: Final = Topic(
    slug="environment-ignored",
    happened="The environment is mapped to nothing",
    means='a line `glob=` of `environment-map`, or the name `""` of the configuration file, takes'
    " it out",
    change="if it is to be reported, put a line with its name before that one",
)
REF_DELETED: Final = Topic(
    slug="ref-deleted",
    happened="A branch or tag was deleted",
    means="nothing was deployed by that",
    change="leave it as it is",
)
PRERELEASE: Final = Topic(
    slug="prerelease",
    happened="The release is a prerelease",
    means="most teams do not put those into production",
    change="to report prereleases as well, set `environment` to where they go",
)
EVENT_NOT_A_DEPLOYMENT: Final = Topic(
    slug="event-not-a-deployment",
    happened="The event is not a deployment",
    means="nothing in it says which commit was deployed",
    change="start the workflow on an event that does, or set `commit-sha`",
    more="docs/events.md lists the events and what each one tells.",
)
RUN_NOT_SUCCESSFUL: Final = Topic(
    slug="run-not-successful",
    happened="The workflow run that was waited for did not succeed",
    means="it is not known whether it got as far as to deploy",
    change="if such a run is a failed deployment, set `success` by its conclusion",
    more="Write `success: ${{ github.event.workflow_run.conclusion == 'success' }}`, and leave out"
    " what was cancelled or skipped by an `if:` on the job. A bare `success: false` would report"
    " every run as failed.",
)
FOREIGN_REPOSITORY: Final = Topic(
    slug="foreign-repository",
    happened="The workflow run was for a commit of another repository",
    means="a fork's commit is not one that this repository deploys",
    change="leave it as it is",
    more="Whoever may open a pull request from a fork could report deployments otherwise.",
)
NO_CREDENTIALS_ON_FORK: Final = Topic(
    slug="no-credentials-on-fork",
    happened="The pull request is from a fork, or Dependabot started the run",
    means="without a key no backend can be told",
    change="report merges by a workflow on `push`, and store the keys as Dependabot secrets as well"
    " if Dependabot merges by itself",
    more="examples/report-on-push.yml is such a workflow. A merge is a push to the base branch, and"
    " runs on `push` have secrets whoever wrote the commits, unless Dependabot itself merges: its"
    " own runs, those on `push` among them, have only what is stored as Dependabot secrets.",
)
NO_SERVICE_TOUCHED: Final = Topic(
    slug="no-service-touched",
    happened="No service of the configuration file was deployed",
    means="neither the environment nor a changed file belongs to one of its services",
    change="if one was, add its environments or paths to `.github/dora.yml`, or name it in"
    " `service`",
)
JOB_CANCELLED: Final = Topic(
    slug="job-cancelled",
    happened="The deploying job was cancelled",
    means="`success` holds that result, and nobody knows whether anything was deployed",
    change="leave it as it is; if it was deployed all the same, set `success` to true or false",
)
JOB_SKIPPED: Final = Topic(
    slug="job-skipped",
    happened="The deploying job was skipped",
    means="`success` holds that result, so nothing was deployed",
    change="leave it as it is",
)
OUTCOME_NOT_SUPPORTED: Final = Topic(
    slug="outcome-not-supported",
    happened="The deployment failed, and Datadog cannot be told",
    means="Datadog counts successful deployments only, and this one failed",
    change="DX counts failed ones as well",
    more="Datadog has no field for the outcome. It finds change failures itself, by rollbacks and"
    " by pull requests that revert others.",
)
NOTHING_TO_REPLAY: Final = Topic(
    slug="nothing-to-replay",
    happened="There is no saved report to replay",
    means="nothing was kept back, or it was not fetched into `replay-path`",
    change="if there should be one, check `replay-path`, and the step that fetches the artifact",
)
NOTHING_TO_BACKFILL: Final = Topic(
    slug="nothing-to-backfill",
    happened="No deployment was found in the period",
    means="what `backfill-source` names has nothing to report between `since` and `until`",
    change="set an earlier `since`, or the `backfill-source` that knows of your deployments",
    more="`auto` takes GitHub deployments, else releases, else merged pull requests, and never"
    " guesses a workflow: write `backfill-source: workflow-runs:NAME`. What `environment`,"
    " `environment-map` and `branches` leave out does not count. docs/backfill.md says what does.",
)

# --- bad input, configuration, event

BAD_INPUT: Final = Topic(
    slug="bad-input",
    happened="An input cannot be used as it is",
    means="nothing was sent, since a guess could be a wrong report",
    change="correct each input that is named, and run the workflow again",
    more="All bad inputs are told at once. docs/inputs.md says what each of them takes.",
)
BODY_REFUSED: Final = Topic(
    slug="body-refused",
    happened="A request would break the rules of its vendor",
    means="the backend would refuse it, so nothing was sent",
    change="shorten or correct the value that is named",
    more="Bodies are checked by JSON Schemas made from the documentation of Datadog and DX.",
)
REPLAY_REFUSED: Final = Topic(
    slug="replay-refused",
    happened="A saved report was not replayed",
    means="it is changed, too large, of another repository or server, or signed with another key",
    change="read what is said of the file; then run the job that saved it again, and delete it",
    more="A checkout may hold files that somebody planted, so only what this action signed with the"
    " key of the backend is sent. A key that was replaced since then no longer fits.",
)
REPLAY_LEFT: Final = Topic(
    slug="replay-left",
    happened="There were more saved reports than one run sends",
    means="a run reads saved reports for half of `timeout`, and sends 1,000 of them at most",
    change="run the step again for the rest",
    more="What was delivered is removed from the folder, so the next run goes on with the rest. It"
    " begins anywhere among them, so that those which no backend takes keep no others waiting."
    " Until then the step ends with the status `partial`, and fails under `fail-on: any`.",
)
NO_BACKEND: Final = Topic(
    slug="no-backend",
    happened="No backend is configured",
    means="neither `datadog-api-key` nor `dx-token` has a value here",
    change="set `datadog-api-key` for Datadog, or `dx-token` and `dx-instance` for DX",
    more="A secret that does not exist arrives empty: check its spelling, that it belongs to this"
    " repository or organisation, that its environment is the job's, and that a reusable workflow"
    " is handed it. With `dry-run: true` no key is needed.",
)
HALF_OF_DX: Final = Topic(
    slug="half-of-dx",
    happened="Only one of `dx-token` and `dx-instance` has a value",
    means="DX needs both: where to go, and the key to it",
    change="set the other one as well, or leave both out",
    more="If you did write `dx-token`, its secret is empty here. A secret that does not exist"
    " arrives empty: check its spelling, that it belongs to this repository or organisation, that"
    " its environment is the job's, and that a reusable workflow is handed it.",
)
NO_ONE_TO_TELL: Final = Topic(
    slug="pull-services-without-dx",
    happened="`mode` is pull-services, and DX is off",
    means="DX alone records which services a pull request touches",
    change="set `dx-token` and `dx-instance`, or another `mode`",
)
NO_SERVICE_TO_TELL: Final = Topic(
    slug="pull-services-without-services",
    happened="`mode` is pull-services, and no service is known",
    means="there is nothing that the pull request could touch",
    change="name `service`, or map services to paths in `config-file`",
)
CONFIG_FILE: Final = Topic(
    slug="config-file",
    happened="The configuration file cannot be used",
    means="services or environments would be reported under wrong names, so nothing was sent",
    change="correct the line that is named",
    more="An editor shows such mistakes while you write, if the file names its schema:"
    " docs/configuration.md.",
)
CONFIG_FILE_UNREAD: Final = Topic(
    slug="config-file-unread",
    happened="The configuration file could not be read",
    means="it may say which services there are, and a report under the repository's name would"
    " stay, so nothing was sent or saved",
    change="run this job again, or name `service`",
    more="GitHub is asked for `.github/dora.yml` where `service` is left out and the workspace has"
    " no such file. A step with actions/checkout before this one spares the question, and so does"
    " `service`. Where the permission is lacking, add `contents: read`. If GitHub answers that"
    " there is no such file, the service is named after the repository.",
)
BAD_EVENT: Final = Topic(
    slug="bad-event",
    happened="The event does not say what was deployed",
    means="a field of it is missing, or holds what cannot be reported",
    change="correct the field that is named where it is written, or set the input that is named",
    more="Most fields only GitHub writes; `client_payload` and names of environments and tags are"
    " people's. Run the job again; if it stays so, set `commit-sha`. Another step of the job may"
    " have changed the file of `GITHUB_EVENT_PATH`, and a tool that only resembles GitHub may write"
    " another one.",
)
COMMIT_UNKNOWN: Final = Topic(
    slug="commit-unknown",
    happened="The deployed commit could not be found out",
    means="neither the event nor GitHub's API tells it",
    change="set `commit-sha`, or give `github-token` the permission `contents: read`",
    more="An event may name a tag, a pull request or a short SHA only; then GitHub is asked for the"
    " commit behind it.",
)
BRANCH_UNKNOWN: Final = Topic(
    slug="default-branch-unknown",
    happened="The default branch could not be found out",
    means="without it, nothing tells whether the branch deploys",
    change="set `branches` to the branches that you deploy from",
)
SECRET_IN_EVENT: Final = Topic(
    slug="secret-in-event",
    happened="The event holds the secret of an input",
    means="somebody wrote it into a title, a branch or an environment, and a backend would be told",
    change="make a new secret at once, since whoever sees the event knows it",
)

# --- what Datadog says

DATADOG_400: Final = Topic(
    slug="datadog-400",
    happened="Datadog answered 400",
    means="the body is not what Datadog expects",
    change="correct what it names",
    more="Bodies are checked before they are sent, so this should not happen. If nothing of your"
    " inputs explains it, please report it as a bug.",
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
    means="the key is not valid on this site, most often because it belongs to another",
    change="check `datadog-site` first, then `datadog-api-key`",
    more="The site is what stands in the address bar when you use Datadog: `app.datadoghq.eu` is"
    " `datadoghq.eu`. The key is an API key (32 hex digits); an application key is not enough. A"
    " key that was revoked answers 403 too.",
)
DATADOG_404: Final = Topic(
    slug="datadog-404",
    happened="Datadog answered 404",
    means="there is no DORA endpoint here",
    change="check `datadog-site`",
    more="A proxy that is given as a URL must pass `/api/v2/dora/deployment` on.",
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
    more="It is most often a proxy's log-in page, or `http` where `https` is meant.",
)
DATADOG_REFUSED: Final = Topic(
    slug="datadog-refused",
    happened="Datadog refused the request",
    means="the request was refused",
    change="see its words in the log, if any",
)
DATADOG_MALFORMED: Final = Topic(
    slug="datadog-malformed",
    happened="Datadog answered without the id of an event",
    means="something between here and Datadog may have answered in its place",
    change="check `datadog-site`, and the proxy if there is one",
)
DATADOG_LATER: Final = Topic(
    slug="datadog-202",
    happened="Datadog answered 202",
    means="accepted, to be recorded later because of an incident at Datadog",
    change="leave it as it is",
)

# --- what DX says: by its error codes (deployments.create, "Errors"), else by the status

DX_NOT_AUTHED: Final = Topic(
    slug="dx-not_authed",
    happened="DX answered not_authed",
    means="no token arrived, or something else in its place",
    change="check that the secret in `dx-token` is set",
)
DX_INVALID_AUTH: Final = Topic(
    slug="dx-invalid_auth",
    happened="DX answered invalid_auth",
    means="the token is expired or unknown",
    change="make a new one with the scope for deployments and store it in `dx-token`",
    more="A token of another instance is unknown as well: check `dx-instance`.",
)
DX_ACCOUNT_INACTIVE: Final = Topic(
    slug="dx-account_inactive",
    happened="DX answered account_inactive",
    means="the account of the token is deactivated or suspended",
    change="make a token of another account for `dx-token`",
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
    means="DX misses a parameter",
    change="see its words in the log",
)
DX_REPO_NOT_FOUND: Final = Topic(
    slug="dx-repo_not_found",
    happened="DX answered repo_not_found",
    means="DX does not know the repository",
    change="check that it is connected in DX, under the same owner and name as `repository`",
    more="DX imports repositories by its GitHub connector; a new one, or one that was renamed, may"
    " not be there yet. The report is saved and can be replayed once it is.",
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
    happened="DX has the deployment already",
    means="already recorded under this id, by an earlier attempt or another job",
    change="leave it so, since DX keeps it as it is",
    more="The id is the same for every attempt of a deployment, so a repeated one changes nothing."
    " To report the same commit of the same run twice on purpose, set `deployment-id`.",
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
    change="see its words in the log, if any",
)
DX_MALFORMED: Final = Topic(
    slug="dx-malformed",
    happened="DX answered without saying ok",
    means="something between here and DX may have answered in its place",
    change="check `dx-instance`, and the proxy if there is one",
)
DX_LONG_SHA: Final = Topic(
    slug="dx-long-sha",
    happened="DX cannot take the commit SHA",
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
    change="send fewer at once, or try again later",
    more="DX takes 1,000 requests a minute from an account. The wait that the backend asks for is"
    f" kept, as long as `timeout` allows.{_SAVED_MORE}",
)
SERVER_ERROR: Final = Topic(
    slug="server-error",
    happened="The backend answered 500 or above",
    means="it is in trouble itself",
    change="leave your workflow as it is, and try again later",
    more=f"It was tried up to four times.{_SAVED_MORE}",
)
NOT_NOW: Final = Topic(
    slug="not-now",
    happened="The backend answered 408 or 425",
    means="it could not take the request now",
    change="try again later",
    more=f"It was tried up to four times.{_SAVED_MORE}",
)
UNKNOWN_HOST: Final = Topic(
    slug="unknown-host",
    happened="The host name does not resolve",
    means="the runner's name server knows no such host",
    change="check the spelling of `datadog-site` and `dx-instance`, and the runner's network",
    more=_SAVED_MORE.strip(),
)
NO_CONNECTION: Final = Topic(
    slug="no-connection",
    happened="No connection to the backend could be made",
    means="nothing listens there, or a firewall is in the way",
    change="let the runner reach the hosts named in docs/security.md by https",
    more=_SAVED_MORE.strip(),
)
BROKE_OFF: Final = Topic(
    slug="broke-off",
    happened="The connection broke off, or no answer came in time",
    means="the backend may have the deployment or not",
    change="send it again, under the same id",
    more="DX counts an id once. Datadog does not document what it does with a repeated one."
    + _SAVED_MORE,
)
CERTIFICATE: Final = Topic(
    slug="certificate",
    happened="The certificate of the server is not good",
    means="somebody else may be answering, so no key was sent",
    change="check the host and the clock of the runner; behind a proxy with an authority of its"
    " own, set `REQUESTS_CA_BUNDLE` to the file of that",
    more="One that has expired its owner must renew. Certificates are always verified; there is no"
    " way to turn that off.",
)
CA_FILE: Final = Topic(
    slug="ca-file",
    happened="The file with the runner's certificates cannot be used",
    means="it cannot be read, is empty or holds no certificate, and without one no server can be"
    " trusted",
    change="set `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` or `SSL_CERT_FILE`, whichever names it, to"
    " a PEM file with certificates, or to nothing",
)
BLOCKED: Final = Topic(
    slug="blocked",
    happened="A web page answered in the place of the backend",
    means="a web page answered, as of a proxy or a filter on the way, and not the backend",
    change="let the runner reach the hosts named in docs/security.md by https",
    more="The key was not judged, so it need not be changed.",
)
PROXY: Final = Topic(
    slug="proxy",
    happened="The proxy in HTTPS_PROXY or ALL_PROXY, or the URL of the backend, cannot be used",
    means="the proxy refused, cannot be reached or is of an unknown kind, or a URL is not one",
    change="correct the variable of the proxy or the backend's URL, or name its host in `NO_PROXY`",
    more=_SAVED_MORE.strip(),
)
STEP_ENDED: Final = Topic(
    slug="step-ended",
    happened="The step had to end before the backend had answered",
    means="`timeout` was up, or the system had no thread left",
    change="set a longer `timeout`, or try again later",
    more=_SAVED_MORE.strip(),
)
NOT_SAVED: Final = Topic(
    slug="not-saved",
    happened="What was not delivered could not be saved",
    means="the disk is full or read-only, the step may not write there, or the folder is somebody"
    " else's",
    change="fix what is named, and run the job again",
    more="The workspace and the folders for temporary files are tried one after the other. If none"
    " takes all reports, those that one took stay there.",
)
PATH_NOT_TOLD: Final = Topic(
    slug="path-not-told",
    happened="The output `undelivered-path` is empty although reports are saved",
    means="the folder's name has marks that are not safe in every place where a workflow may put"
    " an output; with others in their place it would name a folder that does not exist",
    change="write the folder by hand where it is needed, or give it a name of plain letters and"
    " digits",
)

NOT_WRITTEN: Final = Topic(
    slug="not-written",
    happened="Outputs or the job summary could not be written",
    means="the disk is full or read-only, or the step may not write there; the report is not"
    " touched by that, but later steps do not see how it went",
    change="make room on the runner's disk, or let the step write the file that is named",
    more="The runner names its files in `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY`.",
)

# --- past deployments

BACKFILL_TIME: Final = Topic(
    slug="backfill-time",
    happened="The time was up before all history was read and sent",
    means="`timeout` is over; all that was read is kept in the state, and what was sent is known",
    change="run it again with the same inputs to go on, or set a longer `timeout`",
    more="With `mode: backfill` it may be 21600 seconds. A job on GitHub's own runners ends after"
    " as many, so 21000 at most leaves time to keep the state, as examples/backfill.yml does."
    " docs/backfill.md says how long it takes.",
)
BACKFILL_LOOK_UP: Final = Topic(
    slug="backfill-look-up",
    happened="The past could not be read from GitHub",
    means="`repository`, `github-token`, a permission or the workflow is not what it must be, a"
    " rate limit outlasts `timeout`, or GitHub is down",
    change="do what the message says, and run it again with the same inputs to go on",
    more="The job needs `contents: read`, `deployments: read` and `pull-requests: read`, and"
    " `actions: read` for workflow runs. For another `repository` than its own it needs another"
    " `github-token` with these: GitHub says 404 to one that may not read it. Rate limits are"
    " waited for as long as `timeout` allows.",
)
BACKFILL_LEFT_OUT: Final = Topic(
    slug="backfill-left-out",
    happened="Some past deployments could not be reported",
    means="what GitHub knows of them is not enough, or a backend cannot be told",
    change="read the reasons and their counts; the other deployments are not affected",
    more="Some reasons stand on this page, with what to do. The others are in what GitHub keeps of"
    " the past, which nobody can change any more.",
)
BACKFILL_STATE: Final = Topic(
    slug="backfill-state",
    happened="The state of an earlier run cannot be used",
    means="the file is damaged, in use by another run, of another user, or signed with other keys",
    change="wait for a run that uses it, else remove it to start anew",
    more="Where examples/backfill.yml keeps it in a cache, delete the caches whose names begin with"
    " `dora-backfill/` (Actions, Caches), or set another `output-path` there and in its steps. To"
    " start anew sends again what was sent, under the same ids. Rows are signed with the keys of"
    " the backends, since a checkout may hold a file that somebody planted; with another key, what"
    " was sent is not known any more. A report that is missing, though its deployment is in the"
    " files, is worked out and sent again, under the same id. On `pull_request_target` and"
    " `workflow_run` no state is taken at all.",
)
BACKFILL_STOPPED: Final = Topic(
    slug="backfill-stopped",
    happened="A backend stopped taking past deployments",
    means="it said that it takes none, refused several in a row, or could not be reached; the"
    " others wait in the state",
    change="do what its last answer asks for, and run it again with the same inputs to go on",
    more="Thousands of requests that nobody takes would help nobody, so the rest was not tried. The"
    " next run begins with the earliest that has no answer, to keep the order of time, and goes on"
    " if it has none again; what was refused for itself comes last. Fifty that are never answered"
    " keep the later ones waiting: set `since` to a later day to leave them out. If the key was"
    " wrong, the run with the right one sends again what the other one sent, under the same ids.",
)
OUTPUT_PATH: Final = Topic(
    slug="output-path",
    happened="The folder of `output-path` cannot be written",
    means="it is outside of the workspace, a link or somebody else's; or the disk is full or"
    " read-only, or the step may not write there",
    change="fix what is named, make room, or set another `output-path`",
    more="What is wrong with the path itself is a bad input. A disk that lets nobody write is not:"
    " the step ends as one that an outage stopped, and the next run with the same inputs goes on."
    " What was sent but could not be written down is sent again, under the"
    " same id.",
)
OLD_PAST: Final = Topic(
    slug="old-past",
    happened="Datadog is sent past deployments",
    means="these deployments ended more than an hour ago: Datadog has refused or left out such"
    " before, and documents no limit now",
    change="look in Datadog whether the first ones are there before you send more",
    more="docs/backfill.md says what else Datadog's rules mean for the past.",
)

# --- this action itself

NO_PYTHON: Final = Topic(
    slug="no-python",
    happened="The runner has no Python 3.10 or newer that can run the action",
    means="the action could not start, and the deployment was not reported",
    change="add `uses: actions/setup-python@v7` with a `python-version` before this step, and run"
    " the job again",
    more="It is looked for as `python3`, `python`, `py -3`, `python3.10` and up, and in the"
    " runner's tool cache. The warning names those that were found and what they lack: some are"
    " cut down, such as Debian's `python3-minimal`; `python3` has the rest. One that gives no"
    " answer within ten seconds is passed over. The Docker variant brings its own.",
)
PACKAGES: Final = Topic(
    slug="packages",
    happened="The packages that the action needs could not be installed",
    means="the package index cannot be reached, does not answer, or is out of order",
    change="run this job again; if it fails in the same way, do what the warning says",
    more="docs/runners.md says what is installed, when and where. Where no index is at hand, use"
    f" the Docker variant, which brings everything.{_SAVED_MORE}",
)
PACKAGES_UNAVAILABLE: Final = Topic(
    slug="packages-unavailable",
    happened="This runner cannot have the packages that the action needs",
    means="it is no outage, so another run ends the same way until something is changed: the index"
    " has no package for this Python and system, refuses the runner, is not trusted, or gives"
    " something else than what is locked",
    change="do what the warning says, then run this job again",
    more="Where a Python is too new or the system is rare, take another `python-version` by"
    " actions/setup-python, or the Docker variant, which brings everything. Where a mirror lacks a"
    " package or has another one, correct the mirror. What was not delivered is saved, to be"
    " replayed once it can be sent (docs/delivery.md). As an outage, it fails the step only with"
    " `fail-on: any`.",
)
INTERNAL_ERROR: Final = Topic(
    slug="internal-error",
    happened="A bug in this action stopped the report",
    means="it is not your fault, and your deploy goes on",
    change="run this job again, and please report the bug with the line of the log that names it",
    more="Re-run the job with debug logging to see the trace. Unless `fail-on` is any, the step"
    " does not fail.",
)
CANCELLED: Final = Topic(
    slug="cancelled",
    happened="The job was cancelled during the report",
    means="it is not sure that every backend was told",
    change="run this job again: the ids stay the same",
    more="What was not delivered is saved (docs/delivery.md). If GitHub had not answered every"
    " question by then, the saved report names the commit and no pull requests. Nothing is saved"
    " where that would be a guess, and a warning says what is not known. With `mode: backfill`,"
    " start it again with the same inputs: it goes on where it stopped, if the state was kept, as"
    " examples/backfill.yml does.",
)

# --- runs that go on, but not as one would wish

DOUBTFUL_INPUT: Final = Topic(
    slug="doubtful-input",
    happened="An input can be used, but hardly as it was meant",
    means="the report goes out, and may be refused or be about something else",
    change="correct the input that is named",
)
DOUBTFUL_EVENT: Final = Topic(
    slug="doubtful-event",
    happened="The event leaves something open",
    means="what it does not say was taken from elsewhere",
    change="set the input that is named, or send the field",
)
INCOMPLETE: Final = Topic(
    slug="incomplete",
    happened="The report is not as exact as it could be",
    means="something could not be looked up, contradicts the history, or has no place in the"
    " report, which goes out with what is known",
    change="do what the warning says; most often the job lacks one of the permissions"
    " `actions: read`, `contents: read`, `deployments: read` and `pull-requests: read`",
    more="Where GitHub's records do not settle which deployment came before this one, only the"
    " commit is reported; docs/attribution.md lists the cases and what to do. Without a token, or"
    " with one that may not see the repository, nothing is looked up, and DX fills the gaps by the"
    " commit. A rate limit or an outage passes by itself. Where commits have diverged or the"
    " previous commit is gone, as after a force push, set `previous-sha` if you know it.",
)
SERVICES_NOT_TOLD: Final = Topic(
    slug="services-not-told",
    happened="DX was not told which services a pull request touches",
    means="the deployment itself was reported all the same",
    change="read what DX said; run this job again, or replay what was saved",
)
RERUN: Final = Topic(
    slug="rerun",
    happened="A run was run again, and reports with a later finish",
    means="Datadog does not document what it does with a repeated id, and an old commit that is"
    " sent late can look like a rollback",
    change="set `finished-at` to make all attempts equal",
    more="The same holds for a saved report that is replayed after a later attempt was recorded: it"
    " has an earlier finish. Of the files in `replay-path` only that of the last attempt is sent,"
    " and an attempt that is recorded removes what an earlier one saved in its workspace. Whether a"
    " later attempt elsewhere was recorded, and so left no file, a replay cannot know: delete what"
    " an earlier attempt saved once a later one went well.",
)
OLD_EVENT: Final = Topic(
    slug="old-event",
    happened="The deployment ended more than an hour ago",
    means="Datadog has refused or left out old deployments before, and documents no limit now",
    change="report right after the deployment, and look in Datadog whether this one is there",
    more="An old commit that is sent late can also look like a rollback to Datadog, which takes"
    " deployments in the order of their times. docs/backfill.md is for many past deployments.",
)
CLOCK_SKEW: Final = Topic(
    slug="clock-skew",
    happened="The runner's clock differs from the backend's, or from a time that it was given",
    means="times that the runner's clock gave are wrong by as much",
    change="let the runner set its clock by NTP, or take `finished-at` from another clock",
    more="A start that is up to five minutes later than the finish is cut back to it, since it may"
    " come from another runner's clock; one that is later still is refused. A finish that is more"
    " than two minutes ahead of the runner's clock is sent as it is: check its zone first.",
)
NOT_PRODUCTION: Final = Topic(
    slug="environment-not-production",
    happened="An environment that looks like production is reported under another name",
    means="DX counts the environment `production` for DORA metrics, and so not this one",
    change="if you wrote `environment`, write production there; else map the name, by a line of"
    " `environment-map` or in `.github/dora.yml`",
    more="An `environment` that is written is never mapped. If the name only looks like"
    " production, a line that maps it to itself, such as `live-demo=live-demo`, ends the warning.",
)
SERVICE_NAME: Final = Topic(
    slug="service-name",
    happened="A service is not written as Datadog's catalogue writes names",
    means="the deployment is recorded for a service of that name, which may be another one or none",
    change="write the name as Datadog shows it",
    more="Datadog writes service names in lower case. For all marks in a row but letters, digits,"
    " `-`, `.`, `/` and `:` it writes one `_`, and none at the end.",
)
DUPLICATE_SOURCE: Final = Topic(
    slug="duplicate-source",
    happened="Something else may report the same deployments",
    means="each deployment would count twice",
    change="keep one source for each service",
    more="DX: the GitHub Deployments connector makes deployments of GitHub's own, so turn it off"
    " for the repositories that report by this action. Datadog: in the settings of DORA Metrics,"
    " choose the API as the source of deployments, and not APM deployment tracking.",
)
STARTS_NOTHING: Final = Topic(
    slug="github-token-starts-nothing",
    happened="The event was caused with GITHUB_TOKEN",
    means="what a workflow does with its `GITHUB_TOKEN` starts no other workflow",
    change="do it with the token of an app, or report at the end of the job that deploys",
    more="`workflow_dispatch` and `repository_dispatch` are the exceptions that GitHub makes. A"
    " status, a release, a tag or a merge by `github-actions[bot]` is none.",
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
# By the reasons of the output `reason`.
SKIPPED: Final = {topic.slug: topic for topic in _SKIPPED}


def about_input(name: str, words: str, topic: Topic = BAD_INPUT) -> Note:
    """Return what is wrong or odd with the input of that name, in words that follow the name."""
    return Note(text=f"`{name}` {words}", topic=topic, input=name)
