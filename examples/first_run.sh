#!/usr/bin/env bash
# A population from birth to exam: what `make run` shows. The project is workspace/demo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH:$HOME/.cargo/bin"

project=${1:-workspace/demo}
agents=${AGENTS:-100}
cycles=${CYCLES:-30}

say() {
    printf '\n$ %s\n' "$*"
    "$@"
}

if [ -e "$project" ]; then
    if [ ! -e "$project/evolve.toml" ]; then
        echo "$project is there already and is no project; name another folder" >&2
        exit 2
    fi
    evolve stop --project "$project" >/dev/null 2>&1 || true
    rm -rf "$project"
fi

say evolve new "$project"
say evolve init "$agents" --seed 7 --project "$project"
say evolve life-cycle --cycles "$cycles" --project "$project"

printf '\n$ evolve exam --project %s\n' "$project"
evolve exam --json --project "$project" >"$project/workspace/exam.json"
evolve status --json --project "$project" >"$project/workspace/status.json"
python examples/summary.py "$project"

task=$(dirname "$project")/demo-task
rm -rf "$task"
say evolve new "$task" --task python
say evolve improve "$task" --candidates "${CANDIDATES:-400}"
say evolve best --project "$task/evolve_output"
