//! The toolchains behind PATH: found by where its entries and their links lead, not by a list of names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::behind::Behind;
use super::distribution::holds_no_secret;
use super::lookup::Lookup;
use crate::policy::Cache;
use autopilot_init::own::Own;

/// Covered by the system's own folders.
const SYSTEM: [&str; 9] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/nix/store",
    "/gnu/store",
    "/run/current-system/sw",
    "/proc",
];

/// What PATH leads to.
#[derive(Debug, Default)]
pub(super) struct Toolchains {
    /// The directories of PATH that exist and may be used.
    pub(super) path: Vec<PathBuf>,
    /// The others, and why.
    pub(super) refused: Vec<(String, String)>,
    /// What has to be readable for them to work.
    pub(super) folders: Vec<PathBuf>,
    /// What programs of the system have in `/etc`.
    pub(super) config: Vec<PathBuf>,
    /// What they need to find themselves.
    pub(super) env: Vec<(String, String)>,
    /// What they have downloaded.
    pub(super) caches: Vec<Cache>,
}

/// Finds them.
pub(super) fn find(
    environment: &BTreeMap<String, String>,
    home: Option<&Path>,
    own: &[PathBuf],
) -> Toolchains {
    let mut found = Toolchains::default();
    // What cannot be looked at shows everything.
    let own = Own::find(own, Path::new("/")).ok();
    let is_apart = |lookup: &mut Lookup, path: &Path| {
        own.as_ref().is_some_and(|own| own.shown_at(lookup.leads(path)).is_none())
    };
    let checkout = checkout();
    let mut behind = Behind::new(home, checkout.as_deref(), &SYSTEM);
    let search = environment.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
    for entry in search.split(':') {
        match usable(entry, checkout.as_deref()) {
            Ok(Some(dir)) if !is_apart(&mut behind.lookup, &dir) => {
                found
                    .refused
                    .push((entry.to_owned(), "it would show steps autopilot's own files".to_owned()));
            }
            Ok(Some(dir)) if !found.path.contains(&dir) => {
                behind.directory(&dir);
                found.path.push(dir);
            }
            Ok(_) => {}
            Err(why) => found.refused.push((entry.to_owned(), why.to_owned())),
        }
    }
    let Behind { mut folders, config, mut lookup, .. } = behind;
    found.config = config.into_iter().collect();
    rustup(environment, home, &mut found, &mut folders);
    pyenv(environment, &mut found, &folders);
    mise(environment, home, &mut found, &mut folders);
    found.caches = caches(environment, home);
    found.caches.extend(user_site(&found.path, home));
    found.caches.retain(|cache| is_apart(&mut lookup, &cache.host));
    folders.retain(|folder| is_apart(&mut lookup, folder));
    // A folder inside another one is there already.
    let all: Vec<PathBuf> = folders.into_iter().collect();
    found.folders = all
        .iter()
        .filter(|each| !all.iter().any(|other| *each != other && each.starts_with(other)))
        .cloned()
        .collect();
    found
}

/// Returns the checkout that this process was started in: what lies in it is the step's own to change.
fn checkout() -> Option<PathBuf> {
    let dir = std::env::current_dir().ok()?;
    dir.ancestors().find(|each| each.join(".git").exists()).map(Path::to_owned)
}

/// Tells whether an entry of PATH may be used: `None` if there is nothing.
fn usable(entry: &str, checkout: Option<&Path>) -> Result<Option<PathBuf>, &'static str> {
    let path = Path::new(entry);
    if !path.is_absolute() {
        return Err("it is relative, so that the worktree would decide what runs");
    }
    if checkout.is_some_and(|checkout| path.starts_with(checkout)) {
        return Err("it lies in the checkout, so that a step would decide what runs");
    }
    Ok(path.is_dir().then(|| path.to_owned()))
}

/// rustup's proxies look their toolchain up in a folder that PATH does not lead to.
fn rustup(
    environment: &BTreeMap<String, String>,
    home: Option<&Path>,
    found: &mut Toolchains,
    folders: &mut BTreeSet<PathBuf>,
) {
    if !found.path.iter().any(|dir| dir.join("rustup").exists()) {
        return;
    }
    let folder = environment.get("RUSTUP_HOME").map(PathBuf::from).or_else(|| Some(home?.join(".rustup")));
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else { return };
    folders.extend(
        ["toolchains", "settings.toml"].map(|part| folder.join(part)).into_iter().filter(|p| p.exists()),
    );
    found.env.push(("RUSTUP_HOME".into(), folder.to_string_lossy().into_owned()));
    found.env.push(("RUSTUP_AUTO_INSTALL".into(), "0".into()));
    if let Some(toolchain) = environment.get("RUSTUP_TOOLCHAIN") {
        found.env.push(("RUSTUP_TOOLCHAIN".into(), toolchain.clone()));
    }
}

/// pyenv's shims look their versions up in a folder named by a variable.
fn pyenv(environment: &BTreeMap<String, String>, found: &mut Toolchains, folders: &BTreeSet<PathBuf>) {
    for name in ["PYENV_ROOT", "NVM_DIR", "VOLTA_HOME", "ASDF_DATA_DIR", "SDKMAN_DIR", "GOROOT", "JAVA_HOME"]
    {
        if let Some(value) = environment.get(name)
            && folders.iter().any(|folder| folder.starts_with(value))
        {
            found.env.push((name.into(), value.clone()));
        }
    }
}

/// mise's shims look up below HOME what is installed, and in its settings which version is meant. Settings that speak of a secret stay outside.
fn mise(
    environment: &BTreeMap<String, String>,
    home: Option<&Path>,
    found: &mut Toolchains,
    folders: &mut BTreeSet<PathBuf>,
) {
    let leads_to_it = |dir: &&PathBuf| {
        if !dir.ends_with("shims") {
            return false;
        }
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let is_link = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let mut links = entries.filter(is_link).filter_map(|entry| fs::read_link(entry.path()).ok());
        links.next().is_some_and(|to| to.file_name().is_some_and(|name| name == "mise"))
    };
    let Some(data) = found.path.iter().find(leads_to_it).and_then(|dir| dir.parent()).map(Path::to_owned)
    else {
        return;
    };
    found.env.push(("MISE_DATA_DIR".into(), data.to_string_lossy().into_owned()));
    // What is not installed is not fetched by whoever only calls it.
    found.env.push(("MISE_NOT_FOUND_AUTO_INSTALL".into(), "false".into()));
    let set = |name: &str| environment.get(name).filter(|set| !set.is_empty()).map(PathBuf::from);
    let settings =
        || set("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config"))).map(|folder| folder.join("mise"));
    let folder = set("MISE_CONFIG_DIR").or_else(settings);
    let file = set("MISE_GLOBAL_CONFIG_FILE").or_else(|| Some(folder?.join("config.toml")));
    if let Some(file) = file.filter(|file| holds_no_secret(file)) {
        found.env.push(("MISE_GLOBAL_CONFIG_FILE".into(), file.to_string_lossy().into_owned()));
        folders.insert(file);
    }
}

/// What `pip install --user` put beside its programs: Python looks for it below HOME.
fn user_site(path: &[PathBuf], home: Option<&Path>) -> Vec<Cache> {
    let Some(local) = home.map(|home| home.join(".local")).filter(|local| path.contains(&local.join("bin")))
    else {
        return Vec::new();
    };
    let versions = fs::read_dir(local.join("lib")).into_iter().flatten().flatten();
    let names = versions.filter_map(|entry| entry.file_name().into_string().ok());
    let of = |name: String| {
        let host = local.join("lib").join(&name).join("site-packages");
        let seen = Path::new(".local/lib").join(&name).join("site-packages");
        (name.starts_with("python") && host.is_dir()).then_some(Cache { name, host, seen })
    };
    names.filter_map(of).collect()
}

/// Folders of downloaded content, as each tool names them by default. Never the files beside them.
fn caches(environment: &BTreeMap<String, String>, home: Option<&Path>) -> Vec<Cache> {
    let named = |variable: &str, default: &str| {
        environment.get(variable).map(PathBuf::from).or_else(|| Some(home?.join(default)))
    };
    let mut caches = Vec::new();
    let mut add = |name: &str, host: Option<PathBuf>, seen: &str| {
        if let Some(host) = host.filter(|host| host.is_dir()) {
            caches.push(Cache { name: name.into(), host, seen: seen.into() });
        }
    };
    let cargo = named("CARGO_HOME", ".cargo");
    add("cargo-registry", cargo.as_ref().map(|folder| folder.join("registry")), ".cargo/registry");
    add("cargo-git", cargo.map(|folder| folder.join("git")), ".cargo/git");
    add("npm", named("npm_config_cache", ".npm").map(|folder| folder.join("_cacache")), ".npm/_cacache");
    let modules = environment.get("GOMODCACHE").map(PathBuf::from);
    add("go", modules.or_else(|| named("GOPATH", "go").map(|folder| folder.join("pkg/mod"))), "go/pkg/mod");
    caches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_entries_and_those_of_the_checkout_are_refused() {
        assert!(usable("bin", None).is_err());
        assert!(usable("", None).is_err());
        assert!(usable("/src/repo/node_modules/.bin", Some(Path::new("/src/repo"))).is_err());
        assert_eq!(usable("/nonexistent", None), Ok(None));
    }

    #[test]
    fn what_pip_and_mise_put_below_a_home_is_found_from_another_one() {
        let top = tempfile::tempdir().unwrap();
        let home = top.path().canonicalize().unwrap();
        let data = home.join(".local/share/mise");
        let site = home.join(".local/lib/python3.11/site-packages");
        for folder in [&data.join("shims"), &site, &home.join(".local/bin"), &home.join(".config/mise")] {
            fs::create_dir_all(folder).unwrap();
        }
        std::os::unix::fs::symlink("/usr/bin/mise", data.join("shims/node")).unwrap();
        let settings = home.join(".config/mise/config.toml");
        fs::write(&settings, "[tools]\nnode = \"22\"\n").unwrap();
        let search = format!("{0}/.local/share/mise/shims:{0}/.local/bin", home.display());
        let environment = BTreeMap::from([("PATH".to_owned(), search)]);
        let found = find(&environment, Some(&home), &[]);
        let of =
            |name: &str| found.env.iter().find(|(own, _)| own == name).map(|(_, value)| PathBuf::from(value));
        assert_eq!(of("MISE_DATA_DIR"), Some(data));
        assert_eq!(of("MISE_GLOBAL_CONFIG_FILE"), Some(settings.clone()));
        assert!(found.folders.contains(&settings), "{:?}", found.folders);
        let cache = found.caches.iter().find(|cache| cache.host == site).unwrap();
        assert_eq!(cache.seen, Path::new(".local/lib/python3.11/site-packages"));
        // A secret among the settings stays where it is.
        fs::write(&settings, "[env]\nAPI_TOKEN = \"x\"\n").unwrap();
        let found = find(&environment, Some(&home), &[]);
        assert!(
            !found.folders.contains(&settings)
                && !found.env.iter().any(|(name, _)| name == "MISE_GLOBAL_CONFIG_FILE")
        );
    }
}
