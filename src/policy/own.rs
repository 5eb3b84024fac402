//! Takes a path and where autopilot's own files are, says why the one may not be granted: a grant shows all that lies
//! below it, and what says what steps may do is not for steps.

use std::path::Path;

use super::host::HostFacts;
use super::request::Reason;

pub use autopilot_init::own::shows;

/// Says that a path may not be granted which leads to `real`, and so shows autopilot's `own` files.
pub fn not_for_steps(what: &str, path: &Path, real: &Path, own: &Path) -> Reason {
    let (path, lead) = (path.display(), if path == real { String::new() } else { leads(real) });
    let shown = own.display();
    match own.strip_prefix(real) {
        Ok(below) if below.as_os_str().is_empty() => Reason {
            what: format!("{what}: {path}"),
            why: format!("{lead}no step gets autopilot's own configuration, keys and state"),
            hint: "take it out; what a step needs of it, copy elsewhere".into(),
        },
        Ok(below) => {
            let part = below.iter().next().unwrap_or_default().to_string_lossy();
            Reason {
                what: format!("{what}: {path}"),
                why: format!("{lead}it would open {shown}, autopilot's own files"),
                hint: format!("name what is needed below it, each by itself, and not `{part}`"),
            }
        }
        Err(_) => Reason {
            what: format!("{what}: {path}"),
            why: format!("{lead}it would open {shown}, autopilot's own files"),
            hint: "take it out; what a step needs of it, copy elsewhere".into(),
        },
    }
}

fn leads(real: &Path) -> String {
    format!("it leads to {}: ", real.display())
}

/// Demands that nothing the host gives to every step shows one of autopilot's own places: these can be anywhere.
pub(super) fn demand_apart(host: &HostFacts) -> Result<(), Reason> {
    let caches = host.caches.iter().map(|cache| ("a cache of downloads", &cache.host));
    let toolchains = host.toolchains.iter().map(|path| ("a toolchain behind PATH", path));
    let system = host.system.iter().map(|path| ("a part of the system", path));
    for (what, path) in system.chain(toolchains).chain(caches) {
        if let Some(own) = shows(path, &host.own) {
            return Err(Reason {
                what: format!("{what}, {}", path.display()),
                why: format!("every step sees it, and {} with it, which is autopilot's own", own.display()),
                hint: "set PATH, and what names autopilot's places (AUTOPILOT_STATE_DIR, XDG_STATE_HOME, XDG_CONFIG_HOME), so \
                       that neither lies in the other"
                    .into(),
            });
        }
    }
    Ok(())
}
