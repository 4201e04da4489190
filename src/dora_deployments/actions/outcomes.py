"""How a deployment ended, in the words that deploying programs have for it."""

from typing import Final, Literal

Meaning = Literal["success", "failure", "pending", "dropped", "ended", "unknown"]

# The words of GitHub (states of deployments, conclusions of runs), Vercel (repository dispatch),
# Argo CD (operation phases, health) and Flagger (phases of a canary).
_MEANINGS: Final[dict[Meaning, frozenset[str]]] = {
    "success": frozenset(
        {
            *("true", "success", "succeeded", "successful", "ok", "passed"),
            *("ready", "promoted", "deployed", "healthy"),
        }
    ),
    "failure": frozenset(
        {
            *("false", "failure", "failed", "fail", "unsuccessful", "error", "errored"),
            *("timed out", "timeout", "aborted", "crashed", "degraded", "unhealthy"),
            *("rolled back", "startup failure"),
        }
    ),
    "pending": frozenset(
        {
            *("pending", "queued", "waiting", "requested", "created", "started", "initializing"),
            *("in progress", "progressing", "running", "building", "deploying", "promoting"),
            *("terminating", "finalising", "paused", "suspended"),
        }
    ),
    "dropped": frozenset({"cancelled", "canceled", "skipped", "ignored", "neutral", "inactive"}),
    "ended": frozenset({"completed", "complete", "done", "finished"}),
}


def meaning(word: str) -> Meaning:
    """Return what a word says of a deployment, in any capitals.

    `dropped` means that nothing was deployed, `ended` that the word does not say how.
    """
    spelt = " ".join(word.lower().replace("_", " ").replace("-", " ").split())
    return next((kind for kind, words in _MEANINGS.items() if spelt in words), "unknown")
