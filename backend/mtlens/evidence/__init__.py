"""Why models match: CKA and gradients computed from tensors, and the jobs that compute them from stored models."""
