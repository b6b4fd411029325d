//! `quorate check --sample` as a user meets it.

use crate::command::{directory, quorate_in, text};

#[test]
fn a_sample_says_what_it_came_to_and_is_the_same_on_any_number_of_threads() {
    let on = |threads: &str| {
        let arguments =
            ["check", "--sample", "20000", "--seed", "3", "--threads", threads, "r1-w1"];
        let output = quorate_in(directory().path(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let told = on("1");
    assert!(told.starts_with("r1-w1: 20,000 random steps in "), "{told}");
    assert_eq!(told, on("2"));
}

#[test]
fn what_does_not_go_with_a_sample_is_refused() {
    for rest in [&[][..], &["--json", "r1-w1"], &["--certify", "r1-w1"], &["--planted", "r1-w1"]] {
        let arguments = [&["check", "--sample", "10"], rest].concat();
        let output = quorate_in(directory().path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{rest:?}: {}", text(&output.stderr));
    }
}
