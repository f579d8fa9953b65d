# `nix fmt` for Rust and Nix. A formatter framework would need more lines.
{
  writeShellApplication,
  cargo,
  findutils,
  git,
  nixfmt,
  rustfmt,
}:
writeShellApplication {
  name = "format";
  runtimeInputs = [
    cargo
    findutils
    git
    nixfmt
    rustfmt
  ];
  text = ''
    cd "$(git rev-parse --show-toplevel)"
    cargo fmt --all
    find . -name '*.nix' -not -path './target/*' -exec nixfmt {} +
  '';
}
