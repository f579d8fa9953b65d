# The whole path: a session of Claude Code, played in an activated home, calls the hook that activation registered, which
# sends every row to the stand-in for Langfuse that the module's configuration names.
{
  pkgs,
  home,
  demo,
}:
let
  inherit (pkgs) lib;

  delivery =
    {
      name,
      address,
      modules,
      keyFile,
      setUp,
    }:
    let
      evaluated = home.evaluate name (
        [
          {
            programs.claude-langfuse = {
              enable = true;
              host = "http://${address}";
              publicKey = "pk-lf-test";
              secretKeyFile = keyFile;
              projects."~/demo" = { };
            };
          }
        ]
        ++ modules
      );
    in
    lib.nameValuePair "delivery-${name}" (
      home.check name ''
        fresh_home absent
        ln -s ${evaluated.config.home.path} "$HOME/.nix-profile"
        ${setUp}
        activate ${evaluated.activationPackage} || fail "activation failed"
        ${lib.getExe demo} --home "$HOME" ${address}
      ''
    );

  # As sops-nix and agenix put it into a home.
  keyInHome = {
    keyFile = "~/.config/sops-nix/secrets/langfuse";
    setUp = ''
      mkdir -p "$HOME/.config/sops-nix/secrets"
      (umask 077 && echo sk-lf-test >"$HOME/.config/sops-nix/secrets/langfuse")
    '';
  };
in
lib.listToAttrs (
  map delivery [
    (
      keyInHome
      // {
        name = "merge";
        address = "127.0.0.1:41731";
        modules = [ ];
      }
    )
    (
      keyInHome
      // {
        name = "claude-code";
        address = "127.0.0.1:41732";
        modules = [
          home.claudeCode
          { programs.claude-code.settings.model = "opus"; }
        ];
      }
    )
    (
      keyInHome
      // {
        name = "plugin";
        address = "127.0.0.1:41733";
        modules = [ { programs.claude-langfuse.hook.via = "plugin"; } ];
      }
    )
  ]
)
