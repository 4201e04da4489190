"""A history as GitHub hosts it: its name, who may read what, and the forms of ids and times."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tests.end_to_end.github.history import History, PullRequest

READS: Final = frozenset({"contents", "pull-requests", "deployments", "actions"})
"""What a token may be allowed to read, in the words of a workflow's `permissions`."""

WEB: Final = "https://github.com"
FORBIDDEN: Final = "Resource not accessible by integration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """One repository and what the token may read of it; `former` is its name before."""

    history: History
    slug: str
    former: str | None
    id: int
    private: bool
    permissions: frozenset[str]

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{WEB}/{self.slug}"

    def may(self, permission: str) -> bool:
        """Tell whether the token may read this; what is public everybody may."""
        return not self.private or permission in self.permissions

    def run_url(self, run_id: int) -> str:
        """Return the page of a workflow run."""
        return f"{self.url}/actions/runs/{run_id}"

    def is_named(self, slug: str) -> bool:
        """Compare with the name now; names of repositories have no case."""
        return slug.lower() == self.slug.lower()

    def was_named(self, slug: str) -> bool:
        """Compare with the name before."""
        return self.former is not None and slug.lower() == self.former.lower()

    def slug_of(self, pull: PullRequest) -> str:
        """Return the repository into which a pull request goes."""
        return pull.repository or self.slug

    def id_of(self, slug: str) -> int:
        """Return the repository's id; another one's is made up of its name."""
        if self.is_named(slug):
            return self.id
        return int.from_bytes(hashlib.sha256(slug.lower().encode()).digest()[:3], "big")

    def node_id(self, kind: str, database_id: int) -> str:
        """Return a node id such as `PR_kwDOIJ9Ix86M10xO`: MessagePack of both ids, in base 64."""
        packed = b"\x93\x00\xce" + self.id.to_bytes(4, "big") + b"\xce"
        return f"{kind}_{_base64(packed + database_id.to_bytes(4, 'big'))}"

    def git_node_id(self, kind: str, name: str) -> str:
        """Return the node id of a git object or ref, which have no database id."""
        packed = b"\x93\x00\xce" + self.id.to_bytes(4, "big") + b"\xda"
        text = name.encode()
        return f"{kind}_{_base64(packed + len(text).to_bytes(2, 'big') + text)}"


def repository_node_id(database_id: int) -> str:
    """Return a repository's node id, such as `R_kgDOCyMeLQ`."""
    return f"R_{_base64(bytes([0x92, 0x00, 0xCE]) + database_id.to_bytes(4, 'big'))}"


def blob_sha(content: bytes) -> str:
    """Return the SHA that git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def iso(moment: datetime) -> str:
    """Write a time as GitHub does: in UTC, in whole seconds, with a Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")
