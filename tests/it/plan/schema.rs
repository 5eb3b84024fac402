//! One test holds types, schema, docs and samples together.

use std::fs;

use autopilot::plan;
use serde_json::Value;

use super::{fixtures, parse, root};

/// Fixtures whose faults a JSON Schema cannot know: between keys and steps, inside a text, or in the YAML itself.
const BEYOND_SCHEMA: [&str; 22] = [
    "alias-of-itself",
    "alias-bomb",
    "codex-exec",
    "colon",
    "cycle",
    "dangling-needs",
    "deep",
    "duplicate-ids",
    "duplicate-keys",
    "empty",
    "merge-keys",
    "nul",
    "other-issue",
    "providers",
    "quotes",
    "star",
    "tabs",
    "tags",
    "templates",
    "two-documents",
    "unclosed",
    "list",
];

fn validator() -> jsonschema::Validator {
    jsonschema::draft7::new(plan::schema()).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text.trim_start_matches('\u{feff}')).unwrap()
}

#[test]
fn the_schema_in_docs_is_that_of_the_types() {
    let text = format!("{:#}\n", plan::schema());
    super::expect_file(&root().join("docs/autopilot.schema.json"), &text);
    jsonschema::meta::validate(plan::schema()).unwrap();
}

#[test]
fn the_schema_accepts_what_loads() {
    let validator = validator();
    for path in fixtures("valid") {
        let json = yaml(&fs::read_to_string(&path).unwrap());
        if let Err(error) = validator.validate(&json) {
            panic!("{}: {error} at {}", path.display(), error.instance_path());
        }
    }
}

#[test]
fn the_schema_refuses_what_is_of_the_wrong_shape() {
    let validator = validator();
    for path in fixtures("invalid") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if !BEYOND_SCHEMA.contains(&name) {
            let json = yaml(&fs::read_to_string(&path).unwrap());
            assert!(!validator.is_valid(&json), "the schema accepts {name}");
        }
    }
}

/// What the walk over the marked tree understands. A new keyword here needs code in `plan::shape`.
#[test]
fn the_schema_holds_no_keyword_that_nobody_checks() {
    const KNOWN: [&str; 22] = [
        "$ref",
        "$schema",
        "additionalProperties",
        "allOf",
        "const",
        "default",
        "definitions",
        "description",
        "enum",
        "format",
        "items",
        "maximum",
        "minItems",
        "minimum",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
        "examples",
        "maxItems",
    ];
    fn visit(schema: &Value, path: &str) {
        let Value::Object(map) = schema else { return };
        for (key, value) in map {
            assert!(KNOWN.contains(&key.as_str()), "{path} has {key}");
            match (key.as_str(), value) {
                ("properties" | "definitions", Value::Object(children)) => {
                    for (name, child) in children {
                        visit(child, &format!("{path}/{name}"));
                    }
                }
                ("oneOf" | "allOf", Value::Array(branches)) => {
                    for branch in branches {
                        visit(branch, &format!("{path}/{key}"));
                    }
                }
                ("items", child) => visit(child, &format!("{path}/items")),
                ("type", kind) => assert!(kind.is_string(), "{path} has several types"),
                _ => {}
            }
        }
    }
    visit(plan::schema(), "");
}

#[test]
fn every_key_is_in_the_docs_and_in_the_full_sample() {
    let docs = fs::read_to_string(root().join("docs/plan.md")).unwrap();
    let sample = fs::read_to_string(root().join("tests/fixtures/plans/valid/full.yaml")).unwrap();
    let maps = plan::schema()["definitions"].as_object().unwrap().values().chain([plan::schema()]);
    for key in maps.filter_map(|map| map.get("properties")?.as_object()).flat_map(|map| map.keys()) {
        assert!(docs.contains(&format!("`{key}`")), "docs/plan.md does not explain `{key}`");
        let is_in_sample = sample.contains(&format!("{key}:"));
        assert!(is_in_sample || key == "prompt", "the full sample has no `{key}`");
    }
}

#[test]
fn every_plan_in_the_docs_loads() {
    let mut plans = 0;
    let folders = [root().join("docs"), root().to_owned()];
    let files =
        folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&path).unwrap();
        let blocks = text.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
        for block in blocks.filter(|block| block.lines().any(|line| line.starts_with("version:"))) {
            plans += 1;
            if let Err(faults) = parse(block) {
                panic!("{}: {faults}\n{block}", path.display());
            }
        }
    }
    assert!(plans > 0);
}
