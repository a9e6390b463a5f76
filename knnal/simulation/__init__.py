"""What labels are worth: learning curves, and accuracy estimated while labeling."""
