{
  description = "Send every Claude Code session to Langfuse";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";
    crane.url = "github:ipetkov/crane";
    # Only the checks of the module need it.
    home-manager = {
      url = "github:nix-community/home-manager";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    {
      self,
      nixpkgs,
      crane,
      home-manager,
    }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ];
      forAllSystems = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      rustFor = pkgs: pkgs.callPackage ./nix/package.nix { craneLib = crane.mkLib pkgs; };
    in
    {
      packages = forAllSystems (pkgs: rec {
        inherit (rustFor pkgs) claude-langfuse demo;
        default = claude-langfuse;
      });

      apps = lib.mapAttrs (_: packages: rec {
        claude-langfuse = {
          type = "app";
          program = lib.getExe packages.claude-langfuse;
          meta = { inherit (packages.claude-langfuse.meta) description; };
        };
        demo = {
          type = "app";
          program = lib.getExe packages.demo;
          meta = { inherit (packages.demo.meta) description; };
        };
        default = claude-langfuse;
      }) self.packages;

      overlays.default = final: _: { inherit (rustFor final) claude-langfuse; };

      homeModules = rec {
        claude-langfuse = import ./nix/home-module.nix self;
        default = claude-langfuse;
      };
      homeManagerModules = lib.mapAttrs (
        name: lib.warn "claude-langfuse: homeManagerModules.${name} is now homeModules.${name}"
      ) self.homeModules;

      checks = forAllSystems (
        pkgs:
        (rustFor pkgs).checks
        // import ./checks {
          inherit pkgs home-manager;
          homeModule = self.homeModules.default;
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) demo;
        }
      );

      devShells = forAllSystems (pkgs: {
        default = (rustFor pkgs).devShell;
      });

      formatter = forAllSystems (pkgs: pkgs.callPackage ./nix/formatter.nix { });
    };
}
