//! `[notices]` in `adieu.toml`: its mistakes are told with their lines, those of templates also with their own.

#![cfg(feature = "notices")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use adieu::Config;

fn toml(more: &str) -> String {
    format!(
        "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"file:key\"\n\n[[connector]]\nname = \"uploads\"\n\
         kind = \"object-storage\"\nurl = \"folder:uploads\"\nprefixes = [\"users/{{user_id}}/\"]\n\n[notices]\n{more}"
    )
}

#[test]
fn a_section_of_notices_is_read_and_its_mistakes_have_lines() {
    let bad = toml(
        "smtp = \"smtps://u:hunter2@mail.example.com\"\nfrom = \"nobody\"\nurl = \"http://example.com\"\ntempletes = \"x\"\n",
    );
    let told = Config::from_toml(&bad, "adieu.toml")
        .unwrap_err()
        .to_string();
    for line in [
        "adieu.toml:12:1: notices.smtp: a URL with a password does not belong into this file",
        "adieu.toml:13:1: notices.from: is no address",
        "adieu.toml:14:1: notices.url: must begin with https://",
        "adieu.toml:15:1: notices.templetes: unknown key; did you mean `templates`?",
    ] {
        assert!(told.contains(line), "{line} is missing in\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    assert!(Config::from_toml(&toml(""), "adieu.toml").is_err());
}

#[test]
fn an_unknown_placeholder_is_told_at_the_start_with_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adieu.toml");
    std::fs::create_dir(folder.path().join("notices")).unwrap();
    let template = "Subject: Adieu\n\nHello {{ name }}\n";
    std::fs::write(folder.path().join("notices/done.txt"), template).unwrap();
    let good = "smtp = \"smtp://127.0.0.1:2525\"\nfrom = \"a@example.com\"\nurl = \"https://example.com/privacy\"\n";
    std::fs::write(&file, toml(&format!("{good}templates = \"notices\"\n"))).unwrap();
    let config = Config::from_file(&file).unwrap();
    let told = config.courier().unwrap_err().to_string();
    assert!(
        told.contains("adieu.toml:15:1: notices.templates: done.txt:3: `name` is not known"),
        "{told}"
    );
    std::fs::write(&file, toml(good)).unwrap();
    assert!(
        Config::from_file(&file)
            .unwrap()
            .courier()
            .unwrap()
            .is_some()
    );
}

#[test]
fn the_example_of_notices_in_the_readme_is_right() {
    let readme = include_str!("../../notices/README.md");
    let example = readme.split("```toml\n[notices]\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    Config::from_toml(&toml(example), "adieu.toml").unwrap();
}
