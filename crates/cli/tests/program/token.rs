//! Development tokens: signed with what the configuration has, accepted by it, and refused where it cannot sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::place::Place;

/// A key made for this test alone.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIE1DWXM85UCZEL9q1oylxFZV0RxII47gCiB8Pc6ya8c6
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAoNSfqeGrInplMuSPgJcYEOn/ImTb85aoCUDnjsfe5DA=
-----END PUBLIC KEY-----
";

/// A configuration that accepts tokens, by these keys.
fn place(keys: &str) -> Place {
    let place = Place::new();
    let auth = format!(
        "\n[auth]\nissuer = \"https://id.example.com\"\naudience = \"api\"\nkeys = \"file:{keys}\"\ntenant_claim = \"org\"\n"
    );
    place.write("adieu.toml", &(place.read("adieu.toml") + &auth));
    place.write("secret", "a-secret-of-32-random-bytes-01234");
    place.write("public.pem", PUBLIC);
    place.write("private.pem", PRIVATE);
    place
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

const ADA: &[&str] = &["token", "--subject", "user_id=ada", "--tenant", "acme"];

#[test]
fn a_token_says_what_was_asked_for() {
    let place = place("secret");
    let more = [
        "--subject",
        "email=ada@example.com",
        "--ttl",
        "90s",
        "--scope",
        "privacy:operator",
    ];
    let token = place.run(&[ADA, &more].concat()).ended(0).out;
    let claims = claims(token.trim());
    assert_eq!(claims["sub"], "ada");
    assert_eq!(claims["org"], "acme");
    assert_eq!(claims["email"], "ada@example.com");
    assert_eq!(claims["email_verified"], true);
    assert_eq!(claims["scope"], "privacy:operator");
    let lives = claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap();
    assert_eq!(lives, 90);
}

#[test]
fn public_keys_do_not_sign_but_a_private_key_that_fits_them_does() {
    let place = place("public.pem");
    let refused = place.run(ADA).ended(2);
    assert!(refused.err.contains("only public keys"), "{}", refused.err);
    let token = place.run(&[ADA, &["--key", "file:private.pem"]].concat());
    assert_eq!(claims(token.ended(0).out.trim())["sub"], "ada");
    // A key that the configuration does not know is found out before anybody is handed a useless token.
    let other = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    place.write("other.pem", other);
    let refused = place.run(&[ADA, &["--key", "file:other.pem"]].concat());
    assert!(refused.ended(2).err.contains("does not accept"));
    let literal = format!("--key={PRIVATE}");
    let literal = place.run(&[ADA, &[&literal]].concat()).ended(2);
    assert!(!literal.err.contains("BEGIN"), "{}", literal.err);
}

#[test]
fn what_tokens_cannot_say_is_told() {
    let place = place("secret");
    for (line, told) in [
        (
            &["--subject", "email=ada@example.com", "--tenant", "acme"][..],
            "exactly one `user_id`",
        ),
        (&["--subject", "user_id=ada"], "must name a tenant"),
        (
            &[
                "--subject",
                "user_id=ada",
                "--subject",
                "phone=1",
                "--tenant",
                "acme",
            ],
            "carry no `phone`",
        ),
        (
            &[
                "--subject",
                "user_id=ada",
                "--tenant",
                "acme",
                "--ttl",
                "2d",
            ],
            "one second to one day",
        ),
    ] {
        let ran = place.run(&[&["token"], line].concat()).ended(2);
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    let without = Place::new();
    let ran = without.run(&["token", "--subject", "user_id=ada"]).ended(2);
    assert!(
        ran.err.contains("auth: is missing; add [auth]"),
        "{}",
        ran.err
    );
}
