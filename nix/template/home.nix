{
  home = {
    username = "me";
    homeDirectory = "/home/me";
    stateVersion = "26.05";
  };

  programs.claude-langfuse = {
    enable = true;
    host = "https://cloud.langfuse.com";
    publicKey = "pk-lf-…";
    secretKeyFile = "~/.secrets/langfuse";
    projects."~/code/app" = { };
  };
}
