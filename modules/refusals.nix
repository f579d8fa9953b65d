# What would be sent nowhere, to the wrong place or into everybody's sight is refused, with the remedy. `option` says where
# something is written, `env` are the variables that it comes to.
{ lib, variables }:
let
  spellings = name: [
    name
    "CC_${name}"
  ];
  sets = env: name: lib.any (spelling: env ? ${spelling}) (spellings name);
  setsKey = env: name: sets env name || sets env "${name}_FILE";
  setsHost = env: sets env "LANGFUSE_BASE_URL" || sets env "LANGFUSE_HOST";
  hasKeys = env: setsKey env "LANGFUSE_PUBLIC_KEY" || setsKey env "LANGFUSE_SECRET_KEY";
  hostOf =
    env:
    lib.removeSuffix "/" (
      env.CC_LANGFUSE_BASE_URL or env.CC_LANGFUSE_HOST or env.LANGFUSE_BASE_URL or env.LANGFUSE_HOST
        or "https://cloud.langfuse.com"
    );

  isSecret =
    name: value: lib.elem name (spellings "LANGFUSE_SECRET_KEY") || lib.hasInfix "sk-lf-" value;
  isInStore = name: value: lib.hasSuffix "_FILE" name && lib.hasPrefix builtins.storeDir value;
  nearest =
    name:
    lib.head (
      lib.sort (
        one: other: lib.strings.levenshtein one name < lib.strings.levenshtein other name
      ) variables
    );

  # The messages never show a value.
  ofVariable = option: name: value: [
    {
      assertion = lib.elem name variables;
      message = "${option}.environment: ${name} is not a variable of claude-langfuse; did you mean ${nearest name}?";
    }
    {
      assertion = !isSecret name value;
      message = "${option}: ${name} holds a secret, and everybody can read the Nix store; put the key into a file and name that in ${option}.secretKeyFile";
    }
    {
      assertion = !isInStore name value;
      message = "${option}: ${name} names a file in the Nix store, which everybody can read; name one outside of it, such as agenix's or sops-nix's, as a string";
    }
  ];
in
rec {
  # What holds for all projects, or in one.
  ofScope =
    option: env:
    lib.concatLists (lib.mapAttrsToList (ofVariable option) env)
    ++ [
      {
        assertion = setsKey env "LANGFUSE_PUBLIC_KEY" == setsKey env "LANGFUSE_SECRET_KEY";
        message = "${option}: one of the two keys is missing; set publicKey (or publicKeyFile) and secretKeyFile together, because keys of two places are never mixed";
      }
      {
        assertion = !(sets env "LANGFUSE_PUBLIC_KEY" && sets env "LANGFUSE_PUBLIC_KEY_FILE");
        message = "${option}: publicKey and publicKeyFile are both set; keep one";
      }
      {
        assertion = lib.any (scheme: lib.hasPrefix scheme (hostOf env)) [
          "https://"
          "http://"
        ];
        message = "${option}.host: the address must begin with https:// or http://";
      }
    ];

  # One project, where `all` holds too.
  ofProject =
    module: all: path: env:
    let
      option = "${module}.projects.\"${path}\"";
    in
    ofScope option env
    ++ [
      {
        assertion = lib.hasPrefix "/" path || lib.hasPrefix "~/" path;
        message = "${option}: the path must be whole, or begin with ~/";
      }
      {
        assertion = setsHost env && hasKeys all && !hasKeys env -> hostOf env == hostOf all;
        message = "${option}.host: the keys that hold for all projects are keys to ${hostOf all}; set publicKey and secretKeyFile here too";
      }
    ];
}
