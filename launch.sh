#!/usr/bin/env bash
# Finds a Python and becomes the action, which brings everything else itself. Starts no unnecessary
# program, because every use of the action begins here. Keep to bash 3.2, which macOS has.
set -u
# An earlier step may have set POSIXLY_CORRECT, or SHELLOPTS, BASHOPTS or GLOBIGNORE, which can hide
# the tool cache.
set +f +o posix
shopt -u failglob
unset GLOBIGNORE
unset PYTHONEXECUTABLE __PYVENV_LAUNCHER__ # by which Python would take itself for another file
SECONDS=0
here="${BASH_SOURCE[0]%/*}"

# Every output has a value even where the program, which writes them, never starts.
outputs() {
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf '%s\n' status=undelivered reason=internal-error rollback=false services=[] \
      merge-commit-shas=[] pull-requests=[] deployment-ids={} results=[] \
      >> "$GITHUB_OUTPUT" || true
  fi
}

# Ends the run with this exit code, and the Python with it that is being asked.
cancelled() {
  outputs
  [ -z "${pid:-}" ] || kill -9 "$pid" 2> /dev/null
  exit "$1"
}

trap 'cancelled 130' INT
trap 'cancelled 143' TERM

# All Pythons together get this many seconds to answer in, of `timeout` so much that the report has
# some left. Each gets half of what is left of them, and 10 seconds at most.
patience=36
if [[ ${INPUT_TIMEOUT:-} =~ ^[[:space:]]*([1-9][0-9]{0,2})[[:space:]]*$ ]]; then
  patience=$((BASH_REMATCH[1] * 3 / 5))
fi

# Sets `said` to the first line that a command prints; if it prints none in time, kills it and sets
# `late`. By `read -t`, since macOS has no command `timeout`.
ask() {
  local line pid='' start=$SECONDS seconds=$(( (patience - SECONDS + 1) / 2 ))
  said=''
  late=''
  [ "$seconds" -gt 0 ] || return 0
  [ "$seconds" -lt 10 ] || seconds=10
  while IFS= read -r -t "$seconds" line; do
    case $line in
      "pid "*) pid=${line#pid } ;;
      *)
        said=${line%$'\r'}
        break
        ;;
    esac
  done < <("$@" & echo "pid $!"; wait)
  if [ -z "$said" ] && [ $((SECONDS - start)) -ge "$seconds" ]; then
    late=1
    kill -9 "$pid" || true
  fi
} 2> /dev/null

# Remembers the command if it is the first Python that has all that is needed, or lacks only a
# way to install packages; of the others, remembers what they are.
python=()
without_pip=()
others=
needed=()
answer='^(Python 3\.([0-9]{1,3})\.[0-9]+)\|(.*)\|(.*)$' # of probe.py
[[ ${INPUT_MODE:-} != *backfill* ]] || needed=(sqlite3 _sqlite3)
try() {
  local what=''
  [ "${#python[@]}" = 0 ] && type -P "$1" > /dev/null || return 0
  ask "$@" -I -S "$here/probe.py" ${needed[@]+"${needed[@]}"}
  if [ -n "$late" ]; then
    what="gives no answer"
  elif ! [[ $said =~ $answer ]]; then
    # Python 2 has no -I, and the oldest of 3 cannot read the probe.
    ask "$@" -E -S -c 'import sys; print("Python %d.%d.%d" % sys.version_info[:3])'
    [[ $said =~ ^Python\ [0-9.]+$ ]] && what="is $said"
  elif [ "${BASH_REMATCH[2]}" -lt 10 ]; then
    what="is ${BASH_REMATCH[1]}"
  elif [ -n "${BASH_REMATCH[3]}" ]; then
    what="is ${BASH_REMATCH[1]} without ${BASH_REMATCH[3]}"
  elif [ -n "${BASH_REMATCH[4]}" ] || type -P uv > /dev/null || has_pip "$@"; then
    python=("$@")
  elif [ "${#without_pip[@]}" = 0 ]; then
    without_pip=("$@")
  fi
  # The name of a folder may hold anything, a line break and a workflow command as well.
  [ -z "$what" ] || others="$others; ${*//[^A-Za-z0-9 ._\/:-]/_} ${what//[^A-Za-z0-9 ._,]/_}"
}

has_pip() {
  ask "$@" -I -c 'import pip; print("pip")'
  [ "$said" = pip ]
}

# The first Python that an earlier step of this job has asked, on the same search path, need not be
# asked again. A file that another step wrote there can only save the question.
asked="${PATH//$'\n'/ } ${needed[*]-}"
known="${RUNNER_TEMP:-/nowhere}/dora-deployments-python"
if [ -f "$known" ] && IFS= read -r said < "$known" && [ "$said" = "$asked" ]; then
  python=(python3)
fi
try python3
if [ "${python[*]-}" = python3 ] && [ ! -e "$known" ] && [ ! -L "$known" ]; then
  printf '%s\n' "$asked" > "$known" || true
fi 2> /dev/null
try python
try py -3
for minor in {10..29}; do
  try "python3.$minor"
done
for file in "${RUNNER_TOOL_CACHE:-/nowhere}"/Python/3.*/*/{bin/python3,python.exe}; do
  try "$file"
done
# Its packages may have been installed before; else the program says what to do.
[ "${#python[@]}" != 0 ] || python=(${without_pip[@]+"${without_pip[@]}"})

# The action could not start: for the deploy that is an outage like any other.
if [ "${#python[@]}" = 0 ]; then
  shopt -s nocasematch
  level=warning
  [[ "${INPUT_FAIL_ON:-}" =~ ^[[:space:]]*any[[:space:]]*$ ]] && level=error
  said="This runner has no usable Python 3.10 or newer${others:+ (${others#; })}, so the deployment\
 was not reported. Add actions/setup-python before this step, and run the job again"
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
exec "${python[@]}" -I -S -X utf8 -u "$here/entrypoint.py" composite "$SECONDS"
