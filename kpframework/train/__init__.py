"""Training: host adaptation, map-tuning, head fitting, in one loop."""
