# `programs.claude-langfuse`: the program, its configuration, and its hook in Claude Code's settings.
{ config, lib, ... }:
let
  cfg = config.programs.claude-langfuse;
in
{
  imports = [
    ./options.nix
    ./configuration.nix
    ./hook.nix
    ./other-exporters.nix
    ./flush.nix
  ];

  config = lib.mkIf cfg.enable {
    home.packages = [ cfg.package ];
  };
}
