//! Counts the tests of a command by the last lines of test runners.

/// The counts of a test run, without skipped tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TestRun {
    pub passed: u64,
    pub failed: u64,
}

impl TestRun {
    /// The sum of all runs of one runner in a command's output; `None` without a known runner.
    pub(super) fn read(output: &str) -> Option<Self> {
        let plain = without_colours(output);
        let runners = [cargo, nextest, pytest, unittest, jest, vitest, mocha, node, go, rspec];
        runners.iter().find_map(|runner| runner(&plain))
    }

    pub(super) fn run(self) -> u64 {
        self.passed.saturating_add(self.failed)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

fn sum(output: &str, read: impl Fn(&str) -> Option<TestRun>) -> Option<TestRun> {
    output.lines().filter_map(read).reduce(TestRun::plus)
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; …`, once for each binary.
fn cargo(output: &str) -> Option<TestRun> {
    sum(output, |line| {
        let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
        let counts = Counts::read(counts, ';');
        Some(TestRun { passed: counts.of("passed")?, failed: counts.of("failed")? })
    })
}

/// `Summary [   0.012s] 5 tests run: 4 passed, 1 failed, 0 skipped`
fn nextest(output: &str) -> Option<TestRun> {
    sum(output, |line| {
        let (_, rest) = line.trim().strip_prefix("Summary [")?.split_once("] ")?;
        let (_, counts) = rest.split_once(" run: ")?;
        let counts = Counts::read(counts, ',');
        Some(TestRun {
            passed: counts.or_none("passed"),
            failed: counts.or_none("failed")
                + counts.or_none("timed out")
                + counts.or_none("exec failed"),
        })
    })
}

/// `===== 2 failed, 3 passed, 1 error in 0.12s =====`, or without the bars (`-q`).
fn pytest(output: &str) -> Option<TestRun> {
    sum(output, |line| {
        let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
        let seconds = time.split(' ').next()?.strip_suffix('s')?;
        let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        if seconds.is_empty() || !seconds.bytes().all(is_number) {
            return None;
        }
        let counts = Counts::read(counts, ',');
        let known = ["passed", "failed", "error", "errors"];
        known.iter().any(|word| counts.of(word).is_some()).then(|| TestRun {
            passed: counts.or_none("passed"),
            failed: known.iter().skip(1).map(|word| counts.or_none(word)).sum(),
        })
    })
}

/// `Ran 5 tests in 0.001s`, and below it `OK (skipped=1)` or `FAILED (failures=1, errors=1)`.
fn unittest(output: &str) -> Option<TestRun> {
    let mut lines = output.lines().map(str::trim);
    let mut all: Option<TestRun> = None;
    while let Some(line) = lines.next() {
        let Some(run) = line.strip_prefix("Ran ").and_then(first_number) else {
            continue;
        };
        let result = lines.find(|line| line.starts_with("OK") || line.starts_with("FAILED"))?;
        let count = |key: &str| {
            let counts = result.split(['(', ',', ')']);
            let mut found =
                counts.filter_map(|count| count.trim().strip_prefix(key)?.strip_prefix('='));
            found.next().and_then(first_number).unwrap_or(0)
        };
        let failed = count("failures") + count("errors") + count("unexpected successes");
        let passed = run.saturating_sub(failed + count("skipped") + count("expected failures"));
        all = Some(all.unwrap_or_default().plus(TestRun { passed, failed }));
    }
    all
}

/// `Tests:       1 failed, 2 skipped, 5 passed, 8 total`
fn jest(output: &str) -> Option<TestRun> {
    sum(output, |line| {
        let counts = Counts::read(line.trim().strip_prefix("Tests:")?, ',');
        counts.of("total")?;
        Some(counts.passed_and_failed("passed", "failed"))
    })
}

/// `Tests  1 failed | 5 passed (6)`
fn vitest(output: &str) -> Option<TestRun> {
    sum(output, |line| {
        let counts = line.trim().strip_prefix("Tests  ")?;
        let (counts, _) = counts.rsplit_once(" (")?;
        let counts = Counts::read(counts, '|');
        Some(counts.passed_and_failed("passed", "failed"))
    })
}

/// `5 passing (12ms)` and, below it, `1 failing`.
fn mocha(output: &str) -> Option<TestRun> {
    let line = |word: &str| {
        let is_count = |line: &str| {
            let (count, rest) = line.trim().split_once(' ')?;
            let is_word = rest == word || rest.starts_with(&format!("{word} ("));
            count.parse().ok().filter(|_| is_word)
        };
        output.lines().find_map(is_count)
    };
    Some(TestRun { passed: line("passing")?, failed: line("failing").unwrap_or(0) })
}

/// `# pass 5` and `# fail 1`, or with an information sign.
fn node(output: &str) -> Option<TestRun> {
    let line = |word: &str| {
        let mut lines = output.lines().map(str::trim);
        lines.find_map(|line| {
            let rest = line.strip_prefix('#').or_else(|| line.strip_prefix('ℹ'))?;
            rest.trim_start().strip_prefix(word)?.trim().parse().ok()
        })
    };
    Some(TestRun { passed: line("pass ")?, failed: line("fail ")? })
}

/// `--- PASS: TestX (0.00s)`, one line per test. Only `go test -v` names tests that pass.
fn go(output: &str) -> Option<TestRun> {
    output.lines().find(|line| line.starts_with("=== RUN "))?;
    let count = |mark: &str| output.lines().filter(|line| line.starts_with(mark)).count() as u64;
    let run = TestRun { passed: count("--- PASS: "), failed: count("--- FAIL: ") };
    (run.run() > 0).then_some(run)
}

/// `5 examples, 1 failure, 1 pending`
fn rspec(output: &str) -> Option<TestRun> {
    sum(output, |line| {
        let counts = Counts::read(line.trim(), ',');
        let all = counts.of("examples").or_else(|| counts.of("example"))?;
        let failed = counts.of("failures").or_else(|| counts.of("failure"))?;
        Some(TestRun { passed: all.saturating_sub(failed + counts.or_none("pending")), failed })
    })
}

/// Numbers, each with the noun after it.
struct Counts<'a>(Vec<(u64, &'a str)>);

impl<'a> Counts<'a> {
    fn read(text: &'a str, separator: char) -> Self {
        let count = |part: &'a str| {
            let (number, word) = part.trim().split_once(' ')?;
            Some((number.parse().ok()?, word.trim()))
        };
        Self(text.split(separator).filter_map(count).collect())
    }

    /// The number before this word, with or without brackets after it.
    fn of(&self, word: &str) -> Option<u64> {
        let is_word = |text: &str| text == word || text.starts_with(&format!("{word} ("));
        let mut counts = self.0.iter();
        counts.find(|(_, text)| is_word(text)).map(|(count, _)| *count)
    }

    fn or_none(&self, word: &str) -> u64 {
        self.of(word).unwrap_or(0)
    }

    fn passed_and_failed(&self, passed: &str, failed: &str) -> TestRun {
        TestRun { passed: self.or_none(passed), failed: self.or_none(failed) }
    }
}

fn first_number(text: &str) -> Option<u64> {
    let digits = text.split(|one: char| !one.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Some runners use colours even without a terminal.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|one: char| one.is_ascii_alphabetic());
        plain.push_str(end.and_then(|end| part.get(end + 1..)).unwrap_or_default());
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::TestRun;

    fn read(output: &str) -> Option<(u64, u64)> {
        TestRun::read(output).map(|run| (run.passed, run.failed))
    }

    #[test]
    fn the_figures_of_each_runner_are_found() {
        for (output, expected) in [
            (
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s",
                (12, 0),
            ),
            (
                "     Summary [   0.012s] 5 tests run: 4 passed (1 slow), 1 failed, 0 skipped",
                (4, 1),
            ),
            (
                "     Summary [   3.012s] 3/5 tests run: 1 passed, 1 failed, 1 timed out, 0 skipped",
                (1, 2),
            ),
            ("======= 2 failed, 3 passed, 1 skipped, 1 error in 0.12s =======", (3, 3)),
            ("=== 120 passed, 2 warnings in 75.01s (0:01:15) ===", (120, 0)),
            ("3 passed in 0.01s", (3, 0)),
            ("Ran 5 tests in 0.001s\n\nOK", (5, 0)),
            ("Ran 5 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)", (2, 2)),
            (
                "Test Suites: 1 failed, 1 total\nTests:       1 failed, 2 skipped, 5 passed, 8 total",
                (5, 1),
            ),
            (" Test Files  1 passed (1)\n      Tests  1 failed | 5 passed (6)\n", (5, 1)),
            ("      Tests  3 passed (3)", (3, 0)),
            ("  5 passing (12ms)\n  1 failing\n", (5, 1)),
            ("  5 passing (12ms)\n", (5, 0)),
            ("# tests 6\n# suites 0\n# pass 5\n# fail 1\n", (5, 1)),
            ("ℹ tests 6\nℹ pass 6\nℹ fail 0\n", (6, 0)),
            (
                "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n    --- FAIL: TestB/x (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL",
                (1, 1),
            ),
            ("5 examples, 1 failure, 1 pending", (3, 1)),
            ("1 example, 0 failures", (1, 0)),
        ] {
            assert_eq!(read(output), Some(expected), "{output}");
        }
    }

    #[test]
    fn all_runs_of_one_command_are_summed_up() {
        let binary = "running 2 tests\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(read(&binary.repeat(3)), Some((3, 3)));
    }

    #[test]
    fn colours_are_no_part_of_it() {
        let line = "\u{1b}[1mTests:       \u{1b}[22m\u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m\u{1b}[22m, \u{1b}[1m\u{1b}[32m5 passed\u{1b}[39m\u{1b}[22m, 6 total";
        assert_eq!(read(line), Some((5, 1)));
    }

    #[test]
    fn ignores_text_that_only_resembles_figures() {
        for output in [
            "",
            "12 passed",
            "2 files changed in 3s",
            "ok  \tpkg\t0.01s",
            "--- FAIL: TestB (0.00s)",
            "Tests: none",
            "I looked at 3 examples, and all was well",
            "Ran 5 tests in 0.001s",
            "test result: pending",
        ] {
            assert_eq!(read(output), None, "{output}");
        }
    }
}
