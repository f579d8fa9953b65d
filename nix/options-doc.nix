# Generates docs/options.md from the module.
{ lib, pkgs }:
let
  inherit
    (lib.evalModules {
      modules = [
        ../modules/home-manager.nix
        {
          _module.args = { inherit pkgs; };
          _module.check = false;
        }
      ];
    })
    options
    ;
  documented = lib.filter (option: !lib.hasInfix "._module." option.name) (
    lib.optionAttrSetToDocList options.programs.claude-langfuse
  );
  plain = lib.replaceStrings [ "{option}" "{file}" "{env}" "{command}" ] [ "" "" "" "" ];
  code =
    value: if lib.hasInfix "\n" value then "\n\n```nix\n${lib.trim value}\n```" else " `${value}`";
  section =
    option:
    "### ${option.name}\n\n${lib.trim (plain option.description)}\n\n- Type: ${
      lib.replaceStrings [ "(JSON value)" ] [ "JSON value" ] option.type
    }"
    + lib.optionalString (option ? default) "\n- Default:${code option.default.text}"
    + lib.optionalString (option ? example) "\n- Example:${code option.example.text}"
    + "\n";
in
pkgs.writeText "options.md" ''
  # Options of `programs.claude-langfuse`

  Generated from the home-manager module by `just options`. [nix.md](nix.md) says how they are used.

  ${lib.concatMapStringsSep "\n" section documented}''
