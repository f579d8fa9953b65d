# The program, its demo, and what guards both: one set of arguments, and dependencies that are built once for each profile.
{
  lib,
  stdenv,
  craneLib,
  installShellFiles,
  cargo-nextest,
  pkgs,
}:
let
  root = ../.;
  manifest = lib.importTOML (root + "/Cargo.toml");

  # A package set that stands in for nixpkgs, as in .ci/run, may be without them.
  has = name: pkgs ? ${name} && (builtins.tryEval pkgs.${name}).success;
  linters = [
    "cargo-deny"
    "deadnix"
    "nixfmt"
    "statix"
  ];

  sourceOf =
    files:
    lib.fileset.toSource {
      inherit root;
      fileset = lib.fileset.unions ([ (craneLib.fileset.commonCargoSources root) ] ++ files);
    };

  commonArgs = {
    pname = manifest.package.name;
    inherit (manifest.workspace.package) version;
    # The sources of all members of the workspace, and what is compiled in; tests read more than that.
    src = sourceOf [
      ../crates/secrets/src/vendors.txt
      ../tests/fixtures
    ];
    strictDeps = true;
  };

  # The program: without what only tests need.
  releaseArgs = commonArgs // {
    doCheck = false;
    cargoArtifacts = craneLib.buildDepsOnly (commonArgs // { doCheck = false; });
  };

  # What guards it, and the demo: fast to build.
  devArgs = commonArgs // {
    CARGO_PROFILE = "dev";
    cargoArtifacts = craneLib.buildDepsOnly (commonArgs // { CARGO_PROFILE = "dev"; });
  };

  # Tests read every file: the order of the repository is tested too.
  testArgs = devArgs // {
    src = lib.cleanSource root;
  };

  claude-langfuse = craneLib.buildPackage (
    releaseArgs
    // {
      cargoExtraArgs = "--locked --bins";
      nativeBuildInputs = [ installShellFiles ];
      postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
        program=$out/bin/claude-langfuse
        installShellCompletion --cmd claude-langfuse \
          --bash <("$program" completions bash) \
          --zsh <("$program" completions zsh) \
          --fish <("$program" completions fish)
        "$program" man --output-dir man1
        installManPage man1/*
      '';
      meta = {
        inherit (manifest.package) description;
        homepage = manifest.workspace.package.repository;
        license = lib.licenses.mit;
        mainProgram = "claude-langfuse";
        platforms = lib.platforms.unix;
      };
    }
  );
in
{
  inherit claude-langfuse;

  demo = craneLib.buildPackage (
    devArgs
    // {
      pname = "claude-langfuse-demo";
      doCheck = false;
      cargoExtraArgs = "--locked --example demo";
      installPhaseCommand = "install -D target/debug/examples/demo $out/bin/claude-langfuse-demo";
      meta = {
        description = "Plays a recorded session to a stand-in for Langfuse, without an account";
        license = lib.licenses.mit;
        mainProgram = "claude-langfuse-demo";
      };
    }
  );

  checks =
    lib.optionalAttrs (has "cargo-deny") {
      deny = craneLib.cargoDeny { inherit (commonArgs) pname version src; };
    }
    // {
      package = claude-langfuse;
      format = craneLib.cargoFmt { inherit (commonArgs) pname version src; };
      clippy = craneLib.cargoClippy (
        testArgs // { cargoClippyExtraArgs = "--all-targets -- -D warnings"; }
      );
      documentation = craneLib.cargoDoc (
        devArgs
        // {
          cargoDocExtraArgs = "--no-deps --document-private-items";
          env.RUSTDOCFLAGS = "-D warnings";
        }
      );
      tests = craneLib.cargoNextest (
        testArgs
        // {
          cargoExtraArgs = "--locked";
          # Their servers listen on the loopback interface, which the sandbox of macOS forbids otherwise.
          __darwinAllowLocalNetworking = true;
        }
      );
    };

  devShell = craneLib.devShell {
    packages = [ cargo-nextest ] ++ lib.attrVals (lib.filter has linters) pkgs;
  };
}
