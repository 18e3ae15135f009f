"""Images and labels on their way to a network: views, transforms, the dataset and its data module."""
