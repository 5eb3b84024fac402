//! The client of GitHub: the real `gh` against a GitHub in memory.

use std::time::Duration;

use autopilot::github::{Environment, Failure, Gh, Slug};

use crate::common::github::{Fault, GitHub, LOGIN, SLUG, TOKEN};

/// Long enough for a machine under load; nothing waits for its end but the test of a hang.
const TIME: Duration = Duration::from_secs(120);

fn environment(github: &GitHub) -> Environment {
    let path = ("PATH", std::env::var("PATH").unwrap());
    Environment::of(github.variables().into_iter().chain([path]))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn find(environment: &Environment) -> Result<Gh, Failure> {
    wait(Gh::find(environment, &SLUG.parse::<Slug>().unwrap()))
}

#[test]
fn a_missing_gh_is_told_from_one_without_a_token() {
    assert_eq!(find(&Environment::of([("PATH", "/nowhere")])).unwrap_err(), Failure::Missing);
}

#[test]
#[ignore = "needs gh"]
fn gh_is_found_with_its_token() {
    let github = GitHub::start();
    let gh = find(&environment(&github)).unwrap();
    assert_eq!(gh.token(), TOKEN);
    assert!(!format!("{gh:?}").contains(TOKEN), "{gh:?}");
    assert_eq!(wait(gh.login(TIME)).unwrap(), LOGIN);
    let path = Environment::of([("PATH", std::env::var("PATH").unwrap()), ("HOME", "/nowhere".to_owned())]);
    assert!(matches!(find(&path), Err(Failure::LoggedOut { .. })));
}

#[test]
#[ignore = "needs gh"]
fn what_goes_wrong_is_told_apart() {
    let github = GitHub::start();
    let gh = find(&environment(&github)).unwrap();
    let comment =
        |issue: &str, body: &str| wait(gh.call(&["issue", "comment", issue, "--body-file", "-"], body, TIME));
    let hit = |operation: &str, fault: Fault| {
        github.fault(operation, 1, fault);
        comment("7", "hello").unwrap_err()
    };
    assert!(matches!(comment("8", "hello"), Err(Failure::NotFound(_))));
    assert!(matches!(comment("7", &"x".repeat(65_537)), Err(Failure::TooLong(_))));
    let create = "CommentCreate";
    assert!(matches!(hit(create, Fault::Status(401, "Bad credentials")), Failure::Unauthorized(_)));
    assert!(matches!(hit(create, Fault::Status(403, "Resource not accessible")), Failure::Forbidden(_)));
    assert!(matches!(hit(create, Fault::Status(403, "API rate limit exceeded")), Failure::RateLimited(_)));
    let secondary =
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    assert!(matches!(hit(create, Fault::Status(403, secondary)), Failure::RateLimited(_)));
    assert!(matches!(hit(create, Fault::GraphQl("was submitted too quickly")), Failure::RateLimited(_)));
    let hidden = hit(create, Fault::Status(404, "Not Found"));
    assert!(matches!(hidden, Failure::NotFound(_)), "{hidden:?}");
    assert!(matches!(hit(create, Fault::Status(502, "Bad Gateway")), Failure::Server(_)));
    assert!(matches!(hit(create, Fault::Refused), Failure::Network(_)));
    assert!(github.comments(7).is_empty(), "{:?}", github.comments(7));
    assert!(matches!(hit(create, Fault::LostAnswer), Failure::Network(_)));
    assert_eq!(github.comments(7).len(), 1, "the answer was lost, not the comment");
    assert!(wait(gh.limit_ends_in(TIME)).unwrap() > Duration::from_secs(3600));
}

#[test]
#[ignore = "needs gh"]
fn many_comments_are_listed_to_the_last_and_changed_by_their_id() {
    let github = GitHub::start();
    let gh = find(&environment(&github)).unwrap();
    let ids: Vec<u64> = (0..120).map(|n| github.comment(7, "somebody", &format!("comment {n}"))).collect();
    let list = "repos/{owner}/{repo}/issues/7/comments?per_page=100";
    let listed = wait(gh.call(&["api", "--paginate", list, "--jq", ".[].id"], "", TIME)).unwrap();
    assert_eq!(listed.lines().map(|id| id.parse::<u64>().unwrap()).collect::<Vec<_>>(), ids);
    assert_eq!(github.called("GET comments"), 2);
    let one = format!("repos/{{owner}}/{{repo}}/issues/comments/{}", ids[100]);
    wait(gh.call(&["api", "-X", "PATCH", &one, "-F", "body=@-"], "@team <b>\n", TIME)).unwrap();
    assert_eq!((&*github.comments(7)[100].body, github.comments(7)[100].edits), ("@team <b>\n", 1));
}

#[test]
#[ignore = "needs gh"]
fn a_pull_request_is_opened_without_a_repository_around() {
    let github = GitHub::start();
    let gh = find(&environment(&github)).unwrap();
    let slug = gh.slug().with_host();
    let create = |head: &str| {
        let args = [
            "pr",
            "create",
            "-R",
            &slug,
            "--head",
            head,
            "--base",
            "main",
            "--title",
            "T",
            "--body-file",
            "-",
        ];
        wait(gh.call(&args, "a body", TIME))
    };
    assert_eq!(create("one").unwrap().trim(), "https://github.com/acme/widgets/pull/100");
    assert!(create("one").unwrap_err().to_string().contains("already exists"));
    github.fault("PullRequestCreate", 1, Fault::BadGateway);
    assert!(matches!(create("two"), Err(Failure::Server(_))));
    let heads: Vec<String> =
        github.pulls().iter().map(|pull| pull["headRefName"].as_str().unwrap().to_owned()).collect();
    assert_eq!(heads, ["one", "two"], "made, though the answer says otherwise");
}

#[test]
#[ignore = "needs gh"]
fn a_hang_is_bounded() {
    let github = GitHub::start();
    let gh = find(&environment(&github)).unwrap();
    github.fault("Viewer", 1, Fault::Hang);
    let time = Duration::from_secs(2);
    assert_eq!(wait(gh.login(time)), Err(Failure::Late(time)));
    assert_eq!(wait(gh.login(TIME)).unwrap(), LOGIN, "the next call gets its answer");
}
