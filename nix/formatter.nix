# `nix fmt`: both languages of this repository. A framework for it would be longer than it is.
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
