{
  description = "Send every Claude Code session to Langfuse";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";
    # The newest release that also builds with nixpkgs 25.11.
    crane.url = "github:ipetkov/crane/v0.23.4";
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
      rustFor =
        pkgs:
        assert lib.assertMsg (lib.versionAtLeast pkgs.lib.trivial.release "25.11")
          "claude-langfuse supports nixpkgs 25.11, 26.05 and later, and this is ${pkgs.lib.trivial.release}";
        pkgs.callPackage ./nix/package.nix { craneLib = crane.mkLib pkgs; };
      docsFor = pkgs: pkgs.callPackage ./nix/options-doc.nix { };
    in
    {
      packages = forAllSystems (pkgs: {
        inherit (rustFor pkgs) claude-langfuse demo;
        default = (rustFor pkgs).claude-langfuse;
        options-doc = docsFor pkgs;
      });

      overlays.default = final: _: { inherit (rustFor final) claude-langfuse; };

      homeModules.claude-langfuse = import ./nix/home-module.nix self;
      homeModules.default = self.homeModules.claude-langfuse;
      nixosModules.default = import ./nix/managed-settings.nix self;
      darwinModules.default = import ./nix/managed-settings.nix self;

      templates.default = {
        path = ./nix/template;
        description = "A home with Claude Code's sessions in Langfuse";
      };

      checks = forAllSystems (
        pkgs:
        (rustFor pkgs).checks
        // import ./checks {
          inherit pkgs home-manager;
          homeModule = self.homeModules.default;
          managedModule = self.nixosModules.default;
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) demo options-doc;
        }
      );

      devShells = forAllSystems (pkgs: {
        default = (rustFor pkgs).devShell;
      });

      formatter = forAllSystems (pkgs: pkgs.callPackage ./nix/formatter.nix { });
    };
}
