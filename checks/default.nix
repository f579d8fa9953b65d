# Tests the module as users run it: evaluated, activated in a home, and with a recorded session of Claude Code.
{
  pkgs,
  home-manager,
  homeModule,
  managedModule,
  demo,
  options-doc,
}:
let
  inherit (pkgs) lib;
  home = import ./home.nix { inherit pkgs home-manager homeModule; };
in
{
  managed-settings = import ./managed-settings.nix { inherit pkgs managedModule; };
  options-doc = pkgs.runCommandLocal "check-options-doc" { } ''
    diff ${../docs/options.md} ${options-doc} || { echo "docs/options.md is outdated. Run: just options"; exit 1; }
    touch $out
  '';
  refusals = import ./refusals.nix { inherit pkgs home; };
  written = import ./written.nix { inherit pkgs home; };
}
# On macOS activation loads launch agents, which a build must not do.
// lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux (
  import ./matrix.nix { inherit pkgs home; }
  // import ./homes.nix { inherit pkgs home; }
  // import ./transitions.nix { inherit pkgs home; }
  // import ./delivery.nix { inherit pkgs home demo; }
)
