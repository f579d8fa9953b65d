# The links of `home.file` at a path and at its parent folders. `own` is a file that depends on the result.
{ config, lib }:
path: own:
let
  inHome = lib.removePrefix "${config.home.homeDirectory}/" path;
  files = lib.attrValues (removeAttrs config.home.file [ own ]);
  isAbove = file: file.enable && lib.hasPrefix "${file.target}/" "${inHome}/";

  # Evaluation can't read files that are not built yet.
  isBuilt = source: lib.all (of: !of ? outputs) (lib.attrValues (builtins.getContext "${source}"));
  describe =
    file:
    let
      folder = file.target;
      option = "home.file.\"${folder}\"";
      isFolder = folder != inHome;
      isOutOfStore = lib.hasPrefix "ln -s " (file.source.buildCommand or "");
      inside = if isFolder then "${file.source}/${lib.removePrefix "${folder}/" inHome}" else file.source;
      isReadable = isBuilt file.source && lib.pathIsRegularFile inside;
      read = lib.optionalString isReadable (builtins.readFile inside);
    in
    {
      inherit option;
      remedy = if isOutOfStore then "link its files one by one" else "set ${option}.recursive = true";
      isWhole = !file.recursive;
      isInStore = !isOutOfStore && (!isFolder || !file.recursive || isReadable);
      text = if !isFolder && file.text != null then file.text else read;
    };
in
map describe (lib.filter isAbove files)
