"""What is used unless the user says otherwise. Imports nothing: front ends start at once."""

STRATEGY = "cdf-product"
CLASSIFIER = "combined"
K = 5
TEMPERATURE = 0.07
BETA = 0.6
AUDIT = 0.1
NEAR_DUPLICATE = 0.95
SEED = 0
POOL = ".knnal"
