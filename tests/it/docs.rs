//! The documents say what is there.

mod evidence;
mod types;

use std::fs;
use std::path::Path;

const PAGE: &str = "docs/evidence.md";

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_documented_flake_is_the_template() {
    let flake = read("nix/templates/default/flake.nix");
    assert!(
        read("docs/nix.md").contains(&format!("```nix\n{flake}```\n")),
        "docs/nix.md shows another flake"
    );
}
