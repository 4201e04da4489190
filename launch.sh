#!/usr/bin/env bash
# Makes the action its own Python environment, once a job, and then becomes the action.
set -euo pipefail

# The action could not start: for the deploy that is an outage like any other.
give_up() {
  printf '::warning title=Deployment report::%s; the deployment was not reported\n' "$1"
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'status=undelivered\nreason=internal-error\n' >> "$GITHUB_OUTPUT"
  fi
  if [ "${INPUT_FAIL_ON:-config}" = any ]; then exit 1; fi
  exit 0
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=
for candidate in python3 python; do
  if "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || give_up 'No Python 3.10 or newer was found; add actions/setup-python before this step'

venv="${RUNNER_TEMP:-/tmp}/dora-deployments"
interpreter="$venv/bin/python"
[ "${RUNNER_OS:-}" != Windows ] || interpreter="$venv/Scripts/python.exe"
if [ ! -e "$venv/complete" ]; then
  "$python" -I -m venv "$venv" || give_up 'No Python environment could be made (python3-venv is missing?)'
  "$interpreter" -I -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --no-deps --only-binary :all: --requirement "$here/requirements.txt" \
    || give_up 'The Python packages could not be installed'
  touch "$venv/complete"
fi

# `exec`, so that the runner's signals reach the program and not a shell around it.
exec "$interpreter" -I -X utf8 -u "$here/entrypoint.py"
