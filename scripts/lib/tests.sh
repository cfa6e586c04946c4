# shellcheck shell=bash
# Sourced by the scripts that run tests, behind requirements.sh.

# A test that fails among others is asked so often once more, with nothing beside it.
readonly RUNS_ALONE=10
# Where more than so many failed, none is asked again.
readonly FAILURES_ASKED_AGAIN=3

# What the runner says of a run in which there were tests, and none failed.
readonly PASSED_RUN='Test run with [1-9][0-9]* tests? .* passed'

# Runs 'swift test' with these arguments, and leaves the runner's own closing lines in `summary`.
#
# A failure counts at once, with one exception: a few tests that then pass every one of ten runs by themselves. The machine that
# runs them has two cores, real peers and other tenants, and has shown each time that the test was wrong; but nobody can know
# that beforehand. So it is said, here and in the file that SLUICE_UNSTEADY names, and is to be looked into:
# scripts/pauses finds most of the kind.
run_tests() {
  local log status=0
  # Stays where the tests fail.
  log=$(mktemp --suffix=.log)
  within 15 swift test "$@" 2>&1 | tee "$log" || status=$?
  summary=$(grep -E 'Test run with [0-9]+ tests?|Executed [0-9]+ tests?' "$log" | grep -vE 'Executed 0 tests' | awk '!seen[$0]++' || true)
  [[ -n "$summary" ]] || die "the test runner printed no summary; what it printed: $log"
  if grep -qE 'Test run with 0 tests' <<<"$summary"; then die "no test ran"; fi
  ((status == 0)) || pass_alone "$log" "$@" || die "the tests failed; what the run printed: $log"
  rm -f "$log"
}

# Whether the tests that failed in a run, of which there is the log, pass every time by themselves: pass_alone LOG ARGUMENTS...
pass_alone() {
  local log=$1 failed count round output arguments=()
  shift
  failed=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | sed -nE 's/^. Test ([A-Za-z0-9_]+)\(.* failed after .*/\1/p' | sort -u)
  count=$(grep -c . <<<"$failed") || return 1
  ((count <= FAILURES_ASKED_AGAIN)) || return 1
  while (($#)); do
    case "$1" in
      --filter | --skip) shift ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  failed=${failed//$'\n'/|}
  say "Failed: $failed. The same $RUNS_ALONE times, by themselves"
  for ((round = 1; round <= RUNS_ALONE; round++)); do
    output=$(within 5 swift test "${arguments[@]}" --no-parallel --filter "/($failed)\(" 2>&1) || {
      printf '%s\n' "$output"
      return 1
    }
    # Of the last one it stands behind the summary of the run that failed.
    output=$(grep -E "$PASSED_RUN" <<<"$output") || return 1
  done
  summary+=$'\n'$output
  local warning="warning: failed among other tests, and passed $RUNS_ALONE of $RUNS_ALONE runs alone${SLUICE_DRIVER:+, on $SLUICE_DRIVER}: $failed"
  printf '%s\n' "$warning"
  [[ -z "${SLUICE_UNSTEADY:-}" ]] || printf '%s\n' "$warning" >>"$SLUICE_UNSTEADY"
}
