# `programs.claude-langfuse`: the program, its configuration, and its hook in Claude Code.
{
  # NixOS and nix-darwin then report an error when they import this module.
  _class = "homeManager";

  imports = [
    ./options.nix
    ./configuration.nix
    ./hook.nix
    ./flush.nix
  ];
}
