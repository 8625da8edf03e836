//! What is asked for on the command line.

use crate::parts::PARTS;

pub(crate) const USAGE: &str = "\
cargo xtask test [PART…]    install what the tests need, then run every part, or only the parts named
    --advisories            also ask whether a dependency is known to be vulnerable (network)
    --list                  what the parts are
cargo xtask tools           install what the tests need";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Options {
    Help,
    List,
    Tools,
    Test { only: Vec<String>, advisories: bool },
}

impl Options {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let arguments: Vec<String> = arguments.collect();
        if arguments.iter().any(|a| a == "--help" || a == "-h") {
            return Ok(Self::Help);
        }
        if arguments.iter().any(|a| a == "--list") {
            return Ok(Self::List);
        }
        match arguments.split_first() {
            None => Ok(Self::Help),
            Some((command, rest)) if command == "test" => parse_test(rest),
            Some((command, [])) if command == "tools" => Ok(Self::Tools),
            Some((command, [surplus, ..])) if command == "tools" => {
                Err(format!("`tools` does not take `{surplus}`"))
            }
            Some((command, _)) => Err(format!("there is no command `{command}`")),
        }
    }
}

fn parse_test(arguments: &[String]) -> Result<Options, String> {
    let mut only = Vec::new();
    let mut advisories = false;
    for argument in arguments {
        if argument == "--advisories" {
            advisories = true;
        } else if PARTS.iter().any(|part| part.name == argument) {
            only.push(argument.clone());
        } else {
            let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
            return Err(format!(
                "there is no part `{argument}`; the parts are {}",
                names.join(", ")
            ));
        }
    }
    Ok(Options::Test { only, advisories })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn parts_are_chosen_by_name() {
        assert_eq!(
            parse("test clippy test --advisories"),
            Ok(Options::Test {
                only: vec!["clippy".to_owned(), "test".to_owned()],
                advisories: true,
            })
        );
    }

    #[test]
    fn a_wrong_part_is_told_the_right_ones() {
        let mistake = parse("test clipy").unwrap_err();
        assert!(
            mistake.contains("clipy") && mistake.contains("clippy"),
            "{mistake}"
        );
        assert!(parse("tools now").is_err());
        assert!(parse("tests").is_err());
    }
}
