//! Fuzzes `claude_langfuse_fuzz::transcript`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| claude_langfuse_fuzz::transcript(data));
