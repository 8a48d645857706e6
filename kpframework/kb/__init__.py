"""Knowledge bases and entity vectors on disk: Parquet, safetensors, JSON."""
