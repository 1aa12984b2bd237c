#!/usr/bin/env bash
# A new project whose genes use the crate libm. Then: evolve init 20 --project DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH="$here/../../.venv/bin:$PATH"

project=${1:?the folder of the new project}
crate=libm
version=0.2.16

evolve new "$project"
cp "$here/special.rs" "$project/agent_template/src/genes/"
printf '\n[dependencies]\n%s = "=%s"\n' "$crate" "$version" >>"$project/agent_template/Cargo.toml"
sed -i "/^\[crates\]/a $crate = \"$version\"" "$project/evolve.toml"
