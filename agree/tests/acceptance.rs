//! The generator makes what the compiler accepts, and all of the language.

use cairn_agree::Case;

#[test]
fn most_rules_are_accepted() {
    let (mut wanted, mut kept) = (0, 0);
    for seed in 0..200 {
        let (all, accepted) = Case::new(seed, 0).acceptance();
        wanted += all;
        kept += accepted;
    }
    assert!(kept * 10 > wanted * 7, "{kept} of {wanted} rules are accepted");
}
