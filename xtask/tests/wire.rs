//! docs/wire.schema.json, against the vectors of the bridge's tests. Here rather than beside them, since what validates
//! takes a minute to compile, and the library's tests are compiled a dozen ways.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What is of this kind, or of any.
fn schema(kind: Option<&str>) -> Validator {
    let mut schema = read(&root().join("docs/wire.schema.json"));
    if let Some(kind) = kind {
        schema["oneOf"] = json!([{ "$ref": format!("#/$defs/{kind}") }]);
    }
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// The vectors of what a bridge says, with the kind that each one is.
fn vectors() -> Vec<(&'static str, Value)> {
    let kind = |name: &str| match name {
        _ if name.contains("snapshot") => Some("snapshot"),
        _ if name.contains("error") => Some("error"),
        _ if name.contains("batch") => Some("batch"),
        // What a shell says has the types of the core.
        _ if name.contains("answer") || name.contains("item") => None,
        _ => panic!("{name} is of no known kind"),
    };
    let mut vectors = Vec::new();
    for file in fs::read_dir(root().join("tests/bridge/vectors")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".json")
            && let Some(kind) = kind(name)
        {
            vectors.push((kind, read(&path)));
        }
    }
    vectors
}

#[test]
fn every_vector_is_as_the_schema_says_and_of_its_kind_alone() {
    let vectors = vectors();
    assert!(vectors.len() >= 7, "{}", vectors.len());
    let any = schema(None);
    for (kind, vector) in &vectors {
        any.validate(vector).unwrap();
        for other in ["batch", "snapshot", "error"] {
            assert_eq!(
                schema(Some(other)).is_valid(vector),
                other == *kind,
                "{vector}"
            );
        }
    }
}

/// Each field that the page names is one that the schema misses, and whose type it knows.
#[test]
fn the_schema_misses_each_field_and_knows_its_type() {
    let any = schema(None);
    let mut fields = 0;
    for (kind, vector) in vectors() {
        let mut paths = Vec::new();
        collect(&vector, String::new(), &mut paths);
        for path in paths {
            // What is the core's own is anything.
            if path.contains("/operation/") {
                continue;
            }
            fields += 1;
            let (parent, name) = path.rsplit_once('/').unwrap();
            let mut without = vector.clone();
            let object = without
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap();
            let value = object.remove(name).unwrap();
            assert!(!any.is_valid(&without), "{path} is missing");
            if name == "operation" && kind == "batch" {
                continue;
            }
            let mut wrong = vector.clone();
            *wrong.pointer_mut(&path).unwrap() = match value {
                Value::Array(_) => json!({}),
                _ => json!([]),
            };
            assert!(!any.is_valid(&wrong), "{path} is of another type");
            // What is added within a version is skipped.
            let mut more = vector.clone();
            more["more"] = json!([]);
            any.validate(&more).unwrap();
        }
    }
    assert!(fields > 80, "{fields}");
    let unknown = json!({"version": 1, "items": [{"type": "later", "what": 1}]});
    any.validate(&unknown).unwrap();
    assert!(!any.is_valid(&json!({"version": 2, "items": []})));
}

/// The pointers to every field.
fn collect(value: &Value, at: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                paths.push(format!("{at}/{name}"));
                collect(value, format!("{at}/{name}"), paths);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                collect(value, format!("{at}/{index}"), paths);
            }
        }
        _ => {}
    }
}
