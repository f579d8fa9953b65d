# A home that is activated within a build. Its folder has a fixed name, because home-manager wants to know it beforehand.
{
  pkgs,
  home-manager,
  homeModule,
}:
let
  inherit (pkgs) lib;

  # Activation asks whether the store is there, and looks for generations to clean up.
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
      # The profile is put in its place by hand.
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

  # A script that is run with the functions of home.sh, in a home of its own.
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

  # Claude Code, as far as home-manager's module looks at it.
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

  # home-manager refuses by throwing as soon as anything of the result is looked at.
  isRefused =
    name: module: !(builtins.tryEval (evaluate name module).activationPackage.drvPath).success;

  # A configuration that is activated as a dry run, twice, and then without the module, for each pair of a state of
  # settings.json and an outcome.
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
      # What .ci/journey needs to drive the real Claude Code there.
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
