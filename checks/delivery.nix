# The whole path: a session of Claude Code, played in an activated home, calls the hook that activation registered, which
# sends every row to the stand-in for Langfuse that the module's configuration names, and says so in its log.
{
  pkgs,
  home,
  demo,
}:
let
  inherit (pkgs) lib;

  delivery =
    port: module: name:
    let
      address = "127.0.0.1:${toString port}";
      evaluated = home.evaluate name {
        imports = [ module ];
        programs.claude-langfuse = {
          host = "http://${address}";
          publicKey = "pk-lf-test";
          # As sops-nix puts it into a home.
          secretKeyFile = "~/.config/sops-nix/secrets/langfuse";
          projects."~/demo" = { };
        };
      };
    in
    home.check name { } ''
      fresh_home absent
      ln -s ${evaluated.config.home.path} "$HOME/.nix-profile"
      mkdir -p "$HOME/.config/sops-nix/secrets"
      (umask 077 && echo sk-lf-test >"$HOME/.config/sops-nix/secrets/langfuse")
      activate ${evaluated.activationPackage} || fail "activation failed"
      ${lib.getExe demo} --home "$HOME" ${address}
      grep -q 'INFO' "$HOME/.claude/state/langfuse_hook.log" || fail "there is no line in the log"
    '';
  settings.programs.claude-code.settings.model = "opus";
in
{
  delivery-merge = delivery 41731 { } "merge";
  delivery-claude-code = delivery 41732 (home.both home.claudeCode settings) "claude-code";
  delivery-store-link = delivery 41733 home.storeLink "store-link";
}
