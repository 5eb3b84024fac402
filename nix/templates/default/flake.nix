{
  inputs.autopilot.url = "github:example/autopilot"; # wherever your team keeps it
  inputs.nixpkgs.follows = "autopilot/nixpkgs";

  outputs =
    { autopilot, nixpkgs, ... }:
    let
      each = nixpkgs.lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
      ];
    in
    {
      # nix run .#autopilot -- 1
      apps = each (system: {
        inherit (autopilot.apps.${system}) autopilot default;
      });
      # nix flake check
      checks = each (system: {
        autopilot = autopilot.lib.${system}.auditCheck { src = ./.; };
      });
      # nix develop
      devShells = each (system: {
        inherit (autopilot.devShells.${system}) default;
      });
    };
}
