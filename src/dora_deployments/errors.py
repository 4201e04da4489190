"""What can end a run early, each with the exit code and reason that the workflow sees."""

import errno
from typing import ClassVar, Final

from dora_deployments.catalogue import (
    BAD_EVENT,
    BAD_INPUT,
    CONFIG_FILE,
    PACKAGES,
    Note,
    Topic,
    note,
)


class ActionError(Exception):
    """Something that the workflow's author can fix.

    `notes` holds one for each thing that is wrong: it names the input or field, says what is
    wrong and what to write. No secret is ever part of it. `topic` is what all of them are about;
    each kind of error has one of its own. A problem that is given as text is about that.
    """

    exit_code: ClassVar[int] = 2
    reason: ClassVar[str]
    title: ClassVar[str]
    topic: Topic

    def __init__(self, *problems: Note | str, topic: Topic | None = None) -> None:
        super().__init__(*problems)
        if topic is not None:
            self.topic = topic
        self.notes = tuple(
            note(each, self.topic) if isinstance(each, str) else each for each in problems
        )

    def __str__(self) -> str:
        return "; ".join(self.problems)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return the texts of the notes."""
        return tuple(each.text for each in self.notes)


class InputError(ActionError):
    """One or more inputs cannot be used as they are."""

    reason = "bad-input"
    title = "Bad input"
    topic = BAD_INPUT


class ConfigurationError(ActionError):
    """The inputs are well-formed, but together they configure no usable backend."""

    reason = "bad-configuration"
    title = "Bad configuration"
    topic = CONFIG_FILE


class EventError(ActionError):
    """The event does not say what was deployed, or says it in a form we cannot trust."""

    reason = "bad-event"
    title = "Bad event"
    topic = BAD_EVENT


class Skip(Exception):  # noqa: N818 - not an error: there is nothing to report
    """There is nothing to report.

    `reason` is one of the published list, `what` says why in this case, and `fix` what to do to
    have it reported, if there is anything. Both may quote foreign text. `warn` is set where
    somebody may have expected a report.
    """

    def __init__(self, reason: str, what: str, fix: str = "", *, warn: bool = False) -> None:
        super().__init__(what, fix)
        self.reason = reason
        self.what = what
        self.fix = fix
        self.warn = warn

    @property
    def explanation(self) -> str:
        """Return both halves as one sentence."""
        return f"{self.what}; {self.fix}" if self.fix else self.what


class HeldBackError(Exception):
    """A report would be a guess until something can be read; the message says what is missing."""

    def __init__(self, message: str, *, topic: Topic) -> None:
        super().__init__(message)
        self.topic = topic


class PackagesError(Exception):
    """The packages that this run needs cannot be had; the message says why, and what to do.

    `topic` is `PACKAGES_UNAVAILABLE` where another run would end the same way.
    """

    def __init__(self, message: str, *, topic: Topic = PACKAGES) -> None:
        super().__init__(message)
        self.topic = topic


class Interrupted(BaseException):
    """The runner cancels the job: SIGINT or SIGTERM arrived.

    A `BaseException`, as `KeyboardInterrupt` is, so that nothing on the way swallows it.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


# What to do where the system lets nobody write; anything else is most often a permission.
_PERMIT: Final = "let the step's user write there"
_FIXES: Final = {
    errno.ENOSPC: "make room on that disk",
    getattr(errno, "EDQUOT", -1): "make room in that user's quota",
    errno.EROFS: "mount it so that the step can write there",
    errno.EIO: "look after that disk",
    errno.EFBIG: "raise the limit of that user on the size of files",
    errno.ENAMETOOLONG: "write a shorter path",
    errno.EISDIR: "remove the folder that is in its place",
    errno.ENOTDIR: "remove the file that is in the place of a folder",
}


def why_unwritable(error: OSError) -> str:
    """Return what keeps us from writing, in the system's words, and what to do about it."""
    return f"{error.strerror}; {_FIXES.get(error.errno or 0, _PERMIT)}"
