"""The backfill at scale: a stand-in for GitHub with a long made-up history, and what it shows.

`made` makes the history, `graph` knows what is reachable, `served` answers for both as GitHub
would, `live` asks the live path, and `__main__` runs the action against all of it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "src"))
