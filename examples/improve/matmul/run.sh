#!/usr/bin/env bash
# Evolves a matrix multiplication from the textbook's three loops, and measures what came out.
#
#     examples/improve/matmul/run.sh [SECONDS [FOLDER]]
#
# SECONDS (180) are for the search, another minute for minifying and measuring. SEED=2 draws another
# search, CANDIDATES=20 ends it earlier. FOLDER (workspace/matmul) has the search, best/matmul.cpp and
# progress.png.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
export PATH="$root/.venv/bin:$PATH"

seconds=${1:-180}
project=${2:-$root/workspace/matmul}
for program in evolve "${CC:-gcc}"; do
    command -v "$program" >/dev/null || { echo "$program is not on the PATH" >&2; exit 2; }
done
if [ -e "$project" ]; then
    [ -e "$project/workspace/registry.sqlite" ] || { echo "$project is there and is no search" >&2; exit 2; }
    rm -rf "$project"
fi

say() {
    printf '\n$ %s\n' "$*"
    "$@"
}

say evolve improve "$here" --project "$project" --for "${seconds}s" --seed "${SEED:-1}" \
    ${CANDIDATES:+--candidates "$CANDIDATES"}
say evolve best --project "$project" --export "$project/best"
say evolve best --project "$project" --diff
evolve candidates --all --json --project "$project" >"$project/candidates.json"
# The Python that runs evolve has numpy, and with it a BLAS.
python=$(head -1 "$(command -v evolve)" | sed 's/^#!//')
[ -x "$python" ] || python=python3
say "$python" "$here/report.py" "$project"
