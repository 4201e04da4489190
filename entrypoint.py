"""Run the action: `python -I -X utf8 -u entrypoint.py`."""

import os
import sys
from pathlib import Path

# With -I neither the working directory nor PYTHONPATH is searched, so name our own source.
sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from dora_deployments.main import main

if __name__ == "__main__":
    sys.exit(main(os.environ))
