# The configuration file: the options as environment variables of the program.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.programs.claude-langfuse;
  # A variable wins over the option for the same setting, in any spelling.
  plain = name: lib.removePrefix "CC_" (lib.removeSuffix "_FILE" name);
  meaning = name: lib.replaceStrings [ "LANGFUSE_HOST" ] [ "LANGFUSE_BASE_URL" ] (plain name);
  isSet = _: value: value != null;
  text = value: if lib.isString value then value else builtins.toJSON value;
  environmentOf =
    trace: scope:
    let
      variables = lib.mapAttrs (_: text) (lib.filterAttrs isSet scope.environment);
      taken = map meaning (lib.attrNames variables);
      options = {
        TRACE_TO_LANGFUSE = trace;
        LANGFUSE_BASE_URL = scope.host;
        LANGFUSE_PUBLIC_KEY = scope.publicKey;
        LANGFUSE_PUBLIC_KEY_FILE = scope.publicKeyFile;
        LANGFUSE_SECRET_KEY_FILE = scope.secretKeyFile;
      };
    in
    lib.filterAttrs (name: value: value != null && !lib.elem (meaning name) taken) options // variables;

  env = environmentOf (if cfg.traceAllProjects then "true" else null) cfg;
  projects = lib.mapAttrs (
    _: project:
    {
      env = environmentOf (lib.boolToString project.enable) project;
    }
    // lib.optionalAttrs (project.allow != null) { inherit (project) allow; }
  ) cfg.projects;
  written = (pkgs.formats.json { }).generate "claude-langfuse-config.json" { inherit env projects; };
  # The program checks its own variables.
  check = "HOME=${lib.escapeShellArg config.home.homeDirectory} ${lib.getExe cfg.package} --config ${written} config check --file-only";
  canRun = pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform;
  checked = pkgs.runCommandLocal "claude-langfuse-config.json" { } "${check} && cp ${written} $out";

  # Later than evaluation, a secret would already be in the store. The message never shows a value.
  isSecret =
    name: value:
    lib.hasSuffix "LANGFUSE_SECRET_KEY" name
    || lib.hasSuffix "LANGFUSE_HEADERS" name
    || lib.hasInfix "sk-lf-" value
    || lib.hasSuffix "_FILE" name && lib.hasPrefix builtins.storeDir value;
  refuseSecrets =
    option:
    lib.mapAttrsToList (
      name: value: {
        assertion = !isSecret name value;
        message = "${option}: ${name} puts a secret into the world-readable Nix store; put the secret into a file outside the store and set ${option}.secretKeyFile, or the variable's _FILE form, to its path, as a string";
      }
    );
  ofProject =
    path: project: refuseSecrets "programs.claude-langfuse.projects.\"${path}\"" project.env;
in
{
  config = lib.mkIf (cfg.enable && (env != { } || projects != { })) {
    xdg.configFile."claude-langfuse/config.json".source = if canRun then checked else written;
    home.activation.claudeLangfuseConfig = lib.mkIf (!canRun) (
      lib.hm.dag.entryBefore [ "checkLinkTargets" ] "${check} || exit 1"
    );
    assertions =
      refuseSecrets "programs.claude-langfuse" env
      ++ lib.concatLists (lib.mapAttrsToList ofProject projects);
  };
}
