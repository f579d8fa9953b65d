# The program, its demo, and their checks: one set of arguments, and one build of the dependencies per profile.
{
  lib,
  stdenv,
  craneLib,
  cargo-deny,
  cargo-nextest,
  deadnix,
  git,
  installShellFiles,
  just,
  nixfmt,
  python3,
  runCommandLocal,
  statix,
  strace,
  valgrind,
  versionCheckHook,
}:
let
  root = ../.;
  manifest = lib.importTOML (root + "/Cargo.toml");
  canRun = stdenv.buildPlatform.canExecute stdenv.hostPlatform;

  sourceOf =
    files:
    lib.fileset.toSource {
      inherit root;
      fileset = lib.fileset.unions ([ (craneLib.fileset.commonCargoSources root) ] ++ files);
    };

  commonArgs = {
    pname = manifest.package.name;
    inherit (manifest.workspace.package) version;
    # All members of the workspace, with the pages and tables that are compiled in. Tests read more files.
    src = sourceOf [
      ../crates
      ../src
      ../tests/fixtures
    ];
    strictDeps = true;
  };

  # The program, without dependencies of tests.
  releaseArgs = commonArgs // {
    doCheck = false;
    cargoArtifacts = craneLib.buildDepsOnly (commonArgs // { doCheck = false; });
  };

  # Checks and the demo, in a profile that builds fast.
  devArgs = commonArgs // {
    CARGO_PROFILE = "dev";
    cargoArtifacts = craneLib.buildDepsOnly (commonArgs // { CARGO_PROFILE = "dev"; });
  };

  # Tests read every file, because some test the layout of the repository.
  testArgs = devArgs // {
    src = lib.cleanSource root;
  };

  # Without these tools, tests would skip cases.
  testTools = [
    git
    (python3.withPackages (sdks: [
      sdks.anthropic
      sdks.openai
    ]))
  ]
  ++ lib.optional stdenv.hostPlatform.isLinux strace;

  linters = [
    deadnix
    nixfmt
    statix
  ];
  nixFiles = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      (lib.fileset.fileFilter (file: file.hasExt "nix") root)
      ../statix.toml
    ];
  };

  claude-langfuse = craneLib.buildPackage (
    releaseArgs
    // {
      cargoExtraArgs = "--locked --bins";
      nativeBuildInputs = [ installShellFiles ];
      nativeInstallCheckInputs = [ versionCheckHook ];
      doInstallCheck = canRun;
      postInstall = lib.optionalString canRun ''
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
        changelog = "${manifest.workspace.package.repository}/blob/main/CHANGELOG.md";
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
        description = "Sends a recorded session to a mock Langfuse, without an account";
        license = lib.licenses.mit;
        mainProgram = "claude-langfuse-demo";
      };
    }
  );

  checks = {
    package = claude-langfuse;
    deny = craneLib.cargoDeny { inherit (commonArgs) pname version src; };
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
        # One run names all failing tests.
        cargoNextestExtraArgs = "--no-fail-fast";
        nativeBuildInputs = testTools;
        # A missing tool is a failure.
        env.CI = "true";
        # Test servers listen on the loopback interface, which the sandbox of macOS forbids by default.
        __darwinAllowLocalNetworking = true;
      }
    );
    # The fuzzer has its own workspace, and no build of the program reads its lock file.
    fuzz-lock = craneLib.mkCargoDerivation (
      testArgs
      // {
        pname = "claude-langfuse-fuzz-lock";
        cargoArtifacts = null;
        cargoVendorDir = craneLib.vendorCargoDeps { cargoLock = ../fuzz/Cargo.lock; };
        buildPhaseCargoCommand = "cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null";
        doInstallCargoArtifacts = false;
        installPhaseCommand = "mkdir $out";
      }
    );
    nix-files = runCommandLocal "nix-files" { nativeBuildInputs = linters; } ''
      cd ${nixFiles}
      find . -name '*.nix' -exec nixfmt --check {} +
      deadnix --fail .
      statix check .
      touch $out
    '';
  };

  devShell = craneLib.devShell {
    packages = [
      cargo-deny
      cargo-nextest
      just
    ]
    ++ testTools
    ++ linters
    ++ lib.optional stdenv.hostPlatform.isLinux valgrind;
  };
}
