# Every state of settings.json with every `hook.via`: the registration works, or is refused with a remedy.
{ pkgs, home }:
let
  inherit (pkgs) lib;

  modes = {
    off = { };
    bare = home.claudeCode;
    settings = home.both home.claudeCode { programs.claude-code.settings.model = "opus"; };
  };

  # settings.json is absent, a file, a link out of the store, or a link into the store that home-manager did not make.
  everywhere = lib.genAttrs (lib.splitString " " "absent mutable link store");
  merged = everywhere (_: "merged") // {
    store = "refused";
  };
  # home-manager itself refuses to replace an existing file with a generated one.
  beside = outcome: everywhere (_: "collision") // { absent = outcome; };
  byHand = {
    auto = merged;
    merge = merged;
    plugin = everywhere (_: "plugin");
    none = everywhere (_: "untouched");
  };

  # `null`: refused before anything is built.
  outcomes.off = byHand // {
    claude-code = null;
  };
  outcomes.bare = byHand // {
    claude-code = beside "registered";
  };
  outcomes.settings = {
    auto = beside "registered";
    claude-code = beside "registered";
    merge = null;
    plugin = beside "plugin";
    none = beside "unregistered";
  };

  cell =
    mode: way: outcomes:
    let
      name = "${mode}-${way}";
      module = home.both modes.${mode} { programs.claude-langfuse.hook.via = way; };
      refused =
        assert lib.assertMsg (home.isRefused name module) "${name} was not refused";
        home.check name { } "";
    in
    lib.nameValuePair "home-${name}" (
      if outcomes == null then refused else home.cells { inherit name module outcomes; }
    );
  ofMode = mode: lib.mapAttrsToList (cell mode) outcomes.${mode};
in
lib.listToAttrs (lib.concatMap ofMode (lib.attrNames modes))
