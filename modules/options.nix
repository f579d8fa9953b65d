# The options of `programs.claude-langfuse`. What one project may set is what all of them may set.
{ lib, pkgs, ... }:
let
  inherit (lib) literalExpression mkOption types;

  json = (pkgs.formats.json { }).type;

  # A string, because a path literal would be copied into the store, for everybody to read. Absolute as the program
  # sees it: `~/`, and what agenix writes, are expanded by it.
  keyFile =
    types.addCheck types.str (
      file:
      lib.any (start: lib.hasPrefix start file) [
        "/"
        "~/"
        "$"
      ]
      && !lib.hasPrefix builtins.storeDir file
    )
    // {
      description = "whole path of a file outside the Nix store, as a string (agenix's or sops-nix's path as it is; neither a path literal nor the key itself)";
    };

  destination = {
    host = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "https://us.cloud.langfuse.com";
      description = ''
        Where Langfuse is. Without it {env}`LANGFUSE_BASE_URL` is not set, and the program takes
        `https://cloud.langfuse.com`, Langfuse's cloud in the European Union.
      '';
    };

    publicKey = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "pk-lf-1a2b3c4d-0000-4000-8000-000000000000";
      description = ''
        Public key of the Langfuse project. It is no secret: it can only name the project.
      '';
    };

    publicKeyFile = mkOption {
      type = types.nullOr keyFile;
      default = null;
      example = literalExpression "config.sops.secrets.langfuse-public-key.path";
      description = ''
        File that holds the public key, instead of {option}`publicKey`.
      '';
    };

    secretKeyFile = mkOption {
      type = types.nullOr keyFile;
      default = null;
      example = literalExpression "config.age.secrets.langfuse.path";
      description = ''
        File that holds the secret key of the Langfuse project, outside of the Nix store. The program reads it when it
        sends; a leading `~/`, `''${VARIABLE}` and the expression that agenix uses on macOS are expanded by then.
      '';
    };

    environment = mkOption {
      type = types.attrsOf json;
      default = { };
      example = literalExpression ''
        {
          CC_LANGFUSE_TRACE_TAGS = [ "team:search" ];
          LANGFUSE_TRACING_ENVIRONMENT = "development";
        }
      '';
      description = ''
        Further variables of claude-langfuse, as {command}`claude-langfuse --help` lists them. What is no string is
        written as JSON. A variable set here wins over the option of the same meaning, and null leaves it unset.
        Secrets are refused: the Nix store can be read by everybody.
      '';
    };
  };
in
{
  options.programs.claude-langfuse = destination // {
    enable = lib.mkEnableOption "claude-langfuse, which sends Claude Code sessions to Langfuse";

    package = lib.mkPackageOption pkgs "claude-langfuse" { };

    traceAllProjects = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether to send the sessions of all projects. Otherwise only those of {option}`projects` are sent, and of
        projects whose own Claude Code settings say so.
      '';
    };

    projects = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = destination // {
            enable = mkOption {
              type = types.bool;
              default = true;
              description = ''
                Whether to send the sessions of this project.
              '';
            };
          };
        }
      );
      default = { };
      example = literalExpression ''
        {
          "~/code/app" = { };
          "~/code/client" = {
            publicKey = "pk-lf-…";
            secretKeyFile = config.age.secrets.langfuse-client.path;
          };
          "~/private".enable = false;
        }
      '';
      description = ''
        Projects by their folders, and what differs in them. A folder means all that is below it, and the git worktrees
        of what is below it; of several, the longest path counts. Keys belong together: a project that has a key of its
        own has both.
      '';
    };

    hook.via = mkOption {
      type = types.enum [
        "auto"
        "claude-code"
        "merge"
        "plugin"
        "none"
      ];
      default = "auto";
      description = ''
        How the hook gets into Claude Code's {file}`settings.json`:

        `claude-code`
        : through {option}`programs.claude-code.settings`, which generates the file;

        `merge`
        : into the file that you and Claude Code write yourselves, at activation. Everything else in it stays;

        `plugin`
        : by a plugin beside it. Claude Code allows a plugin 1.5 seconds at a session's end, so that on slow links the
          last turn has to wait for the next session;

        `none`
        : not at all: see {option}`hookSettings`;

        `auto`
        : `claude-code` where that module generates the file anyway, else `merge`.
      '';
    };

    hookSettings = mkOption {
      type = json;
      readOnly = true;
      description = ''
        What belongs under `hooks` in Claude Code's {file}`settings.json`, for those who generate that file themselves.
      '';
    };

    flush.interval = mkOption {
      type = types.nullOr types.ints.positive;
      default = null;
      example = 30;
      description = ''
        Minutes between two runs of {command}`claude-langfuse flush`, which sends what could not be sent when it was
        written. Without it that waits for the project's next session.
      '';
    };
  };
}
