//! A GitHub for the real `gh`, on a Unix socket: the few questions that autopilot asks, answered from memory, with
//! faults on demand.
//!
//! Tests that use it need the real `gh` and so are marked `#[ignore = "needs gh"]`: `cargo test --test it -- --ignored`
//! runs them, and fails without it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::request::Request;

/// The repository that it has.
pub(crate) const SLUG: &str = "acme/widgets";
/// Whom the token belongs to.
pub(crate) const LOGIN: &str = "robot";
/// The token that it accepts; of no shape that a masker knows.
pub(crate) const TOKEN: &str = "not-a-real-token-4711";

/// A comment on an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) issue: u64,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) edits: usize,
}

/// What goes wrong instead of, or after, what was asked.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This status and message; nothing is done.
    Status(u16, &'static str),
    /// GraphQL's way: 200, and an error inside; nothing is done.
    GraphQl(&'static str),
    /// It is done, and the connection closed before the answer.
    LostAnswer,
    /// It is done, and answered with 502.
    BadGateway,
    /// The connection is closed, and nothing is done.
    Refused,
    /// Nothing is done, and no answer comes.
    Hang,
}

/// The server; it ends with the test.
pub(crate) struct GitHub {
    dir: TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    issues: BTreeMap<u64, (String, String)>,
    comments: Vec<Comment>,
    pulls: Vec<Value>,
    /// The operation that is hit, how often yet, and by what.
    faults: Vec<(String, usize, Fault)>,
    calls: Vec<String>,
    /// When the rate limit ends, in seconds since 1970; in the far future if nothing was said.
    limit_ends: Option<u64>,
}

enum Answer {
    Json(u16, Value, Option<String>),
    Close,
    Never,
}

impl GitHub {
    /// Starts it with issue 7.
    pub(crate) fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("gh-").tempdir_in("/tmp").unwrap();
        let socket = dir.path().join("gh.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        fs::write(dir.path().join("config.yml"), format!("http_unix_socket: {}\n", socket.display()))
            .unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let of_server = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&of_server);
                std::thread::spawn(move || serve(stream.unwrap(), &state));
            }
        });
        let github = Self { dir, state };
        github.issue(7, "Try", "Please try.");
        github
    }

    /// Returns what lets `gh` find it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        let dir = self.dir.path().to_str().unwrap().to_owned();
        [("GH_CONFIG_DIR", dir), ("GH_TOKEN", TOKEN.to_owned()), ("GH_REPO", SLUG.to_owned())]
    }

    /// Opens an issue.
    pub(crate) fn issue(&self, number: u64, title: &str, body: &str) {
        self.lock().issues.insert(number, (title.to_owned(), body.to_owned()));
    }

    /// Adds a comment.
    pub(crate) fn comment(&self, issue: u64, author: &str, body: &str) -> u64 {
        self.lock().comment(issue, author, body)
    }

    /// Returns the comments on an issue.
    pub(crate) fn comments(&self, issue: u64) -> Vec<Comment> {
        self.lock().comments.iter().filter(|comment| comment.issue == issue).cloned().collect()
    }

    /// Returns the pull requests.
    pub(crate) fn pulls(&self) -> Vec<Value> {
        self.lock().pulls.clone()
    }

    /// Changes what is known of a pull request: `state`, `mergeable`, and the nodes of `threads`, `reviews`, `checks`.
    pub(crate) fn change_pull(&self, number: u64, change: impl FnOnce(&mut Value)) {
        let mut state = self.lock();
        change(state.pulls.iter_mut().find(|pull| pull["number"] == number).unwrap());
    }

    /// Adds a thread to the review of a pull request: each comment with its author, what that is to the repository, and when.
    pub(crate) fn thread(&self, number: u64, path: &str, comments: &[(&str, &str, &str, Ago)]) {
        let nodes: Vec<Value> = comments.iter().map(|comment| said(*comment)).collect();
        let thread = json!({"isResolved": false, "path": path, "line": 1, "originalLine": 1, "comments": {"nodes": nodes}});
        self.change_pull(number, |pull| match pull["threads"].as_array_mut() {
            Some(threads) => threads.push(thread),
            None => pull["threads"] = json!([thread]),
        });
    }

    /// Lets the next calls of an operation go wrong.
    pub(crate) fn fault(&self, operation: &str, times: usize, fault: Fault) {
        self.lock().faults.push((operation.to_owned(), times, fault));
    }

    /// Lets the rate limit end in this many seconds.
    pub(crate) fn limit_ends_in(&self, seconds: u64) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        self.lock().limit_ends = Some(now.as_secs() + seconds);
    }

    /// Lets nothing go wrong any more.
    pub(crate) fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Removes a comment.
    pub(crate) fn remove(&self, id: u64) {
        self.lock().comments.retain(|comment| comment.id != id);
    }

    /// Returns how often an operation was asked for.
    pub(crate) fn called(&self, operation: &str) -> usize {
        self.lock().calls.iter().filter(|call| *call == operation).count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// When something was said: so many seconds before now, or behind it.
pub(crate) type Ago = i64;

/// What somebody said of a pull request.
pub(crate) fn said((author, association, body, ago): (&str, &str, &str, Ago)) -> Value {
    json!({
        "author": {"login": author}, "authorAssociation": association, "body": body, "createdAt": when(ago),
        "url": format!("https://github.com/{SLUG}/pull/100#discussion_r1"), "diffHunk": "@@ -0,0 +1 @@\n+one",
        "state": "CHANGES_REQUESTED",
    })
}

/// Writes a moment as GitHub does.
pub(crate) fn when(ago: Ago) -> String {
    (chrono::Utc::now() - chrono::TimeDelta::seconds(ago)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn serve(stream: UnixStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(request) = Request::read(&mut reader) {
        let answer = state.lock().unwrap().answer(&request);
        match answer {
            Answer::Json(status, value, link) => {
                let body = value.to_string();
                let link = link.map(|link| format!("Link: {link}\r\n")).unwrap_or_default();
                let head = format!(
                    "HTTP/1.1 {status} {}\r\nContent-Type: application/json; charset=utf-8\r\n{link}Content-Length: {}\r\n\r\n",
                    reason(status),
                    body.len()
                );
                if writer.write_all((head + &body).as_bytes()).is_err() {
                    return;
                }
            }
            Answer::Close => return,
            // Until the other side gives up.
            Answer::Never => drop(reader.read_to_end(&mut Vec::new())),
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        502 => "Bad Gateway",
        _ => "Other",
    }
}

fn ok(value: Value) -> Answer {
    Answer::Json(200, value, None)
}

fn graphql_error(message: &str) -> Answer {
    ok(json!({"data": null, "errors": [{"message": message, "path": ["repository"]}]}))
}

impl State {
    fn comment(&mut self, issue: u64, author: &str, body: &str) -> u64 {
        let id = self.comments.last().map_or(1000, |last| last.id + 1);
        let (author, body) = (author.to_owned(), body.to_owned());
        self.comments.push(Comment { id, issue, author, body, edits: 0 });
        id
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let operation = operation(request, &body);
        self.calls.push(operation.clone());
        if request.header("authorization") != Some(&format!("token {TOKEN}")) {
            return Answer::Json(401, json!({"message": "Bad credentials"}), None);
        }
        match self.next_fault(&operation) {
            None => self.done(&operation, request, &body),
            Some(Fault::Status(status, message)) => Answer::Json(status, json!({"message": message}), None),
            Some(Fault::GraphQl(message)) => graphql_error(message),
            Some(Fault::Refused) => Answer::Close,
            Some(Fault::Hang) => Answer::Never,
            Some(Fault::LostAnswer) => {
                self.done(&operation, request, &body);
                Answer::Close
            }
            Some(Fault::BadGateway) => {
                self.done(&operation, request, &body);
                Answer::Json(502, json!({"message": "Bad Gateway"}), None)
            }
        }
    }

    fn next_fault(&mut self, operation: &str) -> Option<Fault> {
        let hit = self.faults.iter_mut().find(|(of, times, _)| of == operation && *times > 0)?;
        hit.1 -= 1;
        Some(hit.2.clone())
    }

    fn done(&mut self, operation: &str, request: &Request, body: &Value) -> Answer {
        let variables = &body["variables"];
        match operation {
            "Viewer" => ok(json!({"data": {"viewer": {"login": LOGIN}}})),
            "IssueByNumber" => self.issue_by_number(variables["number"].as_u64().unwrap()),
            "CommentsForIssue" => {
                let number = variables["id"].as_str().unwrap()[2..].parse().unwrap();
                ok(json!({"data": {"node": {"comments": self.nodes(number)}}}))
            }
            "CommentCreate" => self.comment_create(&variables["input"]),
            "GET comments" => self.list(request),
            "PATCH comment" => self.patch(request, body),
            "GET rate_limit" => ok(json!({"resources": {
                "core": {"remaining": 4000, "reset": 0},
                "graphql": {"remaining": 0, "reset": self.limit_ends.unwrap_or(4_000_000_000)},
            }})),
            "RepositoryInfo" | "RepositoryNetwork" => ok(json!({"data": {"repository": {
                "id": "R_1", "name": "widgets", "owner": {"login": "acme"}, "hasIssuesEnabled": true,
                "viewerPermission": "WRITE", "defaultBranchRef": {"name": "main"},
            }}})),
            "RepositoryResolveMetadataIDs" => ok(json!({"data": {
                "u000": {"id": "U_1", "login": "somebody"},
                "repository": {"l000": {"id": "L_1", "name": "bug"}},
            }})),
            "PullRequestCreateMetadata" => self.pull_request_add("labelIds", &variables["input"]),
            "PullRequestCreateRequestReviews" => self.pull_request_add("userIds", &variables["input"]),
            "PullRequestForBranch" | "PullRequestList" => self.pull_requests(variables),
            "PullRequestToRevise" => self.pull_request_to_revise(variables["number"].as_u64().unwrap()),
            "PullRequestCreate" => self.pull_request_create(&variables["input"]),
            _ => Answer::Json(404, json!({"message": "Not Found"}), None),
        }
    }

    fn issue_by_number(&self, number: u64) -> Answer {
        let pull = self.pulls.iter().find(|pull| pull["number"] == number);
        let of_pull = pull.map(|pull| (pull["title"].to_string(), String::new()));
        let Some((title, body)) = of_pull.as_ref().or_else(|| self.issues.get(&number)) else {
            let message =
                format!("Could not resolve to an issue or pull request with the number of {number}.");
            let error = json!({"type": "NOT_FOUND", "path": ["repository", "issue"], "message": message});
            return ok(
                json!({"data": {"repository": {"hasIssuesEnabled": true, "issue": null}}, "errors": [error]}),
            );
        };
        ok(json!({"data": {"repository": {"hasIssuesEnabled": true, "issue": {
            "__typename": "Issue",
            "id": format!("I_{number}"),
            "number": number,
            "url": format!("https://github.com/{SLUG}/issues/{number}"),
            "title": title,
            "body": body,
            "state": "OPEN",
            "author": {"login": "somebody"},
            "labels": {"nodes": [], "totalCount": 0},
            "comments": self.nodes(number),
        }}}}))
    }

    fn nodes(&self, issue: u64) -> Value {
        let of_issue = self.comments.iter().filter(|comment| comment.issue == issue);
        let nodes: Vec<Value> = of_issue
            .map(|comment| {
                json!({
                    "id": format!("C_{}", comment.id),
                    "author": {"login": comment.author},
                    "authorAssociation": if comment.author == "stranger" { "NONE" } else { "MEMBER" },
                    "body": comment.body,
                    "viewerDidAuthor": comment.author == LOGIN,
                    "url": format!("https://github.com/{SLUG}/issues/{issue}#issuecomment-{}", comment.id),
                })
            })
            .collect();
        json!({"totalCount": nodes.len(), "nodes": nodes, "pageInfo": {"hasNextPage": false, "endCursor": null}})
    }

    fn comment_create(&mut self, input: &Value) -> Answer {
        let body = input["body"].as_str().unwrap();
        if body.chars().count() > 65536 {
            return graphql_error("Body is too long (maximum is 65536 characters)");
        }
        let issue: u64 = input["subjectId"].as_str().unwrap()[2..].parse().unwrap();
        let id = self.comment(issue, LOGIN, body);
        let url = format!("https://github.com/{SLUG}/issues/{issue}#issuecomment-{id}");
        ok(json!({"data": {"addComment": {"commentEdge": {"node": {"url": url}}}}}))
    }

    /// A page of comments, with the link to the next one.
    fn list(&self, request: &Request) -> Answer {
        let issue: u64 = request.path.split('/').nth(5).unwrap().parse().unwrap();
        let parameter = |name: &str| {
            let (_, query) = request.path.split_once('?')?;
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
        };
        let (size, page) = (parameter("per_page").unwrap_or(30), parameter("page").unwrap_or(1));
        let all: Vec<&Comment> = self.comments.iter().filter(|comment| comment.issue == issue).collect();
        let shown = all.iter().skip(size * (page - 1)).take(size);
        let rows: Vec<Value> = shown
            .map(|comment| {
                json!({
                    "id": comment.id,
                    "user": {"login": comment.author},
                    "body": comment.body,
                    "html_url": format!("https://github.com/{SLUG}/issues/{issue}#issuecomment-{}", comment.id),
                })
            })
            .collect();
        let next = (size * page < all.len()).then(|| {
            let next = page + 1;
            format!("<https://api.github.com/repos/{SLUG}/issues/{issue}/comments?per_page={size}&page={next}>; rel=\"next\"")
        });
        Answer::Json(200, Value::Array(rows), next)
    }

    fn patch(&mut self, request: &Request, body: &Value) -> Answer {
        let id: u64 = request.path.rsplit('/').next().unwrap().parse().unwrap();
        let Some(comment) = self.comments.iter_mut().find(|comment| comment.id == id) else {
            return Answer::Json(404, json!({"message": "Not Found"}), None);
        };
        comment.edits += 1;
        body["body"].as_str().unwrap().clone_into(&mut comment.body);
        ok(
            json!({"id": id, "html_url": format!("https://github.com/{SLUG}/issues/{}#issuecomment-{id}", comment.issue)}),
        )
    }

    fn pull_requests(&self, variables: &Value) -> Answer {
        let head = variables["headRefName"].as_str().or(variables["headBranch"].as_str());
        let nodes: Vec<&Value> =
            self.pulls.iter().filter(|pull| pull["headRefName"].as_str() == head).collect();
        ok(json!({"data": {"repository": {
            "defaultBranchRef": {"name": "main"},
            "pullRequests": {"totalCount": nodes.len(), "nodes": nodes, "pageInfo": {"hasNextPage": false, "endCursor": null}},
        }}}))
    }

    fn pull_request_to_revise(&self, number: u64) -> Answer {
        let Some(pull) = self.pulls.iter().find(|pull| pull["number"] == number) else {
            return ok(json!({"data": {"repository": {"pullRequest": null}}}));
        };
        let nodes = |key: &str| json!({"nodes": pull[key].as_array().cloned().unwrap_or_default()});
        let mergeable = pull["mergeable"].as_str().unwrap_or("MERGEABLE");
        ok(json!({"data": {"repository": {"pullRequest": {
            "url": pull["url"], "state": pull["state"], "baseRefName": pull["baseRefName"],
            "headRefName": pull["headRefName"], "headRefOid": "0".repeat(40), "mergeable": mergeable,
            "reviewThreads": nodes("threads"), "reviews": nodes("reviews"),
            "commits": {"nodes": [{"commit": {"oid": "0".repeat(40), "statusCheckRollup": {"contexts": nodes("checks")}}}]},
        }}}}))
    }

    /// Adds labels, or who is to review.
    fn pull_request_add(&mut self, what: &str, input: &Value) -> Answer {
        let pull = self.pulls.iter_mut().find(|pull| pull["id"] == input["pullRequestId"]).unwrap();
        pull[what] = input[what].clone();
        ok(json!({"data": {}}))
    }

    fn pull_request_create(&mut self, input: &Value) -> Answer {
        let number = 100 + self.pulls.len();
        let url = format!("https://github.com/{SLUG}/pull/{number}");
        let head = &input["headRefName"];
        if self.pulls.iter().any(|pull| pull["headRefName"] == *head) {
            return graphql_error("A pull request already exists for acme:branch.");
        }
        self.pulls.push(json!({
            "id": format!("PR_{number}"), "number": number, "url": url, "state": "OPEN",
            "title": input["title"], "body": input["body"], "isDraft": input["draft"],
            "baseRefName": input["baseRefName"], "headRefName": head,
            "isCrossRepository": false, "headRepositoryOwner": {"id": "U_1", "login": "acme"},
        }));
        ok(
            json!({"data": {"createPullRequest": {"pullRequest": {"id": format!("PR_{number}"), "url": url}}}}),
        )
    }
}

/// Names what is asked for: a GraphQL operation, or a method and what it is on.
fn operation(request: &Request, body: &Value) -> String {
    if request.path == "/graphql" {
        let query = body["query"].as_str().unwrap_or_default();
        let mut words = query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let named = words.by_ref().find(|word| ["query", "mutation"].contains(word));
        return named.and(words.next()).unwrap_or("unnamed").to_owned();
    }
    let path = request.path.split('?').next().unwrap();
    let what = match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["repos", _, _, "issues", _, "comments"] => "comments",
        ["repos", _, _, "issues", "comments", _] => "comment",
        [one] => one,
        _ => path,
    };
    format!("{} {what}", request.method)
}
