//! JSON, SARIF, JUnit and OCSF as their own tools read them: schemas and parsers that are not ours.

use super::{IDS, json};
use crate::audit::set_mode;
use crate::harness::builder::Builder;
use crate::harness::cli;
use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use serde_json::Value;
use std::path::Path;

const SARIF: &str = include_str!("schema/sarif-2.1.0.json");

/// A server with much to mend.
fn open() -> Server {
    let settings = [
        ("bind", "0.0.0.0"),
        ("protected-mode", "no"),
        ("user", "legacy on nopass ~* &* +@all"),
        ("masterauth", "foobared"),
        ("tcp-keepalive", "0"),
        ("acllog-max-len", "0"),
    ];
    let add = |builder: Builder, (name, value): (&str, &str)| builder.config(name, value);
    let server = settings.into_iter().fold(Server::builder(), add).start();
    set_mode(server.dir(), 0o755);
    server
}

/// What the policy says of the audit: something that is accepted, and something said in vain.
const POLICY: &str = "suppress cmd.dangerous until=2099-12-31 note=\"the <dba> knows\"\n\
                      suppress auth.password note=ours\n\
                      suppress cmd.config until=2020-01-31 note=\"till the new client\"\n";

/// Servers that give every kind of finding: much that fails, much that is unknown, names that break what they can.
fn servers() -> Vec<Server> {
    let odd = r#"<script>alert('x')</script>"&{0}[a](b)%\]]>"#;
    let hidden = ["CONFIG", "ACL", "COMMAND"];
    let hidden = hidden.iter().fold(Server::builder(), |builder, name| {
        builder.config("rename-command", &format!("{name} \"\""))
    });
    let servers = vec![
        open(),
        Server::start(),
        hidden.start(),
        Server::builder().policy(POLICY).start(),
    ];
    let user = ["ACL", "SETUSER", odd, "on", "nopass", "+@all", "~*"];
    assert!(servers[1].call(user).is_ok());
    servers
}

/// Calls as people do, with every way to leave something out.
fn documents(server: &Server, form: &str) -> Vec<String> {
    [
        "",
        "LEVEL high",
        "LEVEL critical CHECK net.*",
        "CHECK proc.root auth.nopass-users",
    ]
    .map(|options| {
        let call: Vec<&str> = ["--raw", "SECAUDIT", form]
            .into_iter()
            .chain(words(options))
            .collect();
        cli::run(server, &call).text()
    })
    .to_vec()
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
}

#[track_caller]
fn assert_valid(validator: &jsonschema::Validator, document: &Value) {
    let errors = validator.iter_errors(document);
    let errors: Vec<String> = errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

/// The schema as a reader would like it who knows every field: what it does not name is an error.
fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut fields: serde_json::Map<String, Value> = fields
                .iter()
                .map(|(name, value)| (name.clone(), strict(value)))
                .collect();
            if fields.contains_key("properties") && fields.get("type").is_some_and(Value::is_string)
            {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(fields)
        }
        Value::Array(items) => items.iter().map(strict).collect(),
        other => other.clone(),
    }
}

#[test]
fn json_is_as_its_published_schema_says_and_the_schema_names_every_field() {
    needs_module!();
    let servers = servers();
    let schema = servers[0].call(["SECAUDIT", "SCHEMA"]).text();
    let path = "src/render/report.schema.json";
    let published = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    assert_eq!(schema, published.unwrap());
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validators = [validator(&schema), validator(&strict(&schema))];
    let mut outcomes = std::collections::BTreeSet::new();
    for document in servers.iter().flat_map(|server| documents(server, "JSON")) {
        let document: Value = serde_json::from_str(&document).unwrap();
        for validator in &validators {
            assert_valid(validator, &document);
        }
        let findings = document["findings"].as_array().unwrap();
        outcomes.extend(
            findings
                .iter()
                .map(|finding| finding["outcome"].to_string()),
        );
    }
    assert!(
        outcomes.len() == 5,
        "every outcome is among them: {outcomes:?}"
    );
    let mut wrong = json(&servers[0]);
    wrong["findings"][0]["severity"] = "grave".into();
    assert!(!validators[0].is_valid(&wrong), "the schema can say no");
}

#[test]
fn sarif_is_as_the_official_schema_says() {
    needs_module!();
    let schema: Value = serde_json::from_str(SARIF).unwrap();
    let validator = validator(&schema);
    for server in servers() {
        for document in documents(&server, "SARIF") {
            assert_valid(&validator, &serde_json::from_str(&document).unwrap());
        }
    }
    let wrong = serde_json::json!({ "version": "2.1.0", "runs": [{ "tool": {} }] });
    assert!(!validator.is_valid(&wrong), "the schema can say no");
}

#[test]
fn sarif_tells_what_json_tells() {
    needs_module!();
    let server = open();
    let log: Value = serde_json::from_str(&server.call(["SECAUDIT", "SARIF"]).text()).unwrap();
    let report = json(&server);
    let run = &log["runs"][0];
    assert_eq!(run["properties"]["grade"], report["grade"]);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rules: Vec<&str> = rules
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    assert_eq!(rules, IDS);
    let told = |outcome: &str| {
        let findings = report["findings"].as_array().unwrap().iter();
        let ids = findings
            .filter(|f| f["outcome"] == outcome)
            .map(|f| f["id"].clone());
        ids.collect::<Vec<Value>>()
    };
    let results = run["results"].as_array().unwrap();
    let of_kind = |kind: &str| {
        let results = results.iter().filter(|result| result["kind"] == kind);
        results
            .map(|result| result["ruleId"].clone())
            .collect::<Vec<Value>>()
    };
    assert_eq!(of_kind("fail"), told("fail"));
    assert_eq!(of_kind("open"), told("unknown"));
    let folder = results
        .iter()
        .find(|result| result["ruleId"] == "file.data-dir")
        .unwrap();
    let uri = folder["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        .as_str()
        .unwrap();
    assert_eq!(uri, format!("file://{}", server.dir().display()));
}

#[test]
fn junit_is_read_by_a_parser_and_counts_what_json_counts() {
    needs_module!();
    for server in servers() {
        for (document, json) in documents(&server, "JUNIT")
            .into_iter()
            .zip(documents(&server, "JSON"))
        {
            let report: Value = serde_json::from_str(&json).unwrap();
            let parsed = junit_parser::from_reader(document.as_bytes()).unwrap();
            let count = |outcome: &str| report["counts"][outcome].as_u64().unwrap();
            assert_eq!(
                parsed.tests,
                report["findings"].as_array().unwrap().len() as u64
            );
            assert_eq!(parsed.failures, count("fail"));
            assert_eq!(parsed.errors, count("unknown"));
            assert_eq!(
                parsed.skipped,
                count("not-applicable") + count("suppressed")
            );
            let tests = parsed.suites.iter().flat_map(|suite| &suite.cases);
            let findings = report["findings"].as_array().unwrap().iter();
            for (test, finding) in tests.zip(findings) {
                assert_eq!(finding["id"], test.original_name);
                let outcome = match &test.status {
                    junit_parser::TestStatus::Success => "pass",
                    junit_parser::TestStatus::Failure(_) => "fail",
                    junit_parser::TestStatus::Error(_) => "unknown",
                    junit_parser::TestStatus::Skipped(_) => match finding.get("suppression") {
                        Some(_) => "suppressed",
                        None => "not-applicable",
                    },
                };
                assert_eq!(finding["outcome"], outcome);
            }
        }
    }
}

#[test]
fn ocsf_is_a_line_for_each_finding_with_the_fields_its_schema_requires() {
    needs_module!();
    for server in servers() {
        for (document, json) in documents(&server, "OCSF")
            .into_iter()
            .zip(documents(&server, "JSON"))
        {
            let report: Value = serde_json::from_str(&json).unwrap();
            let findings = report["findings"].as_array().unwrap();
            let lines: Vec<&str> = document.lines().filter(|line| !line.is_empty()).collect();
            assert_eq!(lines.len(), findings.len());
            for (line, finding) in lines.iter().zip(findings) {
                let event: Value = serde_json::from_str(line).unwrap();
                is_a_compliance_finding(&event);
                let status = match finding["outcome"].as_str().unwrap() {
                    "pass" => 1,
                    "fail" | "suppressed" => 3,
                    "unknown" => 0,
                    _ => 99,
                };
                assert_eq!(event["compliance"]["status_id"], status, "{finding:#}");
                assert_eq!(event["compliance"]["control"], finding["id"]);
                assert_eq!(event["unmapped"]["severity"], finding["severity"]);
            }
        }
    }
}

/// The attributes that OCSF 1.5 requires of class 2003, of the right types and with the values it knows.
#[track_caller]
fn is_a_compliance_finding(event: &Value) {
    let number = |path: &str| event.pointer(path).and_then(Value::as_u64);
    assert_eq!(number("/class_uid"), Some(2003), "{event:#}");
    assert_eq!(number("/category_uid"), Some(2));
    assert_eq!(number("/activity_id"), Some(1));
    assert_eq!(number("/type_uid"), Some(200_301));
    assert!((1..=5).contains(&number("/severity_id").unwrap()));
    // Milliseconds, not seconds: this century.
    assert!(number("/time").unwrap() > 1_600_000_000_000);
    assert!([0, 1, 2, 3, 99].contains(&number("/compliance/status_id").unwrap()));
    for path in [
        "/metadata/version",
        "/metadata/product/name",
        "/metadata/product/vendor_name",
        "/metadata/product/version",
        "/compliance/standards/0",
        "/compliance/checks/0/uid",
        "/finding_info/uid",
        "/finding_info/title",
        "/finding_info/desc",
        "/remediation/desc",
        "/remediation/references/0",
        "/resources/0/uid",
        "/resources/0/data/host",
    ] {
        let text = event.pointer(path).and_then(Value::as_str);
        assert!(
            text.is_some_and(|text| !text.is_empty()),
            "{path} in {event:#}"
        );
    }
}

#[test]
fn what_the_policy_accepts_is_told_with_its_reason_in_every_form() {
    needs_module!();
    let server = Server::builder().policy(POLICY).start();
    let accepted = "until 2099-12-31: the <dba> knows";
    let ended = "ended on 2020-01-31: the finding counts again";
    let escaped = |text: &str, open: &str, close: &str| text.replace('<', open).replace('>', close);
    let whole = |form: &str| cli::run(&server, ["--raw", "SECAUDIT", form]).text();
    for (form, wanted) in [
        ("TEXT", accepted.to_owned()),
        ("SARIF", accepted.to_owned()),
        ("OCSF", accepted.to_owned()),
        ("JUNIT", escaped(accepted, "&lt;", "&gt;")),
        ("HTML", escaped(accepted, "&#60;", "&#62;")),
    ] {
        let document = whole(form);
        assert!(document.contains(&wanted), "{form}: {document}");
        // OCSF holds findings and nothing else.
        assert_eq!(
            document.contains(ended),
            form != "OCSF",
            "{form}: {document}"
        );
    }
    let report = json(&server);
    let findings = report["findings"].as_array().unwrap();
    let dangerous = findings
        .iter()
        .find(|f| f["id"] == "cmd.dangerous")
        .unwrap();
    assert_eq!(dangerous["suppression"]["note"], "the <dba> knows");
    let log: Value = serde_json::from_str(&whole("SARIF")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let suppressed = |result: &&Value| result.get("suppressions").is_some();
    let suppressed: Vec<&Value> = results
        .iter()
        .filter(suppressed)
        .map(|r| &r["ruleId"])
        .collect();
    assert_eq!(suppressed, ["auth.password", "cmd.dangerous"]);
}
