# What home-manager's module for Claude Code does, as far as it matters here. Releases before 25.11 have none.
{
  config,
  lib,
  options,
}:
let
  exists = options.programs.claude-code ? enable;
  module = lib.optionalAttrs (
    exists && config.programs.claude-code.enable
  ) config.programs.claude-code;
  # Its folder can differ from Claude Code's if a variable is set by hand.
  inherit (config.programs.claude-langfuse) configDir;
  isRead = module.enable or false && module.configDir or configDir == configDir;
  isMutable = module.mutableSettings or false;
  isShared = module.enableMcpIntegration or false && config.programs.mcp.enable;
  servers = lib.optionalAttrs isShared config.programs.mcp.servers // module.mcpServers or { };
  # Older releases leave disabled servers out.
  isDisabled =
    server:
    lib.versionAtLeast config.home.version.release "26.11"
    && (server.enabled or null == false || server.disabled or false == true);
in
module
// {
  enable = module.enable or false;
  settings = module.settings or { };
  # Merged into the file in the home at activation, where declared arrays replace those of the file.
  mergesSettings = isRead && isMutable;
  # Whether it links settings.json into the store when these are its settings.
  generatesFrom =
    settings:
    isRead
    && !isMutable
    && (
      settings != { } || module.marketplaces or { } != { } || lib.any isDisabled (lib.attrValues servers)
    );
}
