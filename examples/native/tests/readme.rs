//! The programs that the README shows are those that the tests run.

const README: &str = include_str!("../README.md");

#[test]
fn its_programs_are_the_files() {
    for (language, file) in [
        ("python", include_str!("../python/hello.py")),
        ("c", include_str!("../c/hello.c")),
    ] {
        let block = format!("```{language}\n{file}```\n");
        assert!(README.contains(&block), "{language}");
    }
}
