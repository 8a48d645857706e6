"""``kpframework sweep``: options of a spec that make a row best on dev, searched by Optuna."""
