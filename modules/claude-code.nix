# home-manager's own module for Claude Code, as far as it matters here. Older releases of home-manager have none.
{ config, options }:
let
  exists = options.programs ? claude-code;
  module = if exists then config.programs.claude-code else { enable = false; };
in
{
  inherit exists;
  inherit (module) enable;
  configDir = module.configDir or "${config.home.homeDirectory}/.claude";
  settings = if module.enable then module.settings else { };
  marketplaces = if module.enable then module.marketplaces or { } else { };
  plugins = if module.enable then module.plugins or { } else { };
}
