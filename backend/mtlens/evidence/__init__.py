"""Evidence about why models match: CKA and gradients from tensors, and the jobs that compute them from stored models."""
