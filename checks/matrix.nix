# Every way in which settings.json can be there already, times every way to register: it works, or it is refused with the
# remedy. Each is activated as a dry run, twice, and then without the module.
{ pkgs, home }:
let
  inherit (pkgs) lib;

  modes = {
    off = { };
    bare = home.claudeCode;
    settings = {
      imports = [ home.claudeCode ];
      programs.claude-code.settings.model = "opus";
    };
  };

  ways = [
    "auto"
    "claude-code"
    "merge"
    "plugin"
    "none"
  ];

  # For settings.json being absent, mutable, a link out of the store, a link into it.
  everywhere = outcome: {
    absent = outcome;
    mutable = outcome;
    link = outcome;
    store = outcome;
  };
  merged = everywhere "merged" // {
    store = "left-alone";
  };
  generated = everywhere "refused" // {
    absent = "generated";
  };
  # home-manager itself refuses to replace what is there by what its own module generates.
  beside =
    outcome:
    everywhere "collision"
    // {
      absent = outcome;
    };

  # `null`: refused before anything is built.
  outcomes = {
    off = {
      auto = merged;
      claude-code = null;
      merge = merged;
      plugin = everywhere "plugin";
      none = everywhere "untouched";
    };
    bare = {
      auto = merged;
      claude-code = generated;
      merge = merged;
      plugin = everywhere "plugin";
      none = everywhere "untouched";
    };
    settings = {
      auto = generated;
      claude-code = generated;
      merge = null;
      plugin = beside "plugin";
      none = beside "unregistered";
    };
  };

  inStore = pkgs.runCommandLocal "settings.json" { } "echo '{}' >$out";

  cell =
    mode: way:
    let
      name = "${mode}-${way}";
      outcome = outcomes.${mode}.${way};
      modules = [
        modes.${mode}
        {
          programs.claude-langfuse = {
            enable = true;
            hook.via = way;
          };
        }
      ];
      with' = home.evaluate name modules;
      without = home.evaluate name [ modes.${mode} ];
    in
    lib.nameValuePair "home-${name}" (
      if outcome == null then
        assert lib.assertMsg (home.isRefused name modules) "${name} was not refused";
        home.check name ""
      else
        home.check name ''
          in_store=${inStore}
          hook_settings=${lib.escapeShellArg (builtins.toJSON with'.config.programs.claude-langfuse.hookSettings)}
          with=${with'.activationPackage}
          without=${without.activationPackage}
          profile=${with'.config.home.path}
          . ${./matrix.sh}
          ${lib.concatLines (lib.mapAttrsToList (state: outcome: "cell ${state} ${outcome}") outcome)}
        ''
    );
in
lib.listToAttrs (lib.concatMap (mode: map (cell mode) ways) (lib.attrNames modes))
