# What the demos share; sourced by demo.sh and demo-hosts.sh, which are in the repository's folder then.
repository=$PWD

bold='' dim='' green='' reset=''
if { [ -t 1 ] || [ -n "${FORCE_COLOR:-}" ]; } && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' reset=$'\e[0m'
fi
say() { printf '\n%s# %s%s\n' "$dim" "$*" "$reset"; }
# Shows a command as a user would type it, then runs it.
run() {
  printf '%s$ %s%s\n' "$bold" "$*" "$reset"
  "$@"
}
acs() { node "$repository/bin/run.js" "$@"; }
