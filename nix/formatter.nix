# `nix fmt`: both languages of this repository. A framework for it would be longer than it is.
{
  lib,
  writeShellApplication,
  cargo,
  rustfmt,
  # Where there is none, that of the caller is taken.
  nixfmt ? null,
}:
writeShellApplication {
  name = "format";
  runtimeInputs = [
    cargo
    rustfmt
  ]
  ++ lib.optional (nixfmt != null) nixfmt;
  text = ''
    cargo fmt
    nixfmt flake.nix nix modules checks
  '';
}
