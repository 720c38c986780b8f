"""An exported family of models, loaded for prediction."""
