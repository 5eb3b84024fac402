//! The file of a ceiling as it is written: these types parse it, and its JSON Schema is made from them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Rules;
use crate::plan::agents::AgentId;
use crate::plan::file::{FilesystemFile, ResourcesFile};
use crate::plan::prices::PriceFile;
use crate::plan::resolve;
use crate::plan::schema::schema_of;
use crate::plan::text::{Email, EnvName, ModelName, Money, OuterPath, PersonName, Time};
use crate::plan::union::{Count, NetworkFile};
use crate::plan::{Destination, Network, Person};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schema_of::<CeilingFile>("Autopilot ceiling"));

/// Returns the JSON Schema of the file of a ceiling.
pub fn ceiling_schema() -> &'static Value {
    &SCHEMA
}

/// What no plan may exceed on this host. A key that is not there bounds nothing; an empty list lets nothing through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Ceiling")]
pub(super) struct CeilingFile {
    /// What a step reaches at most.
    network: Option<NetworkFile>,
    /// Folders in which the paths of steps lie. Without `read` or `write`: none to read, or to write.
    filesystem: Option<FilesystemFile>,
    /// Variables of the host that steps may be given.
    env: Option<Vec<EnvName>>,
    /// Secrets that steps may be given, and keys of models.
    secrets: Option<Vec<EnvName>>,
    /// The longest an attempt takes; a step that asks for more gets this.
    timeout: Option<Time>,
    /// The most that a process tree uses; a step that asks for more gets this.
    resources: Option<ResourcesFile>,
    /// Agents that may work.
    agents: Option<Vec<AgentId>>,
    /// Models that may be asked, such as `gpt-5.5` or `"qwen*"`; a step must name one.
    models: Option<Vec<ModelName>>,
    /// The most model tokens of a run; a plan that asks for more gets this.
    tokens: Option<Count>,
    /// The most money of a run, such as `5 USD`; a plan that asks for more gets this.
    budget: Option<Money>,
    /// What models cost, beside or instead of the table of this program.
    pub(super) prices: Option<Vec<PriceFile>>,
    /// Who makes the commits of runs: bounds nothing. Default: `autopilot <autopilot@localhost>`.
    pub(super) committer: Option<CommitterFile>,
    /// What may be published; what is not named may.
    publish: Option<PublishRule>,
    /// Protections that `--allow-degraded` may give up.
    allow_degraded: Option<Vec<Protection>>,
    /// The confinement that every step must have.
    require: Option<Demanded>,
}

/// Who makes the commits of runs, as git says it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitterFile {
    /// Name, such as `Example Bot`.
    name: PersonName,
    /// E-mail address, such as `bot@example.org`.
    email: Email,
}

impl CommitterFile {
    /// Returns the person.
    pub(super) fn resolve(self) -> Person {
        Person { name: self.name.0, email: self.email.0 }
    }
}

/// What may be published.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PublishRule {
    /// Comment on issues.
    comment: Option<bool>,
    /// Push result branches.
    push: Option<bool>,
    /// Open pull requests.
    pull_request: Option<bool>,
    /// Push the evidence of runs. Where branches may not be pushed, neither may that: it holds their commits.
    evidence: Option<bool>,
}

/// A protection that can be given up.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Protection {
    Landlock,
    Seccomp,
    Network,
}

/// A confinement that can be demanded.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Demanded {
    Full,
    Namespaces,
}

/// Resolves a file into its rules: the same however it is written.
pub(super) fn resolve(file: CeilingFile) -> Rules {
    let publish = file.publish.unwrap_or_default();
    let (read, write) = match file.filesystem {
        Some(file) => (Some(file.read), Some(file.write)),
        None => (None, None),
    };
    let names = |names: Option<Vec<EnvName>>| list(names, |name| name.0);
    Rules {
        network: file.network.map(|network| sorted(resolve::network(Some(&network)))),
        read: list(read, |OuterPath(path)| path),
        write: list(write, |OuterPath(path)| path),
        env: names(file.env),
        secrets: names(file.secrets),
        timeout: file.timeout.map(|time| time.0),
        resources: resources(file.resources.unwrap_or_default()),
        agents: list(file.agents, |agent| agent.key().to_owned()),
        models: list(file.models, |name| name.0),
        tokens: file.tokens.map(|count| count.0),
        budget: file.budget.map(|money| money.0),
        prices: file.prices.into_iter().flatten().map(PriceFile::resolve).collect(),
        comment: publish.comment,
        push: publish.push,
        pull_request: publish.pull_request,
        evidence: publish.evidence,
        allow_degraded: list(file.allow_degraded, |protection| match protection {
            Protection::Landlock => "landlock".to_owned(),
            Protection::Seccomp => "seccomp".to_owned(),
            Protection::Network => "network".to_owned(),
        }),
        require: file.require.map(|demanded| match demanded {
            Demanded::Full => "full".to_owned(),
            Demanded::Namespaces => "namespaces".to_owned(),
        }),
    }
}

fn list<T, U: Ord>(list: Option<Vec<T>>, to: impl Fn(T) -> U) -> Option<Vec<U>> {
    list.map(|list| {
        let mut list: Vec<U> = list.into_iter().map(to).collect();
        list.sort();
        list.dedup();
        list
    })
}

fn sorted(network: Network) -> Network {
    let Network::Allow(mut hosts) = network else { return network };
    let key = |host: &Destination| (host.host.clone(), host.port);
    hosts.sort_by_key(key);
    hosts.dedup();
    Network::Allow(hosts)
}

fn resources(file: ResourcesFile) -> BTreeMap<&'static str, u64> {
    let millis = |time: Time| u64::try_from(time.0.as_millis()).unwrap_or(u64::MAX);
    let all = [
        ("memory", file.memory.map(|size| size.0)),
        ("processes", file.processes),
        ("file_size", file.file_size.map(|size| size.0)),
        ("open_files", file.open_files),
        ("output", file.output.map(|size| size.0)),
        ("cpu", file.cpu.map(millis)),
    ];
    all.into_iter().filter_map(|(name, most)| Some((name, most?))).collect()
}
