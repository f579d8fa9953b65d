# Tests the whole path: a recorded session of Claude Code in an activated home calls the registered hook. The hook sends
# every row to the mock Langfuse of the module's configuration, and logs it.
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
          # The path that sops-nix uses in a home.
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
      grep -q 'INFO' "$HOME/.claude/state/langfuse_hook.log" || fail "the log has no line"
    '';
  settings.programs.claude-code.settings.model = "opus";
in
{
  delivery-merge = delivery 41731 { } "merge";
  delivery-claude-code = delivery 41732 (home.both home.claudeCode settings) "claude-code";
  delivery-store-link = delivery 41733 home.storeLink "store-link";
}
