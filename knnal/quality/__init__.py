"""How good labels and predictions are: audit, calibration, label errors, stopping advice."""
