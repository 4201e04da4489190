"""The headline of a run that went through all stages: what happened to the changes."""

from dora_deployments.actions.text import count
from dora_deployments.attribution.resolve import Resolved
from dora_deployments.report import changes
from dora_deployments.report.account import Account, status_of
from dora_deployments.report.words import capital, listed


def headline(account: Account) -> str:
    """Return the news in one sentence.

    It says that something happened only if it did, and that it was reported only if it was.
    May quote foreign text.
    """
    if account.backfilled is not None:
        from dora_deployments.report import past

        return past.headline(account, account.backfilled)
    if account.resolved is not None:
        news = (_deployed if account.resolved.deployments else _touched)(account.resolved)
    else:
        news = _sent_again(len(account.deliveries))
    refused = count(len(account.refused), "file")
    more = f"; {refused} not sent" if account.refused else ""
    if account.left:
        left = f"{count(len(account.left), 'file')} left for another run"
        if not account.deliveries:
            return f"Nothing was sent again: {left}"
        more += f"; {left}"
    return _told(account, *news) + more


def _told(account: Account, happened: str, report: str) -> str:
    """Return what became of the `report` that tells what `happened`."""
    if account.is_dry_run:
        if any(delivery.requests for delivery in account.deliveries):
            return f"{capital(report)} would be reported; nothing was sent"
        return f"Would not be reported: {report}"
    status = status_of(account.outcomes)
    if status == "delivered":
        return happened
    if status == "skipped":
        return f"{happened}; no backend takes it"
    lacking: dict[str, list[str]] = {}
    for outcome in account.outcomes:
        if outcome.is_missing:
            lacking.setdefault(outcome.backend, []).append(outcome.service)
    if status == "partial":
        lacks = (f"{backend} lacks {listed(names)}" for backend, names in lacking.items())
        return f"{happened}, but {', and '.join(lacks)}"
    refusing = {each.backend for each in account.outcomes if each.status == "rejected"}
    rejected = [backend for backend in lacking if backend in refusing]
    others = [backend for backend in lacking if backend not in refusing]
    why = [f"rejected by {listed(rejected)}"] if rejected else []
    why += [f"not delivered to {listed(others)}"] if others else []
    return f"{capital(', '.join(why))}: {report}"


def _deployed(resolved: Resolved) -> tuple[str, str]:
    """Return what happened, as a sentence, and the same as what a report is of."""
    commit, shipped = resolved.commit_sha.value[:7], resolved.shipped
    services = resolved.services.value
    names = listed([each.service.identifier for each in services])
    where = resolved.environment.value
    if shipped.is_rollback and shipped.previous is not None:
        before = shipped.previous.value[:7]
        happened = f"Commit {commit} of {names} is back in {where}, a rollback from {before}"
        report = f"rollback of {names} in {where} from {before} to {commit}"
    elif shipped.is_redeployment:
        happened = f"Commit {commit} of {names} was deployed to {where} again, without changes"
        report = f"redeployment of commit {commit} of {names} to {where}"
    elif which := _changes(resolved):
        lead = changes.lead_time_of(changes.carried(resolved), resolved.finished_at.value)
        # One that carries none was deployed as well, but no change reached it.
        changed = [each for each in services if each.pulls] or services
        names = listed([each.service.identifier for each in changed])
        happened = f"{capital(which)} in {names} reached {where}{lead}"
        report = f"deployment of {which} in {names} to {where}"
    else:
        happened = f"Commit {commit} of {names} reached {where}{_since(resolved)}"
        report = f"deployment of commit {commit} of {names} to {where}"
    if resolved.success.value:
        return happened, f"the {report}"
    return f"The {report} failed", f"the failed {report}"


def _changes(resolved: Resolved) -> str:
    """Return which changes there are, or nothing if none is known."""
    pulls, since = changes.carried(resolved), resolved.shipped.range
    if since is not None and since.missing is not None:
        return f"at least {count(len(pulls), 'change')}" if pulls else ""
    if not pulls and since is None:  # else none, or those that an input names
        return count(len(named), "change") if (named := resolved.merge_commit_shas) else ""
    if len(pulls) == 1:
        return f"change #{pulls[0].number}"
    return count(len(pulls), "change") if pulls else ""


def _since(resolved: Resolved) -> str:
    """Return what is known of what came since the commit before, where that is no change."""
    shipped = resolved.shipped
    previous, since = shipped.previous, shipped.range
    if shipped.uncertainty is not None:
        return ", its changes not certain"
    if previous is None and shipped.is_first:
        return ", the first deployment there that GitHub knows of"
    if since is None and shipped.merged is not None:  # it has a change, but one that counts not
        return ""
    if previous is None or since is None or since.missing is not None:
        return ", its changes unknown"
    if since.landed or not since.commits:
        return ""
    return f", with {count(since.commits, 'commit')} and no pull request since {previous.value[:7]}"


def _touched(resolved: Resolved) -> tuple[str, str]:
    """Return the same of a run that only tells which services a pull request touches."""
    merged, services = resolved.shipped.merged, resolved.services.value
    pull = "the pull request" if merged is None else f"pull request #{merged.number}"
    if any(each.is_touched is None for each in services):
        return f"Nobody knows which services {pull} touches", f"which services {pull} touches"
    touches = f"{pull} touches {listed([each.service.identifier for each in services])}"
    return capital(touches), f"that {touches}"


def _sent_again(number: int) -> tuple[str, str]:
    reports = count(number, "saved report")
    return f"{reports} {'was' if number == 1 else 'were'} sent again", reports
