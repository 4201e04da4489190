"""What the past events are read by, in a few words."""

from dora_deployments.backfill.meaning import Terms
from tests.builders import NOW, inputs, run

REPOSITORY = {"full_name": "acme/shop", "id": 186853261, "default_branch": "main"}


def terms_of(source, config=None, /, **given):
    """Return the terms for a source, with these inputs."""
    return Terms.of(source, inputs(mode="backfill", **given), run(), config, REPOSITORY, NOW)
