# A home that is activated within a build. Its folder has a fixed name, because home-manager wants to know it beforehand.
{
  pkgs,
  home-manager,
  homeModule,
}:
let
  # Activation asks whether the store is there, and looks for generations to clean up.
  noNix = pkgs.symlinkJoin {
    name = "no-nix";
    paths = map (name: pkgs.writeShellScriptBin name ":") [
      "nix"
      "nix-build"
      "nix-env"
      "nix-store"
    ];
    meta.mainProgram = "nix";
  };

  base =
    directory:
    { lib, ... }:
    {
      imports = [ homeModule ];
      home = {
        username = "user";
        homeDirectory = directory;
        stateVersion = "26.05";
        enableNixpkgsReleaseCheck = false;
        activationGenerateGcRoot = false;
        # The profile is put in its place by hand.
        activation.installPackages = lib.mkForce (lib.hm.dag.entryAnywhere "");
      };
      manual.manpages.enable = false;
      news.display = "silent";
      nix.package = noNix;
      systemd.user.startServices = false;
    };
in
rec {
  directoryOf = name: "/tmp/claude-langfuse-check-${name}";

  evaluate =
    name: modules:
    home-manager.lib.homeManagerConfiguration {
      inherit pkgs;
      modules = [ (base (directoryOf name)) ] ++ modules;
    };

  # home-manager refuses by throwing as soon as anything of the result is looked at.
  isRefused =
    name: modules: !(builtins.tryEval (evaluate name modules).activationPackage.drvPath).success;

  # Claude Code, as far as home-manager's module looks at it.
  claudeCode = {
    programs.claude-code.enable = true;
    programs.claude-code.package = null;
  };

  # A script that is run with the functions of home.sh, in a home of its own.
  check =
    name: script:
    pkgs.runCommandLocal "check-${name}" { nativeBuildInputs = [ pkgs.jq ]; } ''
      export HOME=${directoryOf name} USER=user
      . ${./home.sh}
      ${script}
      rm -rf "$HOME" "$HOME.log"
      touch $out
    '';
}
