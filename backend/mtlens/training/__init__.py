"""One run: the model, its loss, its loop, its checkpoints. Plain torch; Ray is not known here."""
