# The options of `programs.claude-langfuse`. What one project may set is what all of them may set.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  inherit (lib) literalExpression mkOption types;
  json = (pkgs.formats.json { }).type;
  home = config.home.homeDirectory;
  option =
    type: default: description: more:
    mkOption ({ inherit type default description; } // more);
  nullOr = type: option (types.nullOr type) null;
  # A string, because a path literal would be copied into the store, for everybody to read.
  isOutside = file: lib.match "(/|~/|[$]).*" file != null && !lib.hasPrefix builtins.storeDir file;
  keyFile = types.addCheck types.str isOutside // {
    description = "absolute path of a file outside the Nix store, as a string";
  };

  destination = defaultHost: {
    host = nullOr types.str "Langfuse base URL. Default: ${defaultHost}." { };
    publicKey = nullOr types.str "Public key of the Langfuse project. It is not a secret." { };
    publicKeyFile = nullOr keyFile "File with the public key, instead of {option}`publicKey`." { };
    secretKeyFile =
      nullOr keyFile
        "File with the secret key of the Langfuse project, outside of the Nix store. The program reads it when it sends, and expands a leading `~/` or `$HOME/`, `\${VARIABLE}`, and the expression that agenix writes on macOS."
        { example = literalExpression "config.age.secrets.langfuse.path"; };
    environment =
      option (types.attrsOf json) { }
        "Further variables of claude-langfuse, as {command}`claude-langfuse --help` lists them. Other types than strings are written as JSON, and null is left out. A variable wins over the option of the same meaning. Secrets are refused: the Nix store is world-readable."
        { example.CC_LANGFUSE_TRACE_TAGS = [ "team:search" ]; };
  };

  project.options = destination "the host of all projects" // {
    enable = option types.bool true "Whether to send the sessions of this project." { };
    allow =
      nullOr (types.either (types.enum [ false ]) (types.listOf types.str))
        "Digests of what the project's own settings may say about keys, host and protection, as {command}`claude-langfuse allow --print` prints them. False ignores such settings for good."
        { example = [ "3f9c…" ]; };
  };

  ways = {
    auto = "one of `claude-code`, `merge` and `plugin`, by what the configuration says of {file}`settings.json`";
    claude-code = "{option}`programs.claude-code.settings` generates {file}`settings.json` with it. Auto's choice where that module generates the file anyway";
    plugin = "a plugin beside {file}`settings.json`. It needs Claude Code 2.1.157 or later, which allows it 1.5 s at a session's end: on slow links the last turn waits for the next session. Auto's choice where {option}`home.file` links {file}`settings.json` into the Nix store";
    merge = "merged into the {file}`settings.json` that you and Claude Code write, at activation. The rest of it stays. Auto's choice otherwise";
    none = "not at all, see {option}`hookSettings`. What `merge` made is removed";
  };
in
{
  options.programs.claude-langfuse =
    destination "`https://cloud.langfuse.com`, Langfuse's cloud in the European Union"
    // {
      enable = lib.mkEnableOption "claude-langfuse, which sends Claude Code sessions to Langfuse";
      package = mkOption {
        type = types.package;
        defaultText = literalExpression "inputs.claude-langfuse.packages.\${system}.default";
        description = "Package of claude-langfuse.";
      };
      configDir =
        option types.str
          (config.home.sessionVariables.CLAUDE_CONFIG_DIR
            or ((import ./claude-code.nix { inherit config lib options; }).configDir or "${home}/.claude")
          )
          "Claude Code's folder. Set it if {env}`CLAUDE_CONFIG_DIR` is set outside of home-manager."
          {
            defaultText = literalExpression ''home.sessionVariables.CLAUDE_CONFIG_DIR, else programs.claude-code.configDir, else "~/.claude"'';
            apply = lib.replaceStrings [ "$HOME" "\${HOME}" ] [ home home ];
          };
      traceAllProjects =
        option types.bool false
          "Whether to send the sessions of all projects. Otherwise only those of {option}`projects` are sent, and of projects whose own Claude Code settings say so."
          { };
      projects =
        option (types.attrsOf (types.submodule project)) { }
          "Projects by their folders, and what differs in them. A folder means everything below it, and the git worktrees of what is below it; of several, the longest path counts. `\"~\"` is the home. What is not set, or null, is that of all projects. Keys belong together: a project that has a key of its own has both."
          {
            example."~/code/app" = { };
            example."~/private".enable = false;
          };
      hook.via = option (types.enum (lib.attrNames ways)) "auto" ''
        How Claude Code learns of the hook:

        ${lib.concatLines (lib.mapAttrsToList (way: effect: "- `${way}`: ${effect}.") ways)}'' { };
      flush.interval =
        nullOr types.ints.positive
          "Minutes between two runs of {command}`claude-langfuse flush`, which sends what hooks could not send. Without it that waits for the project's next session."
          { example = 30; };
    };
}
