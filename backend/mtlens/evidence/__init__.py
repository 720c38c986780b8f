"""Why models match: tensors in, numbers out; then which checkpoints are compared."""
