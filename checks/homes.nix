# Typical homes: other definitions stay unchanged, and Claude Code finds the hook.
{ pkgs, home }:
let
  inherit (pkgs) lib;
  inherit (home) both claudeCode storeLink;
  inherit (home.evaluate "options" { }) config options;
  settings = lib.importJSON ./claude/settings.json;

  absent = outcome: module: {
    inherit module;
    outcomes.absent = outcome;
  };
  ofClaudeCode = more: absent "registered" (both claudeCode { programs.claude-code = more; });
  linked = more: absent "plugin" (both storeLink more);
  folder = source: {
    home.file.".claude".source = source;
    home.file.".claude".recursive = true;
  };
  mutableSettings =
    if options.programs.claude-code ? mutableSettings then
      { programs.claude-code.mutableSettings = true; }
    else
      ./mutable-settings.nix;
  mutable = more: {
    module = both mutableSettings (both claudeCode { programs.claude-code = more; });
    outcomes.absent = "registered-in-file";
    outcomes.mutable = "registered-in-file";
  };
  # home-manager can't activate a home with a space in its path, but Claude Code's folder may have one.
  elsewhere = more: {
    module = more;
    folder = ".config/claude code";
    outcomes.mutable = "merged";
  };

  homes = {
    store-link = linked { };
    store-link-and-python-hook = absent "plugin" {
      home.file.".claude/settings.json".source = ./claude/python-hook.json;
      home.file.".claude/hooks/langfuse_hook.py".text = ''
        import pathlib
        (pathlib.Path.home() / "python-hook").open("a").write("called\n")
      '';
    };
    store-link-and-claude-code = linked claudeCode;
    store-link-and-skills = linked {
      home.file.".claude/skills".source = ./.;
      home.file.".claude/skills".recursive = true;
    };
    store-folder = absent "plugin" (folder ./claude);
    # Evaluation can't read files that are not built yet.
    built-folder = absent "refused" (
      folder (pkgs.runCommandLocal "claude" { } "cp -r ${./claude} $out")
    );
    dotfiles-folder = {
      module = home.outOfStore ".claude";
      outcomes.dotfiles = "merged";
    };
    settings-by-default = ofClaudeCode { settings = lib.mkDefault settings; };
    settings-forced = ofClaudeCode { settings = lib.mkForce settings; };
    hooks-by-default = ofClaudeCode { settings.hooks = lib.mkDefault settings.hooks; };
    mutable-settings = mutable { settings.model = "opus"; };
    mutable-settings-with-hooks = mutable { settings = { inherit (settings) hooks; }; };
    session-variable = elsewhere {
      home.sessionVariables.CLAUDE_CONFIG_DIR = "$HOME/.config/claude code";
    };
    config-dir = elsewhere (
      { config, ... }:
      {
        programs.claude-langfuse.configDir = "${config.xdg.configHome}/claude code";
      }
    );
  }
  // lib.optionalAttrs (lib.versionAtLeast config.home.version.release "26.11") {
    disabled-server = ofClaudeCode {
      mcpServers.one.command = "true";
      mcpServers.one.disabled = true;
    };
    disabled-shared-server = absent "registered" {
      imports = [ claudeCode ];
      programs.claude-code.enableMcpIntegration = true;
      programs.mcp.enable = true;
      programs.mcp.servers.one.command = "true";
      programs.mcp.servers.one.enabled = false;
    };
  };
in
lib.mapAttrs' (
  name: cells: lib.nameValuePair "home-${name}" (home.cells ({ inherit name; } // cells))
) homes
