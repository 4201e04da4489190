#!/usr/bin/env bash
# Makes the action its own Python environment, once a job, and then becomes the action.
set -euo pipefail
SECONDS=0 # counts from here on

# Every output has a value even where the program, which writes them, never starts.
outputs() {
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf '%s\n' status=undelivered reason=internal-error rollback=false services=[] \
      merge-commit-shas=[] pull-requests=[] deployment-ids={} results=[] \
      >> "$GITHUB_OUTPUT" || true
  fi
}

# The action could not start: for the deploy that is an outage like any other.
give_up() {
  printf '::warning title=Deployment report::%s; the deployment was not reported\n' "$1"
  outputs
  shopt -s nocasematch
  if [[ "${INPUT_FAIL_ON:-}" =~ ^[[:space:]]*any[[:space:]]*$ ]]; then exit 1; fi
  exit 0
}

# Runs a command, which ends with `timeout` and with this script. Not by `timeout`: macOS has none.
child=
bounded() {
  "$@" &
  child=$!
  while [ -n "$(jobs -rp)" ] && ((SECONDS < seconds)); do sleep 0.2; done
  kill "$child" 2> /dev/null || true
  wait "$child"
}

# There may be no such command, or none any more.
trap 'kill $child 2> /dev/null || true; outputs; exit 130' INT
trap 'kill $child 2> /dev/null || true; outputs; exit 143' TERM

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=
for candidate in python3 python; do
  if "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || give_up 'No Python 3.10 or newer was found; add actions/setup-python before this step'

seconds="${INPUT_TIMEOUT:-60}"
[[ "$seconds" =~ ^[0-9]{1,3}$ ]] || seconds=60
seconds=$((10#$seconds)) # 008 is eight, and no octal number

# Named after the lock, since two versions of the action may run in one job.
lock="$here/requirements.txt"
hash='import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])'
venv="${RUNNER_TEMP:-/tmp}/dora-deployments-$("$python" -I -c "$hash" "$lock")"
interpreter="$venv/bin/python"
[ "${RUNNER_OS:-}" != Windows ] || interpreter="$venv/Scripts/python.exe"
if [ ! -e "$venv/complete" ]; then
  bounded "$python" -I -m venv "$venv" ||
    give_up "No Python environment could be made within $seconds s; is python3-venv installed?"
  bounded "$interpreter" -I -m pip install --quiet --disable-pip-version-check --no-input \
    --retries 2 --require-hashes --no-deps --only-binary :all: --requirement "$lock" ||
    give_up "The Python packages could not be installed within $seconds s; see above"
  touch "$venv/complete"
fi

# What comes before the program listens is lost, rather than ending it without outputs.
trap '' INT TERM
# `exec`, so that the runner's signals reach the program and not a shell around it.
exec "$interpreter" -I -X utf8 -u "$here/entrypoint.py" composite "$SECONDS"
