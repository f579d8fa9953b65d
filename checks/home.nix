# A home that is activated within a build. Its folder has a fixed name, because home-manager needs it at evaluation.
{
  pkgs,
  home-manager,
  homeModule,
}:
let
  inherit (pkgs) lib;

  # Activation checks the store, and looks for old generations.
  noNix = pkgs.symlinkJoin {
    name = "no-nix";
    paths = map (name: pkgs.writeShellScriptBin name ":") (
      lib.splitString " " "nix nix-build nix-env nix-store"
    );
    meta.mainProgram = "nix";
  };
  directoryOf = name: "/tmp/claude-langfuse-check-${name}";
  base = name: {
    imports = [ homeModule ];
    home = {
      username = "user";
      homeDirectory = directoryOf name;
      stateVersion = "25.11";
      enableNixpkgsReleaseCheck = false;
      activationGenerateGcRoot = false;
      # The checks install the profile themselves.
      activation.installPackages = lib.mkForce (home-manager.lib.hm.dag.entryAnywhere "");
    };
    manual.manpages.enable = false;
    news.display = "silent";
    nix.package = noNix;
    systemd.user.startServices = false;
    programs.claude-langfuse.enable = lib.mkDefault true;
  };
  both = one: other: {
    imports = [
      one
      other
    ];
  };
  evaluate =
    name: module:
    home-manager.lib.homeManagerConfiguration {
      inherit pkgs;
      modules = lib.singleton (both (base name) module);
    };

  # A script with the functions of home.sh, in its own home.
  check =
    name: passthru: script:
    pkgs.runCommandLocal "check-${name}"
      {
        inherit passthru;
        nativeBuildInputs = [ pkgs.jq ];
      }
      ''
        export HOME=${directoryOf name} USER=user
        . ${./home.sh}
        ${script}
        rm -rf "$HOME" "$HOME".*
        touch $out
      '';
in
{
  inherit both evaluate check;

  # A Claude Code package with the attributes that home-manager's module reads.
  claudeCode.programs.claude-code = {
    enable = true;
    package = null;
  };

  storeLink.home.file.".claude/settings.json".source = ./claude/settings.json;
  outOfStore =
    name:
    { config, ... }:
    {
      home.file.${name}.source =
        config.lib.file.mkOutOfStoreSymlink "${config.home.homeDirectory}/dotfiles/claude";
    };

  # home-manager refuses by throwing on the first access to the result.
  isRefused =
    name: module: !(builtins.tryEval (evaluate name module).activationPackage.drvPath).success;

  # Activates a configuration as a dry run, then twice, then without the module, for each pair of a state of settings.json
  # and an outcome.
  cells =
    {
      name,
      module,
      outcomes,
      folder ? ".claude",
    }:
    let
      with' = evaluate name module;
      without = evaluate name (both module { programs.claude-langfuse.enable = false; });
      # For .ci/journey, which drives the real Claude Code in this home.
      passthru = {
        inherit folder;
        home = directoryOf name;
        generation = with'.activationPackage;
        profile = with'.config.home.path;
      };
    in
    check name passthru ''
      folder=${lib.escapeShellArg folder}
      in_store=${pkgs.writeText "settings.json" "{}"}
      hook_settings=${lib.escapeShellArg (builtins.toJSON with'.config.programs.claude-langfuse.hookSettings)}
      with=${with'.activationPackage}
      without=${without.activationPackage}
      profile=${with'.config.home.path}
      . ${./cell.sh}
      ${lib.concatLines (lib.mapAttrsToList (state: outcome: "cell ${state} ${outcome}") outcomes)}
    '';
}
