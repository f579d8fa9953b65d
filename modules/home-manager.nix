# `programs.claude-langfuse`: the program, its configuration, and its hook in Claude Code.
{
  # NixOS and nix-darwin say so when they are to import it.
  _class = "homeManager";

  imports = [
    ./options.nix
    ./configuration.nix
    ./hook.nix
    ./flush.nix
  ];
}
