//! Parts of the pure core: `cargo bench --bench core`. Times depend on the machine; compare them within one run.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "measuring code, not shipped"
)]

#[path = "synthetic.rs"]
mod synthetic;

use base::Timestamp;
use claude_langfuse::langfuse::Body;
use claude_langfuse::privacy::Policy;
use claude_langfuse::trace::{Content, Observation, SpanId, SpanName, TraceId};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use synthetic::{Release, Transcript};

fn main() {
    divan::main();
}

/// An observation with this output.
fn observation(output: Content) -> Observation {
    let at = Timestamp::parse("2024-11-01T00:00:00Z").unwrap();
    let mut observation = Observation::new(
        SpanName::CHAT,
        &TraceId::of_seed("a turn"),
        SpanId::given("a turn"),
        None,
        at,
    );
    observation.output = Some(output);
    observation
}

fn mask(bencher: Bencher<'_, '_>, output: &Content) {
    let bytes = match output {
        Content::Text(text) => text.len(),
        Content::Json(value) => value.to_string().len(),
        Content::Placeholder(placeholder) => placeholder.text().len(),
    };
    let policy = Policy { max_chars: usize::MAX, ..Policy::default() };
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| observation(output.clone()))
        .bench_local_values(|mut observation| {
            policy.apply(black_box(&mut observation));
            observation
        });
}

mod masking {
    use divan::Bencher;
    use serde_json::json;

    use super::{Content, Release, Transcript, mask};

    /// Code, prose and JSON of a long turn. Target: 30 ms.
    #[divan::bench]
    fn a_turn_of_1_mb(bencher: Bencher<'_, '_>) {
        let turns: Vec<String> = std::iter::repeat_with({
            let mut transcript = Transcript::new(Release::V2_0_76);
            move || transcript.turn()
        })
        .take(16)
        .collect();
        mask(bencher, &Content::Text(turns.concat()));
    }

    /// A prompt and an answer. Target: 0.3 ms.
    #[divan::bench]
    fn a_small_turn_without_secrets(bencher: Bencher<'_, '_>) {
        mask(
            bencher,
            &Content::Json(
                json!([{"role": "user", "content": "Say hello to the team in one line. ".repeat(60)}]),
            ),
        );
    }

    /// Only beginnings of secrets, and names of secrets.
    #[divan::bench]
    fn a_text_of_1_mb_made_to_be_slow(bencher: Bencher<'_, '_>) {
        mask(
            bencher,
            &Content::Text("token: password=https://eyJ-----BEGIN PRIVATE KEY--".repeat(20_000)),
        );
    }
}

/// Compression of a request of 1 MB.
#[divan::bench]
fn pack_1_mb(bencher: Bencher<'_, '_>) {
    let mut transcript = Transcript::new(Release::V2_0_76);
    let body: String = (0..16).map(|_| transcript.turn()).collect();
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| Body::new(black_box(body.as_bytes())));
}
