//! Takes what a program is to be, and makes it by a process of its own: while the tests' process has a file open to
//! write, a child that another test starts has it too until it executes, and then nobody can execute that file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Copies the program under test.
pub(crate) fn copy_program(to: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_autopilot")).arg(to).status();
    assert!(copied.expect("cp").success(), "{}", to.display());
}

/// Writes a program of this text that everybody may execute.
pub(crate) fn write_program(path: &Path, text: &str) {
    let script = "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"";
    let written = Command::new("sh").args(["-c", script, "sh"]).arg(path).arg(text).status();
    assert!(written.expect("sh").success(), "{}", path.display());
}

/// Copies a folder with its programs.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let copied = Command::new("cp").arg("-R").arg(from.join(".")).arg(to).status();
    assert!(copied.expect("cp").success(), "{}", to.display());
}

/// Gives a folder this mode: with it others may go in.
pub(crate) fn open_folder(folder: &Path, mode: u32) {
    assert!(folder.is_dir(), "{}: programs are made by `write_program`", folder.display());
    fs::set_permissions(folder, Permissions::from_mode(mode)).expect("chmod");
}
