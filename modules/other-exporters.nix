# Other exporters of the same turns among the lines of places: with both, each turn arrives twice and its cost counts twice.
{ lib }:
let
  # A script that nothing runs sends nothing, nor does a plugin that is off.
  isExporter =
    line: lib.match ".*command.*langfuse_hook.*|.*\"langfuse-observability@.*true.*" line != null;
  shown = line: if lib.stringLength line > 200 then "langfuse_hook" else lib.trim line;
  warn =
    place: line:
    "programs.claude-langfuse: each turn arrives in Langfuse twice, because another exporter sends it too; remove ${shown line} from ${place}";
in
lib.mapAttrsToList (
  place: text: map (warn place) (lib.filter isExporter (lib.splitString "\n" text))
)
