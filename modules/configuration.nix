# The configuration file: the options, in the program's own language, which is environment variables.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.programs.claude-langfuse;

  isSet = _: value: value != null;
  text = value: if lib.isString value then value else builtins.toJSON value;

  environmentOf =
    scope:
    lib.filterAttrs isSet {
      LANGFUSE_BASE_URL = scope.host;
      LANGFUSE_PUBLIC_KEY = scope.publicKey;
      LANGFUSE_PUBLIC_KEY_FILE = scope.publicKeyFile;
      LANGFUSE_SECRET_KEY_FILE = scope.secretKeyFile;
    }
    // lib.mapAttrs (_: text) (lib.filterAttrs isSet scope.environment);

  forAll =
    lib.optionalAttrs cfg.traceAllProjects { TRACE_TO_LANGFUSE = "true"; } // environmentOf cfg;
  forProject =
    project: { TRACE_TO_LANGFUSE = lib.boolToString project.enable; } // environmentOf project;

  refusals = import ./refusals.nix {
    inherit lib;
    variables = lib.importJSON ./variables.json;
  };
  option = "programs.claude-langfuse";
in
{
  config = lib.mkIf cfg.enable {
    xdg.configFile."claude-langfuse/config.json".source =
      (pkgs.formats.json { }).generate "claude-langfuse-config.json"
        {
          env = forAll;
          projects = lib.mapAttrs (_: project: { env = forProject project; }) cfg.projects;
        };

    assertions =
      refusals.ofScope option forAll
      ++ lib.concatLists (
        lib.mapAttrsToList (
          path: project: refusals.ofProject option forAll path (forProject project)
        ) cfg.projects
      );
  };
}
