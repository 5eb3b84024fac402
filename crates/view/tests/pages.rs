//! Pages as a browser reads them: nothing of others gets out of its text, the policy fits, and nothing is too much.

use autopilot_view::{
    Attempt, Changed, Decision, Fact, Index, Life, Link, MOST_NODES, Mark, Piece, Row, Run, Span, Step,
    Value, index, policy, run,
};
use base64::Engine as _;
use scraper::{Html, Node, Selector};
use sha2::{Digest as _, Sha256};

/// What somebody would write who wants to get out of a text, an attribute, a style or a script.
const HOSTILE: [&str; 12] = [
    "<script>evil()</script>",
    "</script><script>evil()</script>",
    "</style><img src=x onerror=evil()>",
    "\" onmouseover=\"evil()",
    "' onclick='evil()",
    "</pre></details></main><iframe src=evil>",
    "<!-- --><![CDATA[<a href=javascript:evil()>]]>",
    "</title><base href=//evil.example>",
    "&lt;script&gt;&#60;b&#62;",
    "\u{202e}gnp.exe\u{2066}\u{200b}",
    "\x1b[31m<b>\x1b[0m\x1b]8;;javascript:evil()\x07x\x1b]8;;\x07",
    "```mermaid\nclick a \"javascript:evil()\"\n```${evil()}{{evil()}}",
];

fn fact(text: &str) -> Fact {
    Fact::text(Mark::Look, text, text).and(Value::Code(text.into())).and(Value::Command(text.into()))
}

fn step(id: &str, text: &str, tries: u32) -> Step {
    let attempt = |number| Attempt {
        number,
        mark: if number < tries { Mark::Bad } else { Mark::Good },
        state: text.into(),
        span: Span { from: u64::from(number) * 2000, took: 1000 },
        facts: vec![fact(text), fact(text)],
        patch: format!("diff --git a/x b/x\n@@ -1 +1 @@ {text}\n-{text}\n+{text}\n").into(),
        beyond: text.into(),
        has_log: true,
    };
    Step {
        id: id.into(),
        mark: Mark::Good,
        state: vec![text.into()],
        when: text.into(),
        asked: vec![fact(text)],
        attempts: (1..=tries).map(attempt).collect(),
    }
}

fn page_of(text: &str, steps: Vec<Step>, log: Vec<Piece>) -> Run {
    Run {
        name: text.into(),
        mark: Mark::Bad,
        heading: text.into(),
        title: text.into(),
        extent: vec![fact(text)],
        review: vec![fact(text)],
        security: vec![fact(text)],
        files: vec![Changed { path: text.into(), extent: text.into(), why: text.into() }],
        steps,
        ticks: vec![text.into(); 5],
        network: vec![Decision {
            mark: Mark::Bad,
            at: text.into(),
            to: text.into(),
            verdict: text.into(),
            extent: text.into(),
        }],
        log,
        check: vec![fact(text)],
        life: Life::Live,
    }
}

fn output(step: &str, bytes: Vec<u8>) -> Piece {
    Piece::Output { of: Some((step.into(), 1)), bytes }
}

fn count(document: &Html) -> usize {
    document.tree.nodes().filter(|node| matches!(node.value(), Node::Element(_) | Node::Text(_))).count()
}

/// Holds that every element, attribute and address of a page is one of ours.
fn is_ours(html: &str) {
    let document = Html::parse_document(html);
    for node in document.tree.nodes() {
        assert!(!matches!(node.value(), Node::Comment(_)), "a comment");
        let Node::Element(element) = node.value() else { continue };
        let known = "a b body button code dd del details div dl dt form h1 h2 h3 head header html input ins kbd label main \
                     meta nav noscript output p pre rect script section span style summary svg table tbody td text th \
                     thead title tr";
        assert!(known.split_whitespace().any(|name| name == element.name()), "<{}>", element.name());
        for (name, value) in element.attrs() {
            assert!(!name.starts_with("on") && name != "style" && name != "src", "{name}={value}");
            if name == "href" {
                let leads =
                    ["#", "/", "https://", "http://", "run/"].iter().any(|own| value.starts_with(own));
                assert!(leads, "href={value}");
            }
            assert!(
                !value.contains("evil()") || matches!(name, "href" | "id" | "aria-label"),
                "{name}={value}"
            );
        }
    }
    let is = |node: &Node, name: &str| node.as_element().is_some_and(|element| element.name() == name);
    let of = |name: &str| document.tree.nodes().filter(|node| is(node.value(), name)).count();
    assert_eq!(
        (of("script"), of("style"), of("base"), of("iframe"), of("img"), of("title")),
        (1, 1, 0, 0, 0, 1)
    );
    let hidden = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\x1b' | '\x07');
    assert!(!html.contains(hidden), "what nobody sees");
}

#[test]
fn nothing_of_others_gets_out_of_its_text() {
    for text in HOSTILE {
        let steps = vec![step(text, text, 3), step("b", text, 1)];
        let html = run(&page_of(text, steps, vec![output(text, text.into()), Piece::LeftOut(1)]));
        is_ours(&html);
        let seen: String = Html::parse_document(&html).root_element().text().collect();
        let plain = autopilot_view::Words::from(text).to_string();
        assert!(seen.matches(&plain).count() > 15, "{text} is on the page");
        let row = Row {
            issue: text.into(),
            run: text.into(),
            page: Link::run(text),
            note: text.into(),
            next: text.into(),
            ..Row::default()
        };
        is_ours(&index(&Index { title: text.into(), facts: vec![fact(text)], rows: vec![row] }));
    }
}

#[test]
fn nothing_of_others_gets_out_where_steps_are_told_as_text() {
    let text = |n: usize| HOSTILE[n % HOSTILE.len()];
    let steps = (0..700).map(|n| step(&format!("{n}{}", text(n)), text(n), 1)).collect();
    let log = (0..1500).map(|n| output(text(n), text(n).into())).collect();
    is_ours(&run(&page_of("x", steps, log)));
}

#[test]
fn the_policy_lets_run_what_is_there_and_nothing_else() {
    for life in [Life::Still, Life::Live] {
        let html = run(&Run { life, ..Run::default() });
        let document = Html::parse_document(&html);
        let one = |selector: &str| document.select(&Selector::parse(selector).unwrap()).next().unwrap();
        let declared = one("meta[http-equiv=Content-Security-Policy]").attr("content").unwrap();
        assert_eq!(declared, policy(life));
        for (name, directive) in [("script", "script-src"), ("style", "style-src")] {
            let text: String = one(name).text().collect();
            let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
            assert!(declared.contains(&format!("{directive} 'sha256-{digest}';")), "{directive}: {declared}");
        }
        assert!(declared.starts_with("default-src 'none';") && !declared.contains("unsafe"));
        assert_eq!(declared.contains("connect-src 'self'"), life == Life::Live);
        assert_eq!(one("meta[name=referrer]").attr("content"), Some("no-referrer"));
        assert_eq!(html.contains("http-equiv=\"refresh\""), life == Life::Live);
    }
}

#[test]
fn a_page_stays_fluid_however_much_a_run_did() {
    let lines: String =
        (0..20_000).map(|n| format!("\x1b[3{}mline {n}\x1b[0m, and so on\n", n % 8)).collect();
    for (steps, tries, pieces) in [(1, 1, 1), (20, 3, 40), (500, 1, 500), (500, 4, 2000), (3000, 2, 1)] {
        let steps = (0..steps).map(|n| step(&format!("s{n}"), "said", tries)).collect();
        let piece = |n: usize| {
            output(&format!("s{n}"), if n == 0 { lines.clone().into() } else { b"a\nb\n".to_vec() })
        };
        let mut page = page_of("x", steps, (0..pieces).map(piece).collect());
        page.files = vec![page.files[0].clone(); 900];
        page.network = vec![page.network[0].clone(); 900];
        let names: Vec<String> = page.steps.iter().map(|step| step.id.to_string()).collect();
        let html = run(&page);
        let document = Html::parse_document(&html);
        assert!(
            count(&document) <= MOST_NODES,
            "{} nodes, {} steps, {pieces} pieces",
            count(&document),
            names.len()
        );
        let seen: String = document.root_element().text().collect();
        assert!(names.iter().all(|name| seen.contains(name.as_str())), "each step is told of");
        assert!(seen.contains("line 19999, and so on"), "all of the log is there");
        assert!(seen.matches("said").count() / names.len() >= 5, "and what each did");
    }
    let rows = vec![Row { issue: "1".into(), run: "r".into(), next: "n".into(), ..Row::default() }; 2000];
    let html = index(&Index { rows, ..Index::default() });
    assert!(count(&Html::parse_document(&html)) <= MOST_NODES);
    assert!(html.contains("and 1750 more"));
}

#[test]
fn what_counts_is_in_detail_where_not_all_is() {
    let mut steps: Vec<Step> = (0..500).map(|n| step(&format!("s{n}"), "said", 1)).collect();
    steps[3].mark = Mark::Bad;
    let html = run(&page_of("x", steps, Vec::new()));
    let document = Html::parse_document(&html);
    let has = |id: &str, what: &str| {
        document.select(&Selector::parse(&format!("#step-{id} {what}")).unwrap()).count() > 0
    };
    assert!(has("s3", "ins") && has("s499", "dl") && !has("s4", "dl") && has("s4", "pre"));
}
