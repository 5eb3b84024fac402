//! Pages of runs: what they tell of success, failure, a crash, hostile output; and who is served them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;

use nix::sys::signal::Signal;
use scraper::{Html, Selector};

use crate::common::{Ran, Repo, signal, wait_until};

const WAITING: &str = "  - {id: wait, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done; echo gone on', timeout: 60s}\n";

/// A page, as a browser reads it.
struct Page(Html);

impl Page {
    /// Makes the page of the latest run, and reads it.
    fn of(repo: &Repo) -> Self {
        let printed = repo.autopilot(["view"]).exits(0).stdout;
        let path = printed.trim();
        assert!(path.starts_with(".ai/logs/view/"), "as seen from where one stands: {path}");
        Self::read(&repo.read(path))
    }

    fn read(html: &str) -> Self {
        let page = Self(Html::parse_document(html));
        assert_eq!(
            (page.all("script").len(), page.all("img, iframe, base, object, [onclick], [style]").len()),
            (1, 0)
        );
        let nodes =
            page.0.tree.nodes().filter(|node| node.value().is_element() || node.value().is_text()).count();
        assert!(nodes <= autopilot_view::MOST_NODES, "{nodes}");
        page
    }

    fn all(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        self.0.select(&selector).map(|element| element.text().collect()).collect()
    }

    fn text(&self, selector: &str) -> String {
        self.all(selector).join("\n")
    }

    /// Holds that a part of it says something.
    fn says(&self, selector: &str, what: &str) -> &Self {
        let text = self.text(selector);
        assert!(text.contains(what), "{selector} does not say {what:?}:\n{text}");
        self
    }
}

#[test]
fn a_page_tells_what_a_run_was_and_leaves_no_trace_in_the_repository() {
    let repo = Repo::new();
    let before = repo.git(["status", "--porcelain", "--ignored=no"]);
    repo.plan(
        "  - id: make\n    command: 'printf \"<b>one</b>\\n\" > made.html; echo printed'\n    expectation: {files_exist: [made.html], output_matches: [printed]}\n    network: {allow: [\"registry.example\"]}\n  - {id: again, command: 'test -e ~/tried || { touch ~/tried; echo first; exit 3; }', retries: 1, needs: [make]}\n",
    );
    repo.run().exits(0);
    let page = Page::of(&repo);
    page.says("h1", "#7 done in ")
        .says("#step-make", "registry.example")
        .says("#step-make", "file exists")
        .says("#step-make ins", "+<b>one</b>")
        .says("#step-make", "nothing waived")
        .says("#step-again", "2 tries")
        .says("#step-again", "exit 3")
        .says("section[aria-labelledby=review]", "failed before")
        .says("section[aria-labelledby=security]", "3 of 3 commands confined as asked")
        .says("table", "made.html")
        .says("#lines", "printed")
        .says("#log-again-1", "first")
        .says("section[aria-labelledby=check]", "autopilot audit ")
        .says("section[aria-labelledby=check]", "PASS: results of 2 follow from the events")
        .says("section[aria-labelledby=security]", " events, head ")
        .says("section[aria-labelledby=security]", "; audit PASS at 20");
    assert_eq!(page.all("rect.good").len(), 2);
    assert_eq!(page.all("rect.bad").len(), 1, "attempts are on the axis");
    assert_eq!(repo.git(["status", "--porcelain", "--ignored=no"]), before);
    repo.autopilot(["audit", "--all"]).exits(0).hides("not autopilot's");
}

#[test]
fn a_page_of_a_failure_says_why_and_how_to_take_over() {
    let repo = Repo::new();
    repo.plan("  - {id: bad, command: 'echo work > work; echo the last words; exit 9'}\n  - {id: never, command: 'true', needs: [bad]}\n");
    repo.run().exits(1);
    Page::of(&repo)
        .says("h1", "#7 failed at bad")
        .says("section[aria-labelledby=review]", "exit 9")
        .says("section[aria-labelledby=review]", "take over")
        .says("#step-bad", "salvaged as")
        .says("#step-never", "skipped")
        .says("#log-bad-1", "the last words");
    let sub = repo.top().join(".ai/plans");
    let below = Ran::of(&repo.command(["view"]).current_dir(sub).output().unwrap()).exits(0).stdout;
    assert!(below.starts_with("../logs/view/"), "{below}");
}

#[test]
fn a_page_says_what_the_audit_finds() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo right'}\n");
    repo.run().exits(0);
    let log = fs::read_dir(repo.top().join(".ai/logs/codex")).unwrap().next().unwrap().unwrap().path();
    fs::write(&log, fs::read_to_string(&log).unwrap().replace("right", "wrong")).unwrap();
    Page::of(&repo)
        .says("h1", "#7 done in ")
        .says("section[aria-labelledby=security]", "audit FAIL at 20")
        .says("section[aria-labelledby=check]", "FAIL AP")
        .says("section[aria-labelledby=check]", "expected sha256 ");
}

#[test]
fn a_page_of_a_crash_says_that_its_runner_died() {
    let repo = Repo::new();
    repo.plan(WAITING);
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    Page::of(&repo).says("h1", "#7 running for ").says("#lines", "ready").says("#step-wait", "under way");
    repo.kill(&mut child);
    Page::of(&repo)
        .says("h1", "#7 crashed")
        .says("#step-wait", "its runner died")
        .says("section[aria-labelledby=review]", "--resume");
}

#[test]
fn what_steps_print_and_write_is_text() {
    let repo = Repo::new();
    let hostile = "<script>evil()</script>\u{202e}</pre><img src=x onerror=evil()>";
    repo.file(
        "hostile",
        &format!(
            "{hostile}\n\x1b[31mred\x1b[0m\x1b]0;title\x07\n```mermaid\nclick a \"javascript:evil()\"\n"
        ),
    );
    repo.commit("hostile");
    repo.plan("  - {id: bad, command: 'cat hostile; cp hostile \"<img src=x>.html\"'}\n");
    repo.run().exits(0);
    let page = Page::of(&repo);
    let shown = "<script>evil()</script>⟨U+202E⟩</pre><img src=x onerror=evil()>";
    page.says("#lines", shown)
        .says("#lines", "␛]0;title␇")
        .says("#lines .f1", "red")
        .says("#step-bad ins", shown);
    page.says("table code", "<img src=x>.html");
    assert!(page.all("a").iter().all(|link| !link.contains("evil")));
}

#[test]
fn what_a_commit_holds_is_masked_on_a_page() {
    let repo = Repo::new();
    repo.plan("  - {id: leak, command: 'echo \"key = $(printf gh)p_$(printf %036d 7 | tr 0 aB | tr a x)\" > leaked'}\n");
    repo.run().exits(0);
    let leaked = repo.on_branch("leaked");
    let token = leaked.trim().trim_start_matches("key = ");
    assert!(token.starts_with("ghp_") && token.len() == 40, "{token}");
    let page = Page::of(&repo);
    page.says("#step-leak ins", "+key = ***");
    assert!(!page.0.html().contains(token));
}

#[test]
fn a_page_is_written_where_it_is_said_and_through_no_link() {
    let repo = Repo::new();
    repo.autopilot(["view"]).exits(2).says("no run in");
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.run().exits(0);
    repo.autopilot(["view", "7", "-o", "page.html"]).exits(0).says("page.html");
    // Each says when it was made.
    let plain = |page: &str| page.replace(|c: char| c.is_ascii_digit(), "");
    let printed = repo.autopilot(["view", "-o", "-"]).exits(0).stdout;
    assert_eq!(plain(&repo.read("page.html")), plain(&printed));
    let elsewhere = repo.dir().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, repo.top().join(".ai/logs/view")).unwrap();
    let ran = repo.autopilot(["view"]);
    assert!(ran.code != 0 && ran.stderr.contains(".ai/logs/view: not a folder"), "{ran:?}");
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
    repo.autopilot(["view", "--serve", "7"]).exits(2);
}

/// A server, until it is dropped.
struct Server {
    child: Child,
    port: String,
    token: String,
}

impl Server {
    fn start(repo: &Repo) -> Self {
        let mut child = repo.start(["view", "--serve"]);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (host, token) = line.trim().split_once("/?token=").unwrap();
        let port = host.strip_prefix("http://127.0.0.1:").unwrap();
        Self { port: port.into(), token: token.into(), child }
    }

    fn ask(&self, line: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", self.port)).unwrap();
        let host = if headers.contains("Host:") {
            String::new()
        } else {
            format!("Host: localhost:{}\r\n", self.port)
        };
        write!(stream, "{line} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str, more: &str) -> (String, String) {
        let answer = self.ask(
            &format!("GET {path}"),
            &format!("Cookie: autopilot-{}={}\r\n{more}", self.port, self.token),
        );
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn pages_are_served_to_whoever_has_the_token_and_to_nobody_else() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.run().exits(0);
    let before = repo.fingerprint();
    let server = Server::start(&repo);
    assert_eq!(server.token.len(), 64);
    let status = |line: &str, headers: &str| server.ask(line, headers).split(' ').nth(1).unwrap().to_owned();
    assert_eq!(status("GET /", ""), "403");
    assert_eq!(status("GET /?token=0", ""), "403");
    assert_eq!(status("GET /", "Host: evil.example\r\n"), "421");
    let by_header = format!("Authorization: Bearer {}\r\n", server.token);
    assert_eq!(status("GET /", &by_header), "200");
    assert_eq!(status("POST /", &by_header), "405");
    assert_eq!(status("GET /", &format!("{by_header}Host: evil.example:{}\r\n", server.port)), "421");
    assert_eq!(status("GET /run/../../etc/passwd", &by_header), "404");
    let admitted = server.ask(&format!("GET /?token={}", server.token), "").to_lowercase();
    assert!(admitted.contains(" 303 ") && admitted.contains("location: /\r\n"), "{admitted}");
    assert!(admitted.contains("; httponly; samesite=strict"), "{admitted}");
    let (head, body) = server.get("/", "");
    assert!(
        head.contains("frame-ancestors 'none'") && head.contains("referrer-policy: no-referrer"),
        "{head}"
    );
    let index = Page::read(&body);
    index.says("dl", "0 of 1 need you · 1 ready · 0 running").says("dl", "1 of 1, 100%").says("tbody", "#7");
    let link = index.0.select(&Selector::parse("tbody a").unwrap()).next().unwrap().attr("href").unwrap();
    let (head, body) = server.get(&format!("/{link}"), "");
    Page::read(&body).says("h1", "#7 done in ");
    let mark = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let (head, body) = server.get(&format!("/{link}"), &format!("If-None-Match: {mark}\r\n"));
    assert!(head.starts_with("http/1.1 304") && body.is_empty(), "{head}");
    drop(server);
    assert_eq!(repo.fingerprint(), before, "it only reads");
}

#[test]
fn a_served_page_follows_its_run() {
    let repo = Repo::new();
    repo.plan(&format!("  - {{id: make, command: 'echo made > made'}}\n{WAITING}"));
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    let server = Server::start(&repo);
    let (_, index) = server.get("/", "");
    Page::read(&index).says("dl", "0 ready · 1 running").says("tbody", "autopilot logs 7 -f");
    let name = repo.events()[0]["run"].as_str().unwrap().to_owned();
    let page = || Page::read(&server.get(&format!("/run/{name}"), "").1);
    page().says("h1", "#7 running for ").says("#lines", "ready").says("#alive", "live");
    page().says("#step-make ins", "+made").says("section[aria-labelledby=security]", "the run goes on");
    // One that goes away in the middle of its page keeps nobody else from theirs.
    let mut gone = TcpStream::connect(format!("127.0.0.1:{}", server.port)).unwrap();
    write!(gone, "GET /run/{name} HTTP/1.1\r\nHost: localhost:{}\r\n", server.port).unwrap();
    drop(gone);
    let runs = fs::read_dir(repo.state().join("runs")).unwrap().map(|run| run.unwrap().path());
    runs.for_each(|run| fs::write(run.join("home/go"), "").unwrap());
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    page().says("h1", "#7 done in ").says("#lines", "gone on");
    assert!(page().all("#alive").is_empty(), "it asks no more");
    signal(&server.child, Signal::SIGINT);
}
