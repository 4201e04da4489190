#!/usr/bin/env bash
# Finds a Python and becomes the action, which brings everything else itself. Starts nothing that
# it can do without, since every use of the action begins here.
set -u
shopt -u failglob
unset PYTHONEXECUTABLE __PYVENV_LAUNCHER__ # by which Python would take itself for another file

# Every output has a value even where the program, which writes them, never starts.
outputs() {
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf '%s\n' status=undelivered reason=internal-error rollback=false services=[] \
      merge-commit-shas=[] pull-requests=[] deployment-ids={} results=[] \
      >> "$GITHUB_OUTPUT" || true
  fi
}

trap 'outputs; exit 130' INT
trap 'outputs; exit 143' TERM

# Remembers the command if it is a Python that is new enough and the first one, and what others are.
python=()
others=
try() {
  local said
  [ "${#python[@]}" = 0 ] && said=$("$@" --version 2> /dev/null) || return 0
  if [[ $said =~ ^Python\ 3\.([0-9]{1,3}) ]] && [ "${BASH_REMATCH[1]}" -ge 10 ]; then
    python=("$@")
  elif [[ $said =~ ^Python\ [0-9.]+ ]]; then
    # The name of a folder may hold anything, a line break and a workflow command as well.
    others="$others; ${*//[^A-Za-z0-9 ._\/:-]/_} is ${BASH_REMATCH[0]}"
  fi
}

try python3
try python
try py -3
for file in "${RUNNER_TOOL_CACHE:-/nowhere}"/Python/3.*/*/{bin/python3,python.exe}; do
  try "$file"
done

# The action could not start: for the deploy that is an outage like any other.
if [ "${#python[@]}" = 0 ]; then
  shopt -s nocasematch
  level=warning
  [[ "${INPUT_FAIL_ON:-}" =~ ^[[:space:]]*any[[:space:]]*$ ]] && level=error
  said="This runner has no Python 3.10 or newer${others:+ (${others#; })}, so the deployment was not\
 reported. Add actions/setup-python before this step, and run the job again"
  more=https://github.com/acme/dora-deployments/blob/v1
  from="${DORA_ACTION_REPOSITORY:-}/blob/${DORA_ACTION_REF:-}"
  if [[ "$from" =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/blob/[A-Za-z0-9_./-]+$ ]]; then
    more="${GITHUB_SERVER_URL:-https://github.com}/$from"
  fi
  more+=/docs/troubleshooting.md#no-python
  printf '::%s title=Not reported::%s. Read more: %s\n' "$level" "$said" "$more"
  printf '### Not reported\n\n%s. [Read more](%s)\n' "$said" "$more" \
    >> "${GITHUB_STEP_SUMMARY:-/dev/null}" || true
  outputs
  [ "$level" = warning ]
  exit
fi

# What comes before the program listens is lost, rather than ending it without outputs.
trap '' INT TERM
# `exec`, so that the runner's signals reach the program and not a shell around it. -S leaves out
# all that is installed beside this Python, which is none of our business.
exec "${python[@]}" -I -S -X utf8 -u "${BASH_SOURCE[0]%/*}/entrypoint.py" composite
