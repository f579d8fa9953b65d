# The drop-in for teams, as NixOS and nix-darwin write it. The output is the file, for .ci/journey.
{ pkgs, managedModule }:
let
  inherit (pkgs) lib;

  stub = type: lib.mkOption { type = type lib.types.anything; };
  system =
    variables: more:
    lib.evalModules {
      specialArgs = { inherit pkgs; };
      modules = [
        managedModule
        {
          options.assertions = stub lib.types.listOf;
          options.environment = stub lib.types.attrsOf;
          options.system = stub lib.types.attrsOf;
          config.programs.claude-langfuse.enable = true;
          config.programs.claude-langfuse.environment = variables;
        }
        more
      ];
    };
  linux = (system { CC_LANGFUSE_MASK = true; } { }).config;
  darwin = (system { } { options.launchd = stub lib.types.attrsOf; }).config;
  secret = (system { LANGFUSE_SECRET_KEY = "sk-lf-1"; } { }).config;
  dropIn = linux.environment.etc."claude-code/managed-settings.d/50-claude-langfuse.json".source;
in
assert (lib.head linux.assertions).assertion && !(lib.head secret.assertions).assertion;
assert lib.hasInfix "ln -sfn /etc/" darwin.system.activationScripts.postActivation.text;
pkgs.runCommandLocal "check-managed-settings" { nativeBuildInputs = [ pkgs.jq ]; } ''
  jq -e '.env == {CC_LANGFUSE_MASK: "true"} and .hooks.SessionEnd[0].hooks[0].timeout == 10
    and (.hooks.Stop[0].hooks[0].command | endswith(" hook; :"))' ${dropIn}
  cp ${dropIn} $out
''
