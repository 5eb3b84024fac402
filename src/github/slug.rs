//! Which repository of GitHub is meant: what the caller names, else what the remotes of the checkout say.

use std::fmt;
use std::str::FromStr;

use super::Environment;

/// Where GitHub is, unless a name says otherwise.
const HOST: &str = "github.com";
/// Names of remotes in the order in which `gh`, too, prefers them.
const PREFERRED: [&str; 3] = ["upstream", "github", "origin"];

/// `[HOST/]OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug {
    host: String,
    owner: String,
    name: String,
}

/// A remote of a checkout.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// Where it is fetched from.
    pub url: String,
    /// What `gh repo set-default` made of it: `base`, or the name of another repository.
    pub resolved: Option<String>,
}

impl Slug {
    /// Finds the repository; nothing if nobody names one and no remote is on GitHub.
    pub fn find(environment: &Environment, remotes: &[Remote]) -> Option<Self> {
        let in_actions = environment.is_actions().then(|| environment.get("GITHUB_REPOSITORY")).flatten();
        if let Some(named) = environment.get("GH_REPO").or(in_actions) {
            let host = environment.get("GH_HOST").unwrap_or(HOST);
            return Self::named(named, host);
        }
        let known = |slug: &Slug| slug.host == HOST || environment.get("GH_HOST") == Some(&*slug.host);
        let of = |remote: &Remote| Self::of_url(&remote.url).filter(known);
        let chosen = remotes.iter().find_map(|remote| match remote.resolved.as_deref()? {
            "base" => of(remote),
            other => Self::named(other, &of(remote)?.host),
        });
        let rank = |remote: &&Remote| {
            PREFERRED.iter().position(|name| *name == remote.name).unwrap_or(PREFERRED.len())
        };
        let mut remotes: Vec<&Remote> = remotes.iter().collect();
        remotes.sort_by_key(rank);
        chosen.or_else(|| remotes.into_iter().find_map(of))
    }

    /// Reads the address of a remote.
    pub fn of_url(url: &str) -> Option<Self> {
        let (host, path) = match url.split_once("://") {
            Some((scheme, rest)) if ["https", "http", "ssh", "git", "git+ssh"].contains(&scheme) => {
                rest.split_once('/')?
            }
            Some(_) => return None,
            // `git@host:owner/name`, as scp writes it.
            None => url.split_once(':').filter(|(host, _)| !host.contains('/'))?,
        };
        let host = host.rsplit('@').next()?.split(':').next()?;
        let host = host.strip_prefix("www.").or(host.strip_prefix("ssh.")).unwrap_or(host).to_lowercase();
        let path = path.trim_matches('/');
        Self::named(path.strip_suffix(".git").unwrap_or(path), &host)
    }

    fn named(text: &str, host: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (host, owner, name) = match parts[..] {
            [owner, name] => (host, owner, name),
            [host, owner, name] => (host, owner, name),
            _ => return None,
        };
        let fits = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && part.len() <= 100
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        [host, owner, name].into_iter().all(fits).then(|| Self {
            host: host.to_owned(),
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Tells whether it is this repository, too: GitHub knows no capitals.
    pub fn is(&self, other: &Self) -> bool {
        let pairs = [(&self.host, &other.host), (&self.owner, &other.owner), (&self.name, &other.name)];
        pairs.into_iter().all(|(own, other)| own.eq_ignore_ascii_case(other))
    }

    /// Returns the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns whose it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns `HOST/OWNER/NAME`.
    pub fn with_host(&self) -> String {
        format!("{}/{}/{}", self.host, self.owner, self.name)
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("https://{}", self.with_host())
    }
}

/// As people write it: the host only where it is another.
impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host != HOST {
            write!(f, "{}/", self.host)?;
        }
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for Slug {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::named(text, HOST).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(name: &str, url: &str, resolved: Option<&str>) -> Remote {
        Remote { name: name.to_owned(), url: url.to_owned(), resolved: resolved.map(str::to_owned) }
    }

    #[test]
    fn addresses_of_remotes_are_read() {
        for url in [
            "https://github.com/acme/widgets.git",
            "https://somebody:token@github.com/acme/widgets",
            "git@github.com:acme/widgets.git",
            "ssh://git@ssh.github.com:443/acme/widgets.git/",
            "git://GitHub.com/acme/widgets",
        ] {
            assert_eq!(Slug::of_url(url).unwrap().to_string(), "acme/widgets", "{url}");
        }
        for url in ["/srv/git/widgets.git", "file:///srv/acme/widgets", "../acme/widgets", "github.com:x", ""]
        {
            assert_eq!(Slug::of_url(url), None, "{url}");
        }
        assert_eq!(Slug::of_url("git@git.example.org:a/b").unwrap().to_string(), "git.example.org/a/b");
    }

    #[test]
    fn what_the_caller_names_goes_before_the_remotes() {
        let remotes = [
            remote("fork", "git@github.com:me/widgets.git", None),
            remote("origin", "https://github.com/me/widgets", None),
            remote("upstream", "https://github.com/acme/widgets", None),
        ];
        let nothing: [(&str, &str); 0] = [];
        let find = |environment: &Environment| Slug::find(environment, &remotes).unwrap().to_string();
        assert_eq!(find(&Environment::of(nothing)), "acme/widgets");
        assert_eq!(find(&Environment::of([("GH_REPO", "other/one")])), "other/one");
        let actions = [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "ci/one")];
        assert_eq!(find(&Environment::of(actions)), "ci/one");
        assert_eq!(find(&Environment::of([("GITHUB_REPOSITORY", "ci/one")])), "acme/widgets");
    }

    #[test]
    fn the_default_of_gh_counts() {
        let nothing = Environment::default();
        let url = "https://github.com/me/widgets";
        let base = [
            remote("upstream", "https://github.com/acme/widgets", None),
            remote("origin", url, Some("base")),
        ];
        assert_eq!(Slug::find(&nothing, &base).unwrap().to_string(), "me/widgets");
        let other = [remote("origin", url, Some("acme/gadgets"))];
        assert_eq!(Slug::find(&nothing, &other).unwrap().to_string(), "acme/gadgets");
    }

    #[test]
    fn other_hosts_are_github_only_if_named() {
        let remotes = [remote("origin", "git@git.example.org:acme/widgets.git", None)];
        assert_eq!(Slug::find(&Environment::default(), &remotes), None);
        let named = Environment::of([("GH_HOST", "git.example.org")]);
        assert_eq!(Slug::find(&named, &remotes).unwrap().host(), "git.example.org");
    }

    #[test]
    fn names_that_could_be_options_or_paths_are_none() {
        for text in ["-R/x", "a/..", "a/b/c/d", "a", "a b/c", "/a"] {
            assert!(text.parse::<Slug>().is_err(), "{text}");
        }
    }
}
