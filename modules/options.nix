# The options of `programs.claude-langfuse`. One project takes the same destination options as all projects.
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
  # A string, because Nix would copy a path literal into the world-readable store.
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
        "File with the secret key of the Langfuse project, outside the Nix store. The program reads it when it sends. It expands a leading `~/` or `$HOME/`, `\${VARIABLE}`, and agenix's expression on macOS."
        { example = literalExpression "config.age.secrets.langfuse.path"; };
    environment =
      option (types.attrsOf json) { }
        "Further variables of claude-langfuse; {command}`claude-langfuse --help` lists them. Values other than strings are written as JSON, and null is skipped. A variable wins over the option for the same setting. Secrets are refused, because the Nix store is world-readable."
        { example.CC_LANGFUSE_TRACE_TAGS = [ "team:search" ]; };
  };

  project.options = destination "the host of all projects" // {
    enable = option types.bool true "Whether to send the sessions of this project." { };
    allow =
      nullOr (types.either (types.enum [ false ]) (types.listOf types.str))
        "Digests of allowed keys, hosts and weaker protection in the project's own settings; {command}`claude-langfuse allow --print` prints them. False always ignores such settings."
        { example = [ "3f9c…" ]; };
  };

  ways = {
    auto = "chooses `claude-code`, `merge` or `plugin`, depending on how the configuration defines {file}`settings.json`";
    claude-code = "adds the hook to {option}`programs.claude-code.settings`, which generates {file}`settings.json`. Auto's choice if that module generates the file anyway";
    plugin = "installs a plugin beside {file}`settings.json`. It needs Claude Code 2.1.157 or later, and has 1.5 s at the end of a session: on slow links the last turn waits for the next session. Auto's choice if {option}`home.file` links {file}`settings.json` into the Nix store";
    merge = "merges the hook into your {file}`settings.json` at activation, and keeps the rest of the file. Auto's choice otherwise";
    none = "registers nothing, and removes entries made by `merge`. See {option}`hookSettings`";
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
          "Claude Code's folder. Set it if {env}`CLAUDE_CONFIG_DIR` is set outside home-manager."
          {
            defaultText = literalExpression ''home.sessionVariables.CLAUDE_CONFIG_DIR, else programs.claude-code.configDir, else "~/.claude"'';
            apply = lib.replaceStrings [ "$HOME" "\${HOME}" ] [ home home ];
          };
      traceAllProjects =
        option types.bool false
          "Whether to send the sessions of all projects. Otherwise only sessions of {option}`projects` are sent, and of projects with `TRACE_TO_LANGFUSE` in their own Claude Code settings."
          { };
      projects =
        option (types.attrsOf (types.submodule project)) { }
          "Options per project, by its folder. A folder covers all folders below it, and their git worktrees; the longest matching path wins. `\"~\"` is the home. An option that is unset or null has the value for all projects. Set both keys of a project or none."
          {
            example."~/code/app" = { };
            example."~/private".enable = false;
          };
      hook.via = option (types.enum (lib.attrNames ways)) "auto" ''
        How to register the hook in Claude Code:

        ${lib.concatLines (lib.mapAttrsToList (way: effect: "- `${way}`: ${effect}.") ways)}'' { };
      flush.interval =
        nullOr types.ints.positive
          "Minutes between two runs of {command}`claude-langfuse flush`, which sends turns that hooks could not send. Without it they wait for the project's next session."
          { example = 30; };
    };
}
