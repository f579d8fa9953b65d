# The home-manager module with this flake's package as its default.
self:
{ lib, pkgs, ... }:
{
  _class = "homeManager";
  # Importing it under two names imports one module.
  key = "claude-langfuse";
  imports = [ ../modules/home-manager.nix ];
  programs.claude-langfuse.package =
    lib.mkDefault
      self.packages.${pkgs.stdenv.hostPlatform.system}.default;
}
