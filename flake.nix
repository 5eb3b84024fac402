{
  description = "Autopilot: runs plans for GitHub issues unattended, confined step by step, with evidence";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs =
    { nixpkgs, ... }:
    let
      inherit (nixpkgs) lib;
      # Landlock and namespaces: Linux only.
      each = lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
      ];
      pkgsOf = system: nixpkgs.legacyPackages.${system};
      built = each (system: (pkgsOf system).callPackage ./nix/package.nix { });
    in
    {
      packages = each (system: {
        inherit (built.${system}) autopilot unwrapped;
        default = built.${system}.autopilot;
      });

      apps = each (system: rec {
        autopilot = {
          type = "app";
          program = lib.getExe built.${system}.autopilot;
          meta.description = "Runs plans for GitHub issues unattended";
        };
        default = autopilot;
      });

      checks = each (
        system:
        (pkgsOf system).callPackage ./nix/checks.nix {
          inherit (built.${system}) autopilot unwrapped dependencies;
        }
      );

      devShells = each (system: {
        default = (pkgsOf system).callPackage ./nix/shell.nix { };
      });

      formatter = each (system: (pkgsOf system).callPackage ./nix/formatter.nix { });

      overlays.default = final: _previous: {
        inherit (final.callPackage ./nix/package.nix { }) autopilot;
      };

      # The audit as the gate of any repository's own `nix flake check`.
      lib = each (system: {
        auditCheck = (pkgsOf system).callPackage ./nix/audit-check.nix {
          inherit (built.${system}) unwrapped;
        };
      });

      templates = rec {
        default = {
          path = ./nix/templates/default;
          description = "A repository with a plan, the audit as its gate, and a workflow";
          welcomeText = builtins.readFile ./nix/templates/default/WELCOME.md;
        };
        # For a repository that has a flake.nix of its own.
        gate = {
          path = ./nix/templates/gate;
          description = "The audit as a gate: plan, attributes and workflow without a flake";
          inherit (default) welcomeText;
        };
      };
    };
}
