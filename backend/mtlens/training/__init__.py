"""One run: the model, its loss, its loop, its checkpoints. Plain torch, without Ray."""
