//! Loads a plan: read → decode → build the tree → check its shape → check the rules → resolve → look for warnings.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::agents;
use super::fault::{Fault, Faults, Findings};
use super::file::PlanFile;
use super::place::Place;
use super::proof_places::ProofPlaces;
use super::quote::quote;
use super::resolve::{self, Origin};
use super::source::{Mark, Source};
use super::tree::{self, Node, Value};
use super::{Asked, Plan, hint, read, rules, schema, shape, warn};

/// A plan without faults, and what is legal in it and foolish.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// What is legal and foolish, in the order of its places.
    pub warnings: Vec<Fault>,
    /// Where the plan asks for what.
    pub asked: Asked,
    /// Where steps ask for a proof.
    pub proofs: Vec<ProofPlaces>,
    /// Each `NAME` that is let through: what to say if it is not set.
    inherited: Vec<(String, Fault)>,
    /// Each file beside the plan that it names: what to say of it.
    attached: Vec<(PathBuf, Fault)>,
}

impl Loaded {
    /// Returns a warning for each variable that `env` lets through and that is not set.
    pub fn unset(&self, is_set: impl Fn(&str) -> bool) -> Vec<Fault> {
        self.inherited.iter().filter(|(name, _)| !is_set(name)).map(|(_, fault)| fault.clone()).collect()
    }
}

/// Loads a plan from a file; `issue` is the issue it must be for.
pub fn load(path: &Path, issue: Option<u64>) -> Result<Loaded, Faults> {
    load_as(path, path, issue)
}

/// The same for a copy of a plan: where it stands in what is said is not where it lies.
pub fn load_as(path: &Path, shown: &Path, issue: Option<u64>) -> Result<Loaded, Faults> {
    let bytes = read::read(path)?;
    let folder = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    let loaded = parse(&bytes, shown, folder, issue)?;
    let faults = missing(folder, &loaded.attached);
    let Plan { issue, steps, digest, .. } = &loaded.plan;
    tracing::debug!(path = %shown.display(), issue, steps = steps.len(), sha256 = digest, "a plan is read");
    if faults.is_empty() { Ok(loaded) } else { Err(Faults::new(faults)) }
}

/// Looks for the files beside the plan that it names: a missing patch is better known before step 1.
fn missing(folder: &Path, attached: &[(PathBuf, Fault)]) -> Vec<Fault> {
    let faults = attached.iter().filter_map(|(path, fault)| {
        let (message, hint) = read::look_beside(folder, path).err()?;
        Some(fault.clone().reworded(format!("{} {message}", quote(&path.to_string_lossy())), hint))
    });
    faults.collect()
}

/// Makes a plan of the bytes of a file. Touches no system.
pub fn parse(bytes: &[u8], path: &Path, folder: &Path, issue: Option<u64>) -> Result<Loaded, Faults> {
    let source = read::decode(path, bytes)?;
    let mut findings = Findings::new(&source);
    let Some(root) = tree::build(&mut findings) else { return Err(findings.into_faults()) };
    if !matches!(root.value, Value::Map(_)) {
        findings.add(root.mark, "this is no plan: a plan is a map of keys and values", hint::SMALLEST);
        return Err(findings.into_faults());
    }
    shape::check(schema(), &root, Place::Plan, &mut findings);
    let order = rules::check(&root, issue, &mut findings);
    let (Some(order), true) = (order, findings.is_empty()) else { return Err(findings.into_faults()) };
    let digest =
        Sha256::digest(bytes).iter().fold(String::new(), |digest, byte| digest + &format!("{byte:02x}"));
    let lines =
        root.get("steps").map(Node::items).unwrap_or_default().iter().map(|step| step.mark.line).collect();
    let file = read_file(&source, &root)?;
    let plan = resolve::resolve(file, Origin { path, folder, digest, lines, order });
    let warnings = warn::look(&source, &root, &plan).into();
    Ok(Loaded {
        plan,
        warnings,
        asked: Asked::of(path, &root),
        proofs: ProofPlaces::all(&source, &root),
        inherited: warn::inherited(&source, &root),
        attached: attached(&source, &root),
    })
}

/// Returns the files beside the plan that it names, each with its place.
fn attached(source: &Source, root: &Node) -> Vec<(PathBuf, Fault)> {
    let steps = root.get("steps").map(Node::items).unwrap_or_default();
    let nodes = steps.iter().filter_map(|step| {
        step.get("apply").or_else(|| agents::keys().find_map(|agent| step.get(agent)?.get("prompt_file")))
    });
    let at = |node: &Node| Some((PathBuf::from(node.text()?), Fault::at(source, node.mark, "", "")));
    nodes.filter_map(at).collect()
}

/// Reads the checked tree into the types. What fails here is a gap between the schema and the types.
fn read_file(source: &Source, root: &Node) -> Result<PlanFile, Faults> {
    serde_json::from_value(root.to_json()).map_err(|error| {
        let fault = Fault::at(
            source,
            Mark::START,
            format!("the plan cannot be read: {error}"),
            "this is a bug in autopilot: please report it",
        );
        fault.into()
    })
}
