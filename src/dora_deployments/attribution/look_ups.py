"""What GitHub's API can be asked, for those who ask."""

from typing import Protocol


class LookUps(Protocol):
    """What GitHub's API can be asked; every answer may be a `LookUpError` instead."""

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch."""

    def commit(self, repository: str, abbreviated: str) -> str:
        """Return the full SHA that a short one stands for."""

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that a tag points to."""

    def peeled(self, repository: str, sha: str) -> str:
        """Return the SHA of the commit behind a tag object, or of a commit itself."""

    def merge_commit(self, repository: str, number: int) -> str:
        """Return the SHA by which a pull request landed."""


class LookUpError(Exception):
    """A question has no answer; the message says why, in our own words."""
