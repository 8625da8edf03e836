//! The example in the documentation of the connector contract. It is proved where it is used: in the README's test.

#[test]
fn the_example_is_the_one_in_the_contract() {
    let example = include_str!("newsletter/example.rs");
    assert!(
        adieu_core::CONTRACT.contains(example.trim_end()),
        "copy it from there"
    );
}
