"""Does the evidence predict gains of multi-task training? Statistics over tasks in groups; groups share tasks."""
