//! What notices say: built-in templates, and those of the host that replace them.

use std::collections::BTreeMap;
use std::path::Path;

use adieu_engine::{Kind, Notice, Occasion, Request, Status};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::{Environment, UndefinedBehavior, Value};

/// A template's name and its built-in text.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "confirmation.txt",
        include_str!("../templates/confirmation.txt"),
    ),
    (
        "confirmation.html",
        include_str!("../templates/confirmation.html"),
    ),
    (
        "erasure_scheduled.txt",
        include_str!("../templates/erasure_scheduled.txt"),
    ),
    (
        "erasure_scheduled.html",
        include_str!("../templates/erasure_scheduled.html"),
    ),
    (
        "archive_ready.txt",
        include_str!("../templates/archive_ready.txt"),
    ),
    (
        "archive_ready.html",
        include_str!("../templates/archive_ready.html"),
    ),
    ("done.txt", include_str!("../templates/done.txt")),
    ("done.html", include_str!("../templates/done.html")),
];

/// What a template may name.
const KNOWN: &[&str] = &[
    "controller",
    "created_on",
    "due_on",
    "exceptions",
    "execute_on",
    "expires_on",
    "kind",
    "link",
    "page",
    "request",
    "status",
];

/// What stands at the beginning of a plain text.
const SUBJECT: &str = "Subject: ";

/// All templates, each known to name nothing that there is not.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
}

/// A notice in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) subject: String,
    pub(crate) plain: String,
    pub(crate) html: String,
}

/// What notices say of the gateway.
#[derive(Clone, Debug)]
pub(crate) struct House {
    pub(crate) controller: String,
    pub(crate) page: String,
}

impl Templates {
    /// The built-in templates, and in place of them what lies in the folder.
    ///
    /// # Errors
    /// Everything that is wrong in the folder's files, each with file and line.
    pub(crate) fn read(folder: Option<&Path>) -> Result<Self, Vec<String>> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut texts: BTreeMap<&'static str, String> = BUILT_IN
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()))
            .collect();
        if let Some(folder) = folder {
            replace(&mut texts, folder).map_err(|problem| vec![problem])?;
        }
        let mut problems = Vec::new();
        for (name, text) in texts {
            check(&mut environment, name, text, &mut problems);
        }
        if problems.is_empty() {
            Ok(Self { environment })
        } else {
            Err(problems)
        }
    }

    /// A notice in words; `None` when a template fails, which was tried at the start.
    pub(crate) fn write(&self, notice: &Notice, house: &House) -> Option<Text> {
        self.fill(notice.occasion, &values(&notice.request, house))
    }

    fn fill(&self, occasion: Occasion, values: &BTreeMap<&'static str, Value>) -> Option<Text> {
        let render = |ending: &str| {
            let name = format!("{}.{ending}", occasion.as_str());
            let template = self.environment.get_template(&name).ok()?;
            template.render(Value::from(values.clone())).ok()
        };
        let text = render("txt")?;
        let (first, plain) = text.split_once('\n')?;
        Some(Text {
            subject: one_line(first.strip_prefix(SUBJECT)?),
            plain: plain.trim_start().to_owned(),
            html: render("html")?,
        })
    }
}

/// Puts what lies in the folder in the place of the built-in texts.
fn replace(texts: &mut BTreeMap<&'static str, String>, folder: &Path) -> Result<(), String> {
    let unreadable = |what: &Path, error: &std::io::Error| {
        format!("{} cannot be read ({})", what.display(), error.kind())
    };
    let files = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for file in files {
        let path = file.map_err(|error| unreadable(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let Some((_, text)) = texts.iter_mut().find(|(known, _)| **known == name) else {
            let known: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "{name} replaces no template; there are {}",
                known.join(", ")
            ));
        };
        *text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
    }
    Ok(())
}

/// Takes a template up, once it was found to name only what there is, on every way through it.
fn check(
    environment: &mut Environment<'static>,
    name: &'static str,
    text: String,
    problems: &mut Vec<String>,
) {
    let before = problems.len();
    if name.ends_with(".txt") && !text.starts_with(SUBJECT) {
        problems.push(format!("{name}:1: the first line is \"Subject: …\""));
    }
    let at = |line: Option<usize>| line.map_or_else(String::new, |line| format!("{line}:"));
    if let Err(error) = environment.add_template_owned(name, text.clone()) {
        let line = at(error.line());
        problems.push(format!("{name}:{line} is no template: {}", error.kind()));
        return;
    }
    let Ok(template) = environment.get_template(name) else {
        return;
    };
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|word| !KNOWN.contains(&word.as_str()));
    unknown.sort();
    for word in unknown {
        let line = at(line_of(&text, &word));
        let known = KNOWN.join(", ");
        problems.push(format!(
            "{name}:{line} `{word}` is not known; known are {known}"
        ));
    }
    if problems.len() > before {
        return;
    }
    // What else may fail, a filter that is none or a field of a text, fails here and not when somebody waits.
    for values in examples() {
        if let Err(error) = template.render(Value::from(values)) {
            let line = at(error.line());
            problems.push(format!("{name}:{line} does not work: {}", error.kind()));
            return;
        }
    }
}

/// The line in which a template names something.
fn line_of(text: &str, word: &str) -> Option<usize> {
    let names = |line: &str| {
        line.split(['{', '}'])
            .flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_'))
            .any(|part| part == word)
    };
    text.lines().position(names).map(|index| index + 1)
}

/// What the templates may name, of a request.
fn values(request: &Request, house: &House) -> BTreeMap<&'static str, Value> {
    let text = |text: &str| Value::from(one_line(text));
    let day = |at: Option<Timestamp>| text(&at.map(day_of).unwrap_or_default());
    let is_scheduled = request.status == Status::Scheduled;
    BTreeMap::from([
        ("controller", text(&house.controller)),
        ("created_on", day(Some(request.created_at))),
        ("due_on", day(Some(request.due_at))),
        ("exceptions", Value::from(request.exceptions.len())),
        (
            "execute_on",
            day(Some(request.execute_at).filter(|_| is_scheduled)),
        ),
        ("expires_on", day(request.archive_expires_at)),
        ("kind", text(request.kind.as_str())),
        ("link", text(&format!("{}#{}", house.page, request.id))),
        ("page", text(&house.page)),
        ("request", text(&request.id.to_string())),
        ("status", text(request.status.as_str())),
    ])
}

/// Values as they may be, so that every way through a template is gone once.
fn examples() -> impl Iterator<Item = BTreeMap<&'static str, Value>> {
    let kinds = [Kind::Export, Kind::Erasure];
    let statuses = [
        Status::AwaitingConfirmation,
        Status::Scheduled,
        Status::Running,
        Status::Completed,
        Status::CompletedWithExceptions,
        Status::Failed,
        Status::Cancelled,
        Status::Blocked,
    ];
    let both = kinds
        .into_iter()
        .flat_map(move |kind| statuses.map(|status| (kind, status)));
    both.flat_map(|(kind, status)| {
        ["", "2026-11-22"].map(|day| {
            KNOWN
                .iter()
                .map(|name| {
                    let value = match *name {
                        "exceptions" => Value::from(day.len()),
                        "kind" => Value::from(kind.as_str()),
                        "status" => Value::from(status.as_str()),
                        name if name.ends_with("_on") => Value::from(day),
                        _ => Value::from("x"),
                    };
                    (*name, value)
                })
                .collect()
        })
    })
}

fn day_of(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

/// A text without line breaks: what stands in a header must not begin another.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(controller: &str) -> House {
        House {
            controller: controller.to_owned(),
            page: "https://app.example.com/privacy".to_owned(),
        }
    }

    fn request(kind: Kind, status: Status) -> Request {
        let at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        Request {
            id: "0193d3f0-0000-7000-8000-000000000000".parse().unwrap(),
            kind,
            format: Default::default(),
            status,
            created_at: at,
            due_at: at,
            extension: None,
            execute_at: at,
            finished_at: None,
            next_at: None,
            archive_expires_at: Some(at),
            archive_bytes: None,
            connectors: Vec::new(),
            blockers: Vec::new(),
            exceptions: Vec::new(),
        }
    }

    fn with_file(name: &str, text: &str) -> Result<Templates, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        Templates::read(Some(folder.path()))
    }

    #[test]
    fn every_occasion_has_words_in_both_forms_and_leads_to_its_request() {
        let templates = Templates::read(None).unwrap();
        for occasion in Occasion::ALL {
            let request = request(Kind::Erasure, Status::Scheduled);
            let text = templates
                .fill(occasion, &values(&request, &house("Example Ltd")))
                .unwrap();
            assert!(text.subject.contains("Example Ltd"), "{occasion:?}");
            let link = "https://app.example.com/privacy#0193d3f0-0000-7000-8000-000000000000";
            // As it is read, not as it is written.
            let html = text.html.replace("&#x2f;", "/");
            for body in [&text.plain, &html] {
                assert!(body.contains(link), "{occasion:?}: {body}");
                assert!(!body.contains("{{"), "{occasion:?}: {body}");
            }
        }
    }

    #[test]
    fn what_a_notice_is_told_is_escaped_in_html_and_begins_no_header() {
        let evil = "<b>A & B</b>\r\nBcc: eve@example.com";
        let templates = Templates::read(None).unwrap();
        let request = request(Kind::Export, Status::Completed);
        let text = templates
            .fill(Occasion::Done, &values(&request, &house(evil)))
            .unwrap();
        assert!(!text.subject.contains(['\r', '\n']), "{}", text.subject);
        assert!(text.subject.contains("Bcc: eve@example.com"));
        assert!(!text.html.contains("<b>A"), "{}", text.html);
        assert!(text.html.contains("&lt;b&gt;A &amp; B"), "{}", text.html);
    }

    #[test]
    fn a_hosts_template_takes_the_place_of_the_built_in_one() {
        let templates = with_file(
            "done.txt",
            "Subject: Adieu {{ controller }}\n\nEs ist {{ status }}.\n",
        )
        .unwrap();
        let request = request(Kind::Erasure, Status::Completed);
        let text = templates
            .fill(Occasion::Done, &values(&request, &house("Beispiel")))
            .unwrap();
        assert_eq!(text.subject, "Adieu Beispiel");
        assert_eq!(text.plain, "Es ist completed.");
    }

    #[test]
    fn a_mistake_in_a_template_is_told_at_the_start_with_file_and_line() {
        for (name, text, told) in [
            (
                "done.txt",
                "Subject: x\n\nHello\n{% if exceptions %}{{ nmae }}{% endif %}\n",
                "done.txt:4: `nmae` is not known; known are controller,",
            ),
            (
                "done.html",
                "<p>\n{{ email }}",
                "done.html:2: `email` is not known",
            ),
            ("done.html", "<p>\n\n{{ link | shout }}", "done.html:3:"),
            ("done.html", "<p>{% if link %}", "done.html:1:"),
            ("done.html", "<p>\n{{ link.host.name }}", "done.html:2:"),
            (
                "done.txt",
                "Hello\n",
                "done.txt:1: the first line is \"Subject: …\"",
            ),
            (
                "doen.txt",
                "Subject: x\n\n",
                "doen.txt replaces no template",
            ),
        ] {
            let problems = with_file(name, text).unwrap_err();
            assert!(
                problems.iter().any(|problem| problem.contains(told)),
                "{told}: {problems:#?}"
            );
        }
        let nowhere = Templates::read(Some(Path::new("/nowhere/notices"))).unwrap_err();
        assert!(nowhere[0].contains("cannot be read"), "{nowhere:?}");
    }
}
