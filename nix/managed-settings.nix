# For teams, on NixOS and nix-darwin: the hook and its variables for every user of a machine, as a drop-in of Claude Code's
# managed settings.
self:
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  cfg = config.programs.claude-langfuse;
  json = pkgs.formats.json { };
  program = "/run/current-system/sw/bin/claude-langfuse";
  hook = more: [
    {
      hooks = [
        (
          {
            type = "command";
            command = "[ -x '${program}' ] && exec '${program}' hook; :";
          }
          // more
        )
      ];
    }
  ];
  text = value: if lib.isString value then value else builtins.toJSON value;
  dropIn = "claude-code/managed-settings.d/50-claude-langfuse.json";
in
{
  key = "claude-langfuse";

  options.programs.claude-langfuse = {
    enable = lib.mkEnableOption "the hook of claude-langfuse in Claude Code's managed settings";
    package = lib.mkOption {
      type = lib.types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
      defaultText = lib.literalExpression "inputs.claude-langfuse.packages.\${system}.default";
      description = "Package of claude-langfuse.";
    };
    environment = lib.mkOption {
      type = lib.types.attrsOf json.type;
      default = { };
      example.LANGFUSE_BASE_URL = "https://langfuse.example.com";
      description = "Variables of claude-langfuse for every user. They win over those of users and projects.";
    };
  };

  config = lib.mkIf cfg.enable (
    {
      environment.systemPackages = [ cfg.package ];
      environment.etc.${dropIn}.source = json.generate "50-claude-langfuse.json" {
        env = lib.mapAttrs (_: text) cfg.environment;
        hooks.Stop = hook { };
        hooks.SessionEnd = hook { timeout = 10; };
      };
      assertions = [
        {
          assertion = !lib.hasInfix "sk-lf-" (builtins.toJSON cfg.environment);
          message = "programs.claude-langfuse.environment puts a secret into the world-readable Nix store; put the key into a file and set LANGFUSE_SECRET_KEY_FILE to its path";
        }
      ];
    }
    # On macOS Claude Code reads another folder, where nix-darwin can only link.
    // lib.optionalAttrs (options ? launchd) {
      system.activationScripts.postActivation.text = ''
        mkdir -p "/Library/Application Support/ClaudeCode/managed-settings.d"
        ln -sfn /etc/${dropIn} "/Library/Application Support/ClaudeCode/managed-settings.d/"
      '';
    }
  );
}
