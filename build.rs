//! Builds the small program that is the confined side of a launch (crates/init), for the main one to carry.
//!
//! Static, at a fixed address and without a loader it starts in a third of the time. For musl where that target is
//! installed, else for the host's own libc if that can be linked to statically; else the main program is the confined
//! side itself. By a cargo in a cargo: a dependency that is a program takes a nightly one. Nothing is downloaded.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

type Done<T> = Result<T, Box<dyn Error>>;

const NAME: &str = "autopilot-init";

fn main() -> Done<()> {
    for path in ["build.rs", "crates/init/Cargo.toml", "crates/init/src", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={path}");
    }
    let out = PathBuf::from(variable("OUT_DIR")?);
    let how = if let Some(target) = target(&out)? {
        fs::copy(build(&target, &out)?, out.join(NAME))?;
        format!("for {target}")
    } else {
        fs::write(out.join(NAME), "")?;
        let musl = musl()?;
        format!("the build could link nothing statically (`rustup target add {musl}`, and build it anew)")
    };
    println!("cargo:rustc-env=AUTOPILOT_INIT={how}");
    Ok(())
}

/// Returns what the small program can be built for: tried with an empty one.
fn target(out: &Path) -> Done<Option<String>> {
    let empty = out.join("empty.rs");
    fs::write(&empty, "fn main() {}\n")?;
    for target in [musl()?, text("TARGET")?] {
        let mut rustc = Command::new(variable("RUSTC")?);
        rustc.args(["--target", &target]).args(flags()).arg("-o").arg(out.join("empty")).arg(&empty);
        if rustc.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
            return Ok(Some(target));
        }
    }
    Ok(None)
}

fn musl() -> Done<String> {
    Ok(format!("{}-unknown-linux-musl", text("CARGO_CFG_TARGET_ARCH")?))
}

/// Returns how it is linked: static, and at a fixed address, so that nothing is to be relocated when it starts.
fn flags() -> [&'static str; 4] {
    ["-C", "target-feature=+crt-static", "-C", "relocation-model=static"]
}

/// Builds it; returns where it lies.
fn build(target: &str, out: &Path) -> Done<PathBuf> {
    let top = variable("CARGO_MANIFEST_DIR")?;
    // One for all profiles: it is built once, whether the main program is checked, tested or released.
    let folder = out.ancestors().nth(4).ok_or("OUT_DIR is not where cargo has it")?.join("init");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.current_dir(&top).args(["build", "--locked", "--offline", "--profile", "init", "--package", NAME]);
    cargo.args(["--bin", NAME, "--target", target, "--target-dir"]).arg(&folder);
    // What was set for the main program (another linter, flags, a profile) is not for this one.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let is_of_build =
            text.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_NET_OFFLINE"].contains(&&*text);
        if is_of_build || text.starts_with("RUSTC") || text == "RUSTFLAGS" || text == "RUSTDOCFLAGS" {
            cargo.env_remove(&name);
        }
    }
    cargo.env("RUSTC", variable("RUSTC")?).env("CARGO_ENCODED_RUSTFLAGS", encoded(&top));
    if !cargo.status()?.success() {
        return Err(format!("{NAME} could not be built for {target}").into());
    }
    Ok(folder.join(target).join("init").join(NAME))
}

/// Returns rustc's flags as cargo takes them. No path of this host gets into the program: it is the same from wherever it
/// is built.
fn encoded(top: &OsString) -> OsString {
    let home = env::var_os("CARGO_HOME")
        .map_or_else(|| Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cargo"), PathBuf::from);
    let mut all = OsString::from(flags().join("\u{1f}"));
    for (from, to) in [(home.as_os_str(), "cargo"), (top.as_os_str(), ".")] {
        all.push("\u{1f}--remap-path-prefix=");
        all.push(from);
        all.push("=");
        all.push(to);
    }
    all
}

fn variable(name: &str) -> Done<OsString> {
    env::var_os(name).ok_or_else(|| format!("cargo sets no {name}").into())
}

fn text(name: &str) -> Done<String> {
    variable(name)?.into_string().map_err(|_| format!("{name} is no text").into())
}
