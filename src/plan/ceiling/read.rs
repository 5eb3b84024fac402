//! Gets the text of a ceiling's file, which must be of somebody who may say such a thing, and reads it.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::Ceiling;
use super::file::{CeilingFile, CommitterFile, ceiling_schema, resolve};
use crate::plan::fault::{Fault, Faults, Findings};
use crate::plan::place::Place;
use crate::plan::read::{LARGEST, decode};
use crate::plan::shape;
use crate::plan::tree::{self, Node, Value};

/// What a file may look like that says little.
const SMALLEST: &str = "the smallest one: `{network: none}`; to bound nothing, remove the file";

/// Who must have written the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// Root alone.
    Root,
    /// This user, or root.
    User(u32),
}

/// Loads a ceiling; nothing if there is no file.
pub fn load_ceiling(path: &Path, keeper: Keeper) -> Result<Option<Ceiling>, Faults> {
    match bytes(path, keeper)? {
        Some(bytes) => parse_ceiling(&bytes, path).map(Some),
        None => Ok(None),
    }
}

/// Makes a ceiling of the bytes of a file. Touches no system.
pub fn parse_ceiling(bytes: &[u8], path: &Path) -> Result<Ceiling, Faults> {
    let source = decode(path, bytes)?;
    let mut findings = Findings::new(&source);
    let Some(root) = tree::build(&mut findings) else {
        return Err(said_of_a_ceiling(findings.into_faults()));
    };
    if !matches!(root.value, Value::Map(_)) {
        findings.add(root.mark, "this is no ceiling: a ceiling is a map of keys and values", SMALLEST);
        return Err(findings.into_faults());
    }
    shape::check(ceiling_schema(), &root, Place::Ceiling, &mut findings);
    if !findings.is_empty() {
        return Err(said_of_a_ceiling(findings.into_faults()));
    }
    twice(&root, &mut findings);
    if !findings.is_empty() {
        return Err(findings.into_faults());
    }
    let mut file: CeilingFile = serde_json::from_value(root.to_json()).map_err(|error| {
        let message = format!("the file cannot be read: {error}");
        Faults::from(Fault::of_file(path, message, "this is a bug in autopilot: please report it"))
    })?;
    let digest = Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let committer = file.committer.take().map(CommitterFile::resolve);
    Ok(Ceiling { path: path.to_owned(), digest, rules: resolve(file), committer, lines: lines(&root) })
}

/// Finds models that have two prices: which one is meant, nobody can say.
fn twice(root: &Node, findings: &mut Findings<'_>) {
    let prices = root.entry("prices").map(|entry| entry.node.items()).unwrap_or_default();
    let mut known = Vec::new();
    for price in prices {
        let Some(model) = price.entry("model").and_then(|entry| entry.node.text()) else { continue };
        if known.contains(&model) {
            let message = format!("model `{model}` has two prices");
            findings.add(price.mark, message, "leave the one that holds");
        }
        known.push(model);
    }
}

/// Returns the line of each key, and of each key below one.
fn lines(root: &Node) -> std::collections::BTreeMap<String, usize> {
    let below = |key: &str, node: &Node| -> Vec<(String, usize)> {
        node.entries().iter().map(|entry| (format!("{key}.{}", entry.key), entry.mark.line)).collect()
    };
    let all = root.entries().iter().flat_map(|entry| {
        let mut lines = below(&entry.key, &entry.node);
        lines.push((entry.key.clone(), entry.mark.line));
        lines
    });
    all.collect()
}

/// The reader speaks of plans.
fn said_of_a_ceiling(faults: Faults) -> Faults {
    let reword = |fault: Fault| {
        let (message, hint) = (fault.message.clone(), fault.hint.clone());
        match message.as_str() {
            "the file holds no plan" => fault.reworded("the file says nothing", SMALLEST),
            _ => fault.reworded(
                message.replace("this plan", "this file"),
                hint.replace("no plan needs", "nobody needs"),
            ),
        }
    };
    Faults::new(Vec::from(faults).into_iter().map(reword).collect())
}

/// Reads the bytes of the file; only a regular file of a sane size, and never waiting.
fn bytes(path: &Path, keeper: Keeper) -> Result<Option<Vec<u8>>, Faults> {
    let fault = |message: String, hint: String| Faults::from(Fault::of_file(path, message, hint));
    let what = "nothing runs before what bounds it is known";
    // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()).map(File::from) {
        Ok(file) => file,
        // A link that leads nowhere is something that somebody meant.
        Err(Errno::NOENT | Errno::NOTDIR) if path.symlink_metadata().is_err() => return Ok(None),
        Err(Errno::NOENT) => {
            let hint = "lay the file there, or remove the link".to_owned();
            return Err(fault("the file is a link that leads nowhere".into(), hint));
        }
        Err(errno) => {
            let hint = format!("let the user who starts autopilot read it: {what}");
            return Err(fault(format!("the file cannot be opened: {}", errno.kind()), hint));
        }
    };
    let unreadable =
        |error: std::io::Error| fault(format!("the file cannot be read: {error}"), what.to_owned());
    let meta = file.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err(fault("this is not a regular file".into(), "write the rules to a file".into()));
    }
    keep(path, &meta, keeper)?;
    let mut bytes = Vec::new();
    // One byte more than allowed shows a file that grows or whose length is not told.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(fault("the file is larger than 1MiB".into(), "no ceiling needs that".into()));
    }
    Ok(Some(bytes))
}

/// Demands that the file, and the folder that it is in, can be changed by nobody else.
fn keep(path: &Path, file: &std::fs::Metadata, keeper: Keeper) -> Result<(), Faults> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let parent = std::fs::metadata(folder)
        .map_err(|error| Fault::of_file(path, format!("{}: {error}", folder.display()), ""))?;
    for (what, meta, shown) in [("the file", file, path), ("its folder", &parent, folder)] {
        let is_kept = match keeper {
            Keeper::Root => meta.uid() == 0,
            Keeper::User(uid) => meta.uid() == uid || meta.uid() == 0,
        };
        let shown = shown.display();
        let (who, owner) = match keeper {
            Keeper::Root => ("root", "root".to_owned()),
            Keeper::User(uid) => ("you", uid.to_string()),
        };
        if !is_kept {
            let message = format!("{what} belongs to the user {}, who is not {who}", meta.uid());
            return Err(Fault::of_file(
                path,
                message,
                format!("`chown {owner} {shown}`, once you have read it"),
            )
            .into());
        }
        if meta.mode() & 0o022 != 0 {
            let message = format!("{what} can be written by others (mode {:o})", meta.mode() & 0o7777);
            return Err(Fault::of_file(
                path,
                message,
                format!("`chmod go-w {shown}`, once you have read it"),
            )
            .into());
        }
    }
    Ok(())
}
