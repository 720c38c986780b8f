"""The files of a workspace: run folders, evidence folders, manifests and journals."""
