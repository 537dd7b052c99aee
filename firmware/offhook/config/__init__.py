"""The YAML config and board files: text in, typed models or every fault out."""
