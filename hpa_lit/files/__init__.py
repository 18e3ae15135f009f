"""What lies on disk: where it lies, pictures, and the prediction file."""
