"""Hidden states of trained models, and how similar they are (CKA)."""
