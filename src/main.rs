//! The program; its rooms come first.

fn main() {}
