# The relevant behavior of home-manager's module for Claude Code. Releases before 25.11 have no such module.
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
  # Older releases omit disabled servers.
  isDisabled =
    server:
    lib.versionAtLeast config.home.version.release "26.11"
    && (server.enabled or null == false || server.disabled or false == true);
in
module
// {
  enable = module.enable or false;
  settings = module.settings or { };
  # The module merges these into the file at activation; declared arrays replace those of the file.
  mergesSettings = isRead && isMutable;
  # Whether the module links settings.json into the store with these settings.
  generatesFrom =
    settings:
    isRead
    && !isMutable
    && (
      settings != { } || module.marketplaces or { } != { } || lib.any isDisabled (lib.attrValues servers)
    );
}
