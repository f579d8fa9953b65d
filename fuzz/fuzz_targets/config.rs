//! Fuzzes `claude_langfuse_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| claude_langfuse_fuzz::config(data));
