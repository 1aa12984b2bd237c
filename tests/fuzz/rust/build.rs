//! Lists the modules of the keeper, which is a program and so no crate to depend on.

use std::{env, fs, path::Path};

fn main() {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../../../evolve_ai/keeper/src");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut modules = String::new();
    for file in fs::read_dir(&folder).expect("the keeper's sources") {
        let path = file.expect("a file").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_string();
        if name != "main" {
            modules += &format!("#[path = {path:?}]\nmod {name};\n");
        }
    }
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("keeper.rs");
    fs::write(out, modules).expect("room for a file");
}
